// SPDX-License-Identifier: Apache-2.0
// What the controls and rooms of the page say: key | English | 中文.

export const PAGE_TEXT = `
title | Who is compared with whom? | 谁和谁比？
lead | BatchNorm, LayerNorm and the others do the same thing: subtract a mean, divide by a deviation. They differ in one choice: which numbers are measured together. | BatchNorm、LayerNorm……做的其实是同一件事：减去均值，再除以标准差。不同的只有一点：哪些数放在一起算。
other-lang | 中文 | English
theme | Dark mode | 深色模式
choices | Data and normalization | 数据与归一化
back | Back | 上一步
next | Next | 下一步
step.again | Return to this step | 回到这一步
step | Step {n} of 7 | 第 {n} 步，共 7 步
step.done | Step {n} of 7, answered | 第 {n} 步，共 7 步，已答对
data | Data | 数据
norm | Normalization | 归一化
axes | Measured together along | 沿哪些轴放在一起算
groups | Groups of channels | 通道分组
groups.n | {n} groups | {n} 组
groups.one | 1 group: LayerNorm | 1 组，即 LayerNorm
groups.some | {n} groups: GroupNorm | {n} 组，GroupNorm
groups.all | {n} groups: InstanceNorm | {n} 组，即 InstanceNorm
group.one | With one group, GroupNorm is LayerNorm over the sample. | 只有一组时，GroupNorm 就是对整个样本做的 LayerNorm。
group.all | With a group for each channel, GroupNorm is InstanceNorm. | 每个通道自成一组时，GroupNorm 就是 InstanceNorm。
data.incomes | Incomes | 收入
data.images | Images | 图像
data.features | Feature maps | 特征图
data.sentences | Sentences | 句子
data.own | Your own… | 自己的数据…
level | Which vectors | 取哪一层的向量
level.layer2 | Last layer | 最后一层
level.embedding | Embedding | 词嵌入
own.file | Open .npy, .csv or images… | 打开 .npy、.csv 或图片…
own.or | or paste numbers (CSV), or sentences, one a line: | 或粘贴数字（CSV），或每行一个句子：
own.go | Show this | 显示
own.paste | pasted text | 粘贴的文本
own.spelled | This page holds no language model: each character's vector was made of its code alone and means nothing. The groupings are real; the angles say nothing about language. | 本页没有语言模型：每个字的向量只由字符编码生成，不含语义。分组是真实的，角度则不说明任何语言现象。
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
norm.axes | Your own choice of axes | 自选的轴
axis.N | N samples | N 样本
axis.C | C channels | C 通道
axis.H | H rows | H 行
axis.W | W columns | W 列
axis.L | L words | L 词
axis.D | D features | D 特征
made | {name}: <b>{count}</b> distributions. One is lit, blue and hatched: {lit}, whose <b>{size}</b> numbers are measured together. | {name}：共 <b>{count}</b> 个分布。蓝色斜纹标出其中一个：{lit}，其 <b>{size}</b> 个数放在一起算。
made.one | {name}: <b>one</b> distribution; all {size} numbers are measured together. | {name}：只有<b>一个</b>分布，{size} 个数全部放在一起算。
alone | A batch of one: BatchNorm measures each channel of this one sample by itself, so it is InstanceNorm now. Its running statistics would follow a single sample. | 一批只有一个样本：BatchNorm 只能在这一个样本内逐通道计算，此时就等于 InstanceNorm。运行统计量也只跟着这一个样本走。
alone.value | A batch of one, one number a channel: each is its own mean, and all come out as 0 (plus bias). PyTorch refuses to train on this. | 一批只有一个样本，每个通道只有一个数：均值就是它自己，结果全为 0（加上 bias）。PyTorch 会拒绝这样训练。
constant | All numbers of the lit distribution are equal: the deviation is 0, eps keeps the division finite, and all come out as 0 (plus bias). | 亮起的分布里所有数都相等：标准差为 0，靠 eps 才不至于除以零，结果全为 0（加上 bias）。
stage.title | The tensor before and after | 归一化前后的张量
before | Before | 之前
after | After | 之后
ruler | On the number line: each row is a distribution; the band is its mean ± one deviation | 数轴上看：每行一个分布，色带是均值 ± 一个标准差
ruler.note | The numbers of up to three distributions on a line, at the chosen stage of the computation | 数轴上最多三个分布的数，处于所选的计算阶段
play | ▶ Play | ▶ 播放
stage | Stage of the computation: 0 raw, 1 centred, 2 scaled, 3 times weight plus bias | 计算阶段：0 原始，1 减均值，2 除以标准差，3 乘 weight 加 bias
raw | raw | 原始
centred | − mean | 减均值
scaled | ÷ deviation | 除以标准差
affine | × weight + bias | × weight + bias
keys | Point or tap: its distribution lights up. Click two elements to compare them. Keyboard: arrows move, Enter pins. | 指一下或点一下，它所在的分布就会亮起；点选两个元素即可比较。键盘：方向键移动，回车选定。
point | This element | 这个元素
point.none | Point at a cell: its distribution lights up. | 指向任意一格，它所在的分布就会亮起。
point.pad | It belongs to no distribution: padding, or outside the batch. It comes out as zero. | 它不属于任何分布：是填充，或不在这一批里。结果为零。
point.change | Change its value | 改成
point.undo | Undo the changes | 撤销修改
belongs | In | 所在分布：
all | everything | 全体
sample | sample | 样本
word | word | 词
channel | channel | 通道
row | row | 行
column | column | 列
sentence | sentence | 句
feature | feature | 特征
pad | padding | 填充
mean | mean | 均值
variance | variance | 方差
deviation | deviation | 标准差
skewness | skewness (normal: 0) | 偏度（正态为 0）
kurtosis | excess kurtosis (normal: 0) | 超额峰度（正态为 0）
count | numbers | 个数
about0 | measured about 0 | 相对于 0 计算
running.used | running statistics | 运行统计量
pair | May the two be compared? | 这两个能比吗？
pair.none | Click two elements: A and B. | 请点选两个元素：A 和 B。
pair.one | Now click another. | 再点选一个。
pair.same | Yes. One distribution, one ruler. | 能比。同一个分布，同一把尺子。
pair.other | No. Two distributions, two rulers. | 不能比。两个分布，两把尺子。
pair.weights | Not any more. One distribution, but different weights. | 不能再比了。虽是同一个分布，weight 却各不相同。
pair.undone | As before. Weight and bias took the normalization back. | 和原来一样。weight 与 bias 把归一化又还原了。
pair.pad | What is in no distribution is compared with nothing. | 不属于任何分布的，不和任何数比。
pair.kept.same | Their order is kept, as it must be. | 次序不变，而且必然不变。
pair.reversed.same | A negative weight reverses every pair. | weight 为负，每一对的次序都会颠倒。
pair.kept.other | Their order survived, but by chance. | 次序没变，但只是碰巧。
pair.reversed.other | <b>Their order has flipped.</b> | <b>次序颠倒了。</b>
pair.kept.weights | Their order survived, but by chance. | 次序没变，但只是碰巧。
pair.reversed.weights | <b>Their order has flipped.</b> | <b>次序颠倒了。</b>
pair.kept.undone | Their order is the input's own. | 次序就是输入里的次序。
pair.reversed.undone | Their order is reversed. | 次序颠倒了。
pair.tied | They are equal, before or after. | 之前或之后两者相等。
pair.difference | A − B: {before} → {after}, divided by the {root} they share. Every difference in here is. | A − B：{before} → {after}，除以的是共用的 {root}；这个分布里的每个差都除以它。
pair.difference.other | A − B: {before} → {after}. Each was divided by its own deviation: the new difference measures nothing. | A − B：{before} → {after}。两者各除以自己的标准差，新的差没有意义。
pair.ratio | A ÷ B: {before} → {after}. A ratio does not outlive subtracting a mean. | A ÷ B：{before} → {after}。减去均值之后，比值就变了。
pair.ratio.kept | A ÷ B: {before} → {after}. RMSNorm subtracts nothing, so ratios stay. | A ÷ B：{before} → {after}。RMSNorm 不减均值，比值不变。
pair.eval | In inference BatchNorm is one fixed map for each channel: comparable across all images, not only within this batch. | 推理时 BatchNorm 对每个通道是一个固定的映射：和任何图像都能比，不限于这一批。
spoken | {where}. {value}. In {name}: mean {mean}, deviation {deviation}. | {where}。{value}。所在分布：{name}，均值 {mean}，标准差 {deviation}。
ranks | Lines that cross have changed their order | 线相交，就是次序变了
ranks.note | Blue: the lit distribution, whose lines never cross each other. Dashed: another one. A diamond marks a crossing. Only some members are drawn. | 蓝线：亮起的分布，彼此从不相交。虚线：另一个分布。菱形标出交点。只画出部分成员。
ranks.count | {lines} lines, {crossings} crossings. | {lines} 条线，{crossings} 个交点。
shape | The shape stays | 形状不变
shape.note | Filled: the lit distribution. Outline: another one ({other}). Dashed: the normal curve of the same mean and deviation. Standardizing moves and stretches the axis and changes no shape: skewness and kurtosis stay. | 实心：亮起的分布。空心轮廓：另一个分布（{other}）。虚线：同均值、同标准差的正态曲线。标准化只平移、伸缩坐标轴，不改变形状：偏度与峰度都不变。
knobs | Turn a knob, see who moves | 动一动，看谁跟着变
mates | Who is in the batch | 这一批里有谁
mates.note | Click to take a sample out or in. Beside each: by how much its numbers moved since nothing was turned. | 点一下可移出或移回。右侧是：与什么都没动时相比，它的数平均变了多少。
mates.out | outside the batch | 不在这一批里
mates.still | not moved by a single bit | 一个比特都没变
mates.moved | moved by {by} | 变了 {by}
mates.last | The last one stays. | 最后一个必须留下。
mates.first | The first … samples | 取前几个样本
knob.shift | Shift the first sample | 平移第一个样本
knob.contrast | Contrast of the first sample | 第一个样本的对比度
knob.outlier | Make this element an outlier | 把这个元素变成离群值
knob.eps | eps | eps
knob.weight | weight | weight
knob.bias | bias | bias
knob.vary | a different weight for each parameter | 每个参数的 weight 各不相同
knob.undo | weight = deviation, bias = mean: undo it | 令 weight = 标准差、bias = 均值：还原输入
knob.pads | count the padding too | 把填充也算进去
knob.rest | All knobs to rest | 全部复位
knob.table | A table has no weights: standardizing ends with the score. | 表格没有 weight：标准化到得分为止。
pads.effect | Deviation of the lit distribution: {without} without the padding, {counted} with it ({share} of it). | 亮起的分布的标准差：不算填充为 {without}，算上填充为 {counted}（前者的 {share} 倍）。
running | Training and inference | 训练与推理
running.text | In training BatchNorm uses this batch. In inference it uses running statistics, collected batch by batch, and the batch plays no part. Solid: each channel's running mean. Dashed: the mean of the batch above. | 训练时 BatchNorm 用当前这一批；推理时用逐批积累的运行统计量，与当前批次无关。实线：各通道的运行均值。虚线：上方这一批的均值。
running.only | Only BatchNorm differs between training and inference. Choose it, on images, feature maps or a tensor of your own. | 只有 BatchNorm 在训练和推理时不一样。请在图像、特征图或你自己的张量上选择它。
running.next | Train on a batch | 训练一批
running.many | 20 batches | 20 批
running.fresh | Forget | 清零
running.train | train | 训练
running.eval | eval | 推理
running.count | Batches seen: {n}, of {size} samples each. | 已见过 {n} 批，每批 {size} 个样本。
running.mismatch | Mismatch: on this batch, outputs of train and eval differ by {gap} on average. | 失配：在这一批上，训练与推理的输出平均相差 {gap}。
momentum | momentum | momentum
words | Words as vectors | 把词看作向量
words.turns | How far each word turned | 每个词转了多少度
words.turns.text | {mean}° on average, {most}° at most. | 平均 {mean}°，最多 {most}°。
words.ones | Off the line (1, …, 1) | 与 (1, …, 1) 的夹角
words.ones.text | Subtracting a word's own mean removes its part along (1, …, 1): it lands on the upright axis. Dividing then gives every word the length √D. RMSNorm only divides. | 减去一个词自己的均值，就是去掉它沿 (1, …, 1) 的分量：落到竖轴上。再做除法，每个词的长度都变成 √D。RMSNorm 只做除法。
words.axis | along (1, …, 1) | 沿 (1, …, 1)
words.rest | the rest | 其余分量
words.cosines | The cosine of every two words | 两两之间的余弦
words.pair | {p} and {q}: cosine {before} → {after} | “{p}”与“{q}”：余弦 {before} → {after}
words.keys | Click a cell, or move with the arrow keys. Larger is nearer to 1; round is negative. | 点选一格，或用方向键移动。方块越大越接近 1，圆形为负。
words.few | One word alone has no cosine. | 只有一个词，没有余弦可言。
table | All of them on these data | 同一份数据，各种归一化
table.note | Of all pairs that are ordered before and after: the share that keep their order. Counted exactly. | 前后都分得出大小的数对中，次序不变的比例。精确计数。
table.large | Left out above {most} elements: this table counts every pair exactly, and the page would stop for seconds at a time. norma explain counts any number. | 超过 {most} 个元素时不列出：此表要精确数遍所有数对，页面会一卡好几秒。norma explain 不限数量。
table.counting | Counting every pair: {done} of {all} norms are done. | 正在数遍所有数对：已完成 {done} 种，共 {all} 种归一化。
table.norm | norm | 归一化
table.count | distributions | 分布数
table.within | within one | 同一分布内
table.across | across | 不同分布间
table.angle | words turn by | 词转过
table.keeps | stays comparable | 还能比的
table.loses | is lost | 丢掉的
kind.channel | same channel, other image | 同通道、不同图像
kind.image | same image, other channel | 同图像、不同通道
kind.word | in one word | 同一个词内
kind.sentence | one sentence, two words | 同句的两个词
keep.region | neighbours | 同一地区的国家
keep.continent | countries of a continent | 同一大洲的国家
keep.world | every two | 任意两个
keep.all | every two | 任意两个
keep.batch | a channel across samples | 同一通道，跨样本
keep.sample | all of one sample | 一个样本内的一切
keep.token | the features of a word | 一个词的各特征
keep.token2 | the features of a sample | 一个样本的各特征
keep.position | the channels of a position | 同一位置的各通道
keep.instance | one channel of one sample | 一个样本的一个通道内
keep.group | a few channels of a sample | 一个样本的几个通道
keep.rms | ratios, directions, and 0 | 比值、方向，以及 0
lose.region | who of two regions has more | 跨地区谁更多
lose.continent | who of two continents has more | 跨大洲谁更多
lose.world | the unit and the zero | 单位与零点
lose.all | the unit and the zero | 单位与零点
lose.batch | a sample's channels against each other; independence of its mates | 样本内通道之间的高低；结果受同批影响
lose.sample | sample against sample | 样本之间的高低
lose.token | word against word | 词与词之间的高低
lose.token2 | sample against sample | 样本之间的高低
lose.position | place against place: brightness | 位置之间的高低，即亮暗
lose.instance | image and channel levels: contrast, tint | 图像与通道的总体高低：对比度、色调
lose.group | sample against sample, group against group | 样本之间、组之间的高低
lose.rms | length | 长度
save | Take it with you | 带走
save.files | Files for the command | 命令所需的文件
command | The command that reproduces this view | 重现当前结果的命令
command.copy | Copy the command | 复制命令
command.copied | Copied. | 已复制。
command.select | Select it and copy by hand: this browser does not let the page. | 浏览器不允许网页复制，请手动选取复制。
command.note | It reads {files} (saved by the button above) and writes the very bits whose hash stands below. | 它读取 {files}（用上方按钮保存），写出的结果与下面的哈希逐位一致。
command.table | It reads norma.csv (saved by the button above) and computes in double precision with eps = 0: equal to about seven digits. | 它读取 norma.csv（用上方按钮保存），以双精度、eps = 0 计算：约前七位数字一致。
bits | The C++ core computed all {count} numbers here ({ms} ms). SHA-256 of the output's bits, which are the native library's: | 全部 {count} 个数由 C++ 核心在本页算出（{ms} 毫秒）。输出的 SHA-256 如下，与本机库逐位相同：
reset | Begin anew | 从头开始
sources | Incomes: GDP per person 2014, World Bank, in R's spData, CC0. Photographs: scikit-image, CC0 or public domain; feature maps: their colours, and Sobel and Laplace filters of their brightness. Word vectors: LAC-small (Baidu), MIT and Apache-2.0; an illustration, no proof. Nothing leaves this page. | 收入：2014 年人均 GDP，世界银行，取自 R 的 spData，CC0。照片：scikit-image，CC0 或公有领域；特征图：照片的三原色，以及对亮度做的 Sobel、Laplace 滤波。词向量：LAC-small（百度），MIT 与 Apache-2.0；只是例子，不是证明。任何数据都不会离开本页。
refuse.memory | [memory] the browser gives no more; take less data | [内存] 浏览器不再分配内存；请减少数据
refuse.value | [value] '{value}' is not a number; give one | [值] “{value}”不是数字；请输入数字
refuse.axes | [{name}] there are {axes} axes; give up to 8 | [{name}] 有 {axes} 个轴；最多 8 个
refuse.rank | [{name}] has {axes} axes; give 1 to 4 | [{name}] 有 {axes} 个轴；请给 1 到 4 个
refuse.none | [{name}] holds no elements; give it some | [{name}] 里没有元素；至少要有一个
refuse.many | [{name}] has {count} elements; the page takes up to {most}, the command norma any number | [{name}] 有 {count} 个元素；本页最多 {most} 个，norma 命令不限
refuse.finite | [{name}] element {at} is {value}; the page draws finite numbers | [{name}] 第 {at} 个元素是 {value}；本页只画有限的数
refuse.npy | [{name}] does not begin as an .npy file does; save it with numpy.save | [{name}] 开头不是 .npy 格式；请用 numpy.save 保存
refuse.header | [{name}] ends inside its header; it was cut off | [{name}] 在文件头处就断了；文件不完整
refuse.dtype | [{name}] has dtype {dtype}; the page reads f4, f8, u1, i1, u2, i2, i4, the command norma more | [{name}] 的类型是 {dtype}；本页能读 f4、f8、u1、i1、u2、i2、i4，norma 命令能读更多
refuse.fortran | [{name}] is in Fortran order; save numpy.ascontiguousarray(x) | [{name}] 按 Fortran 顺序存放；请保存 numpy.ascontiguousarray(x)
refuse.cut | [{name}] needs {needs} bytes after its header and has {has}; it was cut off | [{name}] 文件头之后应有 {needs} 字节，只有 {has} 字节；文件不完整
refuse.empty | [{name}] is empty; paste numbers or sentences | [{name}] 是空的；请粘贴数字或句子
refuse.row | [{name}] row {row} is not {width} numbers; give every row as many | [{name}] 第 {row} 行不是 {width} 个数；每行个数要相同
refuse.image | [{name}] is no image that this browser can read; give PNG or JPEG | [{name}] 不是浏览器能读的图片；请给 PNG 或 JPEG
refuse.images | [{name}] is one of {count} images; give up to 16 at once | [{name}] 等共 {count} 张图片；一次最多 16 张
refuse.sentences | [{name}] has {count} sentences, the longest of {longest} characters; give up to 16 of up to 64 | [{name}] 有 {count} 个句子，最长 {longest} 字；最多 16 句、每句 64 字
refuse.bytes | [{name}] has {size} bytes; the page takes files up to 64 MB | [{name}] 有 {size} 字节；本页最多打开 64 MB 的文件
`;
