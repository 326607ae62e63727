// SPDX-License-Identifier: Apache-2.0
// All that the page says: key, English, 中文. {names} are filled in.

const TABLE = `
title | Who is compared with whom? | 谁和谁比？
lead | BatchNorm, LayerNorm and the others do one and the same thing: subtract a mean, divide by a deviation. They differ in which numbers are measured together. | BatchNorm、LayerNorm 等归一化做的是同一件事：减均值，除以标准差。区别只在于：把哪些数放在一起衡量。
other-lang | 中文 | English
theme | Light or dark | 浅色或深色
back | Back | 上一步
next | Next | 下一步
step | Step {n} of 7 | 第 {n} 步，共 7 步
data | Data | 数据
norm | Normalization | 归一化
axes | Measured together along | 沿哪些轴一起衡量
groups | {n} groups | {n} 组
data.incomes | Incomes | 收入
data.images | Images | 图像
data.sentences | Sentences | 句子
data.own | Your own… | 自己的数据…
level.layer2 | Last layer | 最后一层
level.embedding | Embedding | 词嵌入
own.file | Open .npy, .csv or images… | 打开 .npy、.csv 或图片…
own.or | or paste numbers (CSV), or sentences, one a line: | 或粘贴数字（CSV）、句子（每行一句）：
own.go | Show this | 显示
own.paste | pasted text | 粘贴的文本
own.spelled | The page holds no language model: each character got a vector made of its code alone, without meaning. The groupings are real, the angles say nothing about language. | 本页不含语言模型：每个字的向量只由其编码生成，没有语义。分组是真实的，角度则与语言无关。
norm.region | by region | 按地区
norm.continent | by continent | 按大洲
norm.world | all together | 全部一起
norm.batch | BatchNorm | BatchNorm
norm.sample | LayerNorm, sample | LayerNorm（整个样本）
norm.token | LayerNorm, word | LayerNorm（逐词）
norm.token2 | LayerNorm | LayerNorm
norm.position | LayerNorm, position | LayerNorm（逐位置）
norm.instance | InstanceNorm | InstanceNorm
norm.group | GroupNorm | GroupNorm
norm.rms | RMSNorm | RMSNorm
norm.axes | your own choice of axes | 自选的轴
axis.N | N samples | N 样本
axis.C | C channels | C 通道
axis.H | H rows | H 行
axis.W | W columns | W 列
axis.L | L words | L 词
axis.D | D features | D 特征
made | {name}: <b>{count}</b> distributions. Marked in blue: one of them, {size} numbers measured together. | {name}：共 <b>{count}</b> 个分布。蓝色标出其中一个，由一起衡量的 {size} 个数组成。
made.one | {name}: <b>one</b> distribution of {size} numbers, all measured together. | {name}：只有<b>一个</b>分布，{size} 个数全部一起衡量。
before | Before | 之前
after | After | 之后
play | Play | 播放
stage | Stage of the computation | 计算阶段
raw | raw | 原始
centred | centred | 中心化
scaled | scaled | 缩放
affine | × weight + bias | × weight + bias
keys | Point or tap: its distribution lights up. Click two elements to compare them. Keyboard: arrows move, Enter pins. | 指向或轻触元素，其所属分布会亮起。点击两个元素即可比较。键盘：方向键移动，回车选定。
point | This element | 当前元素
point.none | Point at an element of the block. | 请指向方块中的一个元素。
point.pad | Padding: it belongs to no distribution, and comes out as zero. | 填充：不属于任何分布，结果为零。
point.change | Change its value | 修改它的值
point.undo | Undo the changes | 撤销修改
mean | mean | 均值
deviation | deviation | 标准差
count | numbers | 个数
about0 | measured about 0 | 以 0 为中心
running.used | running statistics | 运行统计量
pair | May the two be compared? | 这两个能比较吗？
pair.none | Click two elements of the block: A and B. | 请点击方块中的两个元素：A 和 B。
pair.one | Now click another. | 再点击另一个。
pair.same | Yes. One distribution, one map. | 能。同一分布，同一个变换。
pair.other | No. Two distributions, two maps. | 不能。两个分布，两个变换。
pair.weights | Not any more. One distribution, but different weights. | 不再能。虽是同一分布，但 weight 各不相同。
pair.pad | Padding is compared with nothing. | 填充不与任何数比较。
pair.kept.same | Their order is kept, as it must be. | 次序不变，而且必然如此。
pair.reversed.same | Their order is reversed by the negative weight, for every pair. | 负的 weight 使每一对的次序都颠倒。
pair.kept.other | Their order survived, by chance. | 次序碰巧未变。
pair.reversed.other | <b>Their order has flipped.</b> | <b>次序颠倒了。</b>
pair.kept.weights | Their order survived, by chance. | 次序碰巧未变。
pair.reversed.weights | <b>Their order has flipped.</b> | <b>次序颠倒了。</b>
pair.tied | They are equal, before or after. | 之前或之后两者相等。
pair.eval | In inference BatchNorm is one fixed map for each channel: comparable with every image, not only with this batch. | 推理时 BatchNorm 对每个通道是一个固定的变换：可与任何图像比较，不限于这一批。
ranks | Lines that cross have changed their order | 线相交，就是次序变了
ranks.note | Blue: the lit distribution, whose lines never cross each other. Dashed: another one. Only some are drawn. | 蓝线：亮起的分布，彼此从不相交。虚线：另一个分布。只画出一部分。
shape | The shape stays | 形状不变
shape.note | Standardizing moves and stretches the axis. Dashed: a normal curve, which does not come of it. {size} numbers, skewness {skew} before and {skew2} after. | 标准化只是平移和拉伸坐标轴。虚线是正态曲线，数据并不会变成它。{size} 个数，偏度：之前 {skew}，之后 {skew2}。
knobs | Turn a knob, see who moves | 转动旋钮，看谁在动
knob.batch | Samples in the batch | 一批的样本数
knob.shift | Shift the first sample | 平移第一个样本
knob.outlier | Make this element an outlier | 把当前元素变成离群值
knob.eps | eps | eps
knob.weight | weight | weight
knob.bias | bias | bias
knob.groups | Groups (GroupNorm) | 组数（GroupNorm）
knob.vary | a different weight for each parameter | 每个参数的 weight 各不相同
knob.pads | count the padding too | 把填充也算进去
knob.table | A table has no weights: standardizing ends with the score. | 表格没有 weight：标准化到得分为止。
running | Training and inference | 训练与推理
running.text | In training BatchNorm uses this batch. In inference it uses running statistics, collected batch by batch, and no batch at all. Solid: the running mean of each channel. Dashed: the mean of all data. | 训练时 BatchNorm 用当前这批数据；推理时用逐批积累的运行统计量，与批次无关。实线：各通道的运行均值；虚线：全部数据的均值。
running.only | Only BatchNorm treats training and inference differently. Choose it on the images. | 只有 BatchNorm 的训练与推理不同。请在图像上选择它。
running.next | Train on the next batch | 训练下一批
running.many | 20 batches | 20 批
running.fresh | Forget | 清零
running.train | train | 训练
running.eval | eval | 推理
running.count | {n} batches of {size} seen | 已见 {n} 批，每批 {size} 个样本
running.gap | Largest gap to the data's mean: {gap} deviations. | 与数据均值的最大差距：{gap} 个标准差。
momentum | momentum | momentum
table | All of them on these data | 在这份数据上逐一比较
table.note | Of all pairs that are ordered before and after: how many keep their order. Counted exactly. | 在前后都有次序的全部数对中，次序不变者所占比例。精确计数。
table.norm | norm | 归一化
table.count | distributions | 分布数
table.within | within one | 同一分布之内
table.across | across | 不同分布之间
table.angle | words turn by | 词向量转过
table.keeps | what it keeps | 保留什么
kind.channel | same channel, other image | 同通道、不同图像
kind.image | same image, other channel | 同图像、不同通道
kind.word | in one word | 同一个词之内
kind.sentence | one sentence, two words | 同句的两个词之间
keep.region | rank among neighbours, not between regions | 地区内的名次，而非地区之间
keep.continent | rank within a continent | 大洲之内的名次
keep.world | every comparison | 一切比较
keep.batch | a channel across the samples of the batch | 同一通道在整批样本间可比
keep.sample | all that is in one sample | 一个样本之内的一切
keep.token | the features of one word | 一个词的各特征
keep.position | the channels of one position | 一个位置的各通道
keep.instance | positions in one channel of one sample | 一个样本一个通道之内的位置
keep.group | some channels of one sample | 一个样本的几个通道
keep.rms | the direction of a vector, and 0 | 向量的方向，以及 0
claims | The article's sentences, held against these data | 文章里的话，用这份数据检验
verdict.holds | holds | 成立
verdict.only | holds only if | 有条件成立
verdict.fails | fails | 不成立
verdict.none | not for data to say | 数据无法判定
claim.within | Members of one distribution stay comparable. | 同一分布的成员仍然可比。
claim.within.text | {kept} % of {pairs} ordered pairs keep their order. Guaranteed without weight and bias; a different weight for each element takes the guarantee away, a negative one turns all round. | {pairs} 个有序数对中 {kept} % 次序不变。不带 weight 和 bias 时必然如此；逐元素的 weight 会取消这一保证，负的 weight 会全部颠倒。
claim.across | Members of different distributions cannot be compared. | 不同分布的成员不能比较。
claim.across.text | {reversed} of {pairs} pairs ({share} %) are reversed. The rest are in order by chance. A score compares positions within each own distribution, not amounts. | {pairs} 个数对中 {reversed} 个（{share} %）次序颠倒，其余只是碰巧未变。标准分比较的是在各自分布中的位置，而不是数量。
claim.normal | The result is a standard normal: the rich become 3, the poor −3, the middle 0. | 结果是标准正态分布：富人为 3，穷人为 −3，中等为 0。
claim.normal.text | The marked distribution runs from {low} to {high}, its median is {median}, its skewness {skew}. Zero is the mean, not the middle member; the shape never changes. | 标出的分布从 {low} 到 {high}，中位数 {median}，偏度 {skew}。零是均值而不是中间那个；形状从不改变。
claim.direction | LayerNorm keeps a word vector's direction and changes only its length. | LayerNorm 只改变词向量的长度，不改变方向。
claim.direction.text | It subtracts a common mean, and that turns the vectors: by {mean}° on average, {most}° at most over the sentence; {token}° where each word stands alone. RMSNorm subtracts nothing: {rms}°. | 它减去了共同的均值，向量因此转向：整句时平均 {mean}°，最多 {most}°；逐词时平均 {token}°。RMSNorm 不减均值：{rms}°。
claim.sentence | LayerNorm makes a sentence one distribution. | LayerNorm 把一句话作为一个分布。
claim.sentence.text | Only with normalized_shape = (L, D): {sentences} distributions here. PyTorch's LayerNorm(D) in language models makes every word its own: {words}. Then even words of one sentence are standardized apart. | 仅当 normalized_shape = (L, D)，此处 {sentences} 个分布。语言模型里 PyTorch 的 LayerNorm(D) 让每个词自成一个分布：{words} 个。同句的词也各自标准化。
claim.mates | With BatchNorm a sample's result depends on its batch mates. | 用 BatchNorm 时，样本的结果取决于同批的其他样本。
claim.mates.text | With {half} of the {all} samples, the same numbers move by {moved} on average. | 只取 {all} 个样本中的 {half} 个，同样的数平均移动 {moved}。
claim.eval | BatchNorm compares a sample with its batch. | BatchNorm 把样本与同一批比较。
claim.eval.text | In training only. In eval it compares with the training set's running statistics: one fixed map for each channel, in any batch. | 仅在训练时。推理时与训练集的运行统计量比较：每个通道一个固定变换，与批次无关。
claim.objective | Vision takes BatchNorm because its features are objective, language LayerNorm because its are not. | 视觉用 BatchNorm，因为特征是客观的；语言用 LayerNorm，因为特征是主观的。
claim.objective.text | An interpretation. Measured causes are small or changing batches and the gap between training and inference. Vision transformers use LayerNorm. | 这是一种解释。有实测依据的原因是：批次小、统计量波动、训练与推理有差距。视觉 Transformer 用的就是 LayerNorm。
bits | The C++ core computed all {count} numbers here ({ms} ms). SHA-256 of the output's bits, the native library's own: | 全部 {count} 个数由 C++ 核心在此算出（{ms} 毫秒）。输出逐位的 SHA-256，与本机库一致：
svg | Save pictures as SVG | 图存为 SVG
png | Save pictures as PNG | 图存为 PNG
reset | Begin anew | 重新开始
sources | Incomes: GDP per person 2014, World Bank, in R's spData, CC0. Photographs: scikit-image, CC0 or public domain. Word vectors: LAC-small (Baidu), MIT and Apache-2.0; an illustration, no proof. Nothing leaves this page. | 收入：2014 年人均 GDP，世界银行，取自 R 的 spData，CC0。照片：scikit-image，CC0 或公有领域。词向量：LAC-small（百度），MIT 与 Apache-2.0；仅为示例，并非证明。本页不发送任何数据。
block | The tensor {when}. {where} Value {value}. Mean {mean}, deviation {deviation}. | 张量（{when}）。{where}。值 {value}。均值 {mean}，标准差 {deviation}。
sentence | sentence | 句
feature | feature | 特征
pad | padding | 填充
done | Right. | 正确。
g1 | Rich at home, poor next door | 在家算富，出门算穷
g1.text | Each small square is a country, its colour stronger for a higher income. Every region is standardized by itself: a score says how rich a country is among its neighbours. | 每个小方格是一个国家，颜色越强收入越高。每个地区单独标准化：得分只说明在邻国之中有多富。
g1.ask | China earns 2.4 times what India earns. Find both (Eastern Asia, Southern Asia) and click them. Who has the higher score? | 中国的人均收入是印度的 2.4 倍。请在东亚和南亚找到并点击这两国。谁的得分更高？
g1.answer | India: −0.23 against China's −0.93. Two distributions, two rulers: the order flipped. | 印度：−0.23，中国为 −0.93。两个分布，两把尺子：次序颠倒了。
g2 | One ruler for both | 同一把尺子
g2.text | Neither score is wrong. They answer “how far above your own kind?”. To ask who has more, both must be measured together. | 两个得分都没错，它们回答的是“比同类高多少”。要问谁更多，就得把两者放在一起衡量。
g2.ask | Choose a normalization that makes China and India comparable. | 请选一种能让中国和印度可比的归一化。
g2.answer | Both are in one distribution now: their order is kept, and must be. That is the whole idea; all norms are this choice. | 两国现在同属一个分布，次序必然不变。道理就这么多：各种归一化只是这一选择不同。
g3 | BatchNorm: one channel, all images | BatchNorm：一个通道，所有图像
g3.text | Four photographs, three channels. BatchNorm measures one channel of all images together (blue). | 四张照片，三个通道。BatchNorm 把所有图像的同一通道放在一起衡量（蓝色）。
g3.ask | Click two pixels of different images that may be compared. | 请点击不同图像中两个可以比较的像素。
g3.answer | The same channel, two images: comparable. “More red than that picture” survives BatchNorm. | 同一通道，两张图像：可比。“比那张更红”经过 BatchNorm 仍然成立。
g4 | LayerNorm: one image, all channels | LayerNorm：一张图像，所有通道
g4.text | A and B are red and blue of one pixel of the coffee: more red than blue. BatchNorm measured the two apart, and now blue is ahead: the order flipped. | A 和 B 是咖啡照片同一像素的红与蓝：红多于蓝。BatchNorm 把它们分开衡量，结果蓝反而更高：次序颠倒了。
g4.ask | Choose a norm that keeps the channels of one image comparable, and images apart. | 请选一种归一化，让同一图像的各通道可比，而不同图像分开。
g4.answer | LayerNorm over the sample: all of one image together. Now it is the images that cannot be compared. | 对整个样本做 LayerNorm：一张图像的全部一起衡量。这回不可比的是不同的图像。
g5 | Batch mates | 同批的邻居
g5.text | Under BatchNorm a picture's numbers depend on the others in its batch. Below, “Shift the first sample” brightens the cat: watch the other pictures. | 在 BatchNorm 下，一张图的结果取决于同批的其他图。下方“平移第一个样本”会让猫变亮：请看其他图片。
g5.ask | Shift the first sample, and choose a norm under which the other images do not move. | 请平移第一个样本，并选一种让其他图像纹丝不动的归一化。
g5.answer | Each sample is measured by itself: no mates, no difference between training and inference. | 每个样本单独衡量：没有邻居的影响，训练与推理也没有区别。
g6 | A sentence, or a word? | 整句，还是逐词？
g6.text | Two sentences with 打 (“play” and “dozen”), each character a vector. PyTorch's LayerNorm(D), as language models use it, takes each word as its own distribution. | 两句话里各有一个“打”（打球、一打），每个字是一个向量。语言模型里 PyTorch 的 LayerNorm(D) 让每个词自成一个分布。
g6.ask | Make words of one sentence comparable, then click two numbers of different words. | 请让同一句的不同词可比，然后点击不同词里的两个数。
g6.answer | LayerNorm over the sample: the sentence is one distribution. The same name, two different groupings. | 对整个样本做 LayerNorm：一句话是一个分布。同一个名字，两种分组。
g7 | Does a word keep its direction? | 词的方向不变吗？
g7.text | Often told: LayerNorm changes only a vector's length. It subtracts a mean, so it turns these embeddings by 12.9° on average, 18.7° at most. | 常听说 LayerNorm 只改变向量的长度。其实它减了均值，使这些词嵌入平均转过 12.9°，最多 18.7°。
g7.ask | Choose the norm that turns no vector at all. The table below counts for each. | 请选一种完全不改变方向的归一化。下表列出了每一种的角度。
g7.answer | RMSNorm subtracts nothing: 0°. You know it all now. To choose a norm, ask which values must be compared later. | RMSNorm 不减均值：0°。现在你都明白了：要选归一化，先问以后要比较哪些值。
chelsea | cat | 猫
coffee | coffee | 咖啡
rocket | rocket | 火箭
astronaut | astronaut | 宇航员
world | world | 世界
China | China | 中国
India | India | 印度
Eastern Asia | Eastern Asia | 东亚
Southern Asia | Southern Asia | 南亚
South-Eastern Asia | South-Eastern Asia | 东南亚
Central Asia | Central Asia | 中亚
Western Asia | Western Asia | 西亚
Eastern Africa | Eastern Africa | 东非
Middle Africa | Middle Africa | 中非
Northern Africa | Northern Africa | 北非
Southern Africa | Southern Africa | 南部非洲
Western Africa | Western Africa | 西非
Caribbean | Caribbean | 加勒比
Central America | Central America | 中美洲
Northern America | Northern America | 北美
South America | South America | 南美
Eastern Europe | Eastern Europe | 东欧
Northern Europe | Northern Europe | 北欧
Southern Europe | Southern Europe | 南欧
Western Europe | Western Europe | 西欧
Australia and New Zealand | Australia, New Zealand | 澳大利亚和新西兰
Melanesia | Melanesia | 美拉尼西亚
`;

const STRINGS = new Map(TABLE.trim().split('\n').map((line) => {
  const [key, en, zh] = line.split(' | ');
  return [key, { en, zh }];
}));

/// The text of a key, filled in; what is no key stands for itself (names in somebody's data).
export const translate = (lang, key, values = {}) => (STRINGS.get(key)?.[lang] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
