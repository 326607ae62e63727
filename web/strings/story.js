// SPDX-License-Identifier: Apache-2.0
// The guided path and the claims: key | English | 中文.

export const STORY_TEXT = `
done | Right. | 正确。
g1 | Rich at home, poor next door | 在家算富，出门算穷
g1.text | Each square is a country, stronger in colour for a higher income. Each row, a region, is standardized by itself: a score says how rich a country is among its neighbours. | 每个小方格是一个国家，颜色越深收入越高。每一行是一个地区，各自标准化：得分只说明它在邻国中算不算富。
g1.ask | The average person in China has 2.4 times what one in India has. Find CN (Eastern Asia) and IN (Southern Asia) and click both. Who has the higher score? | 中国的人均收入是印度的 2.4 倍。请找到 CN（东亚）和 IN（南亚）并点选。谁的得分更高？
g1.answer | India: −0.23 against China's −0.93. Two distributions, two rulers: the order flipped. | 是印度：−0.23，而中国是 −0.93。两个分布，两把尺子：次序颠倒了。
g2 | One ruler for both | 换成同一把尺子
g2.text | Neither score is wrong. Each answers “how far above your own kind?”. To ask who has more, both must be measured together. Press Play to see it on the number line. | 两个得分都没错，它们回答的是“在同类里高出多少”。要问谁更多，就得把两者放在一起算。按“播放”，在数轴上看看。
g2.ask | Choose a normalization that makes China and India comparable. | 请选一种能让中国和印度相比的归一化。
g2.answer | Both are in one distribution now: their order is kept, and must be. That is the whole idea. All norms are this one choice. | 两国同属一个分布，次序必然不变。道理就这么简单：所有归一化，都只是这一个选择。
g3 | BatchNorm: one channel, all images | BatchNorm：一个通道，所有图像
g3.text | Four photographs, three channels: how red, green and blue each pixel is. BatchNorm measures one channel of all images together: it is lit. | 四张照片，红、绿、蓝三个通道。BatchNorm 把所有图像的同一个通道放在一起算，就是亮起的部分。
g3.ask | Click two pixels of different images that may be compared. | 请在不同图像里各点一个像素，使两者能比。
g3.answer | The same channel, two images: comparable. “More red than that picture” survives BatchNorm. | 同一通道、两张图像：能比。“比那张图更红”在 BatchNorm 之后仍然成立。
g4 | LayerNorm: one image, all channels | LayerNorm：一张图像，所有通道
g4.text | A and B are the red and the blue of one pixel of the coffee: more red than blue. BatchNorm measured the two apart, and now blue is ahead: the order flipped. | A 和 B 是咖啡照片里同一像素的红与蓝：红多于蓝。BatchNorm 把两者分开算，结果蓝反而在前：次序颠倒了。
g4.ask | Choose a norm that keeps the channels of one image comparable, and images apart. | 请选一种归一化：同一图像的各通道能比，不同图像则分开算。
g4.answer | LayerNorm over the sample: all of one image together. Now it is the images that cannot be compared. | 对整个样本做 LayerNorm：一张图像的全部放在一起算。这回不能比的是不同的图像。
g5 | Batch mates | 同批的邻居
g5.text | Under BatchNorm a picture's numbers depend on the others in its batch. “Shift the first sample” (below) brightens the cat; “Who is in the batch” says how far each picture moved. | 在 BatchNorm 下，一张图的结果取决于同批的其他图。下方的“平移第一个样本”会让猫变亮，“这一批里有谁”会告诉你每张图变了多少。
g5.ask | Shift the first sample, and choose a norm under which the others do not move. | 请平移第一个样本，再选一种让其他图纹丝不动的归一化。
g5.answer | Each sample is measured by itself: no mates matter, and training and inference agree. | 每个样本各算各的：不受邻居影响，训练与推理也一致。
g6 | A sentence, or a word? | 整句，还是逐词？
g6.text | Two sentences with 打 (“play” and “dozen”), each character a vector, a row. PyTorch's LayerNorm(D), as language models use it, takes each word as its own distribution. | 两句话里各有一个“打”（打篮球、一打包子），每个字是一个向量，占一行。语言模型里用的 LayerNorm(D)，是让每个词自成一个分布。
g6.ask | Make the words of one sentence comparable, then click two numbers of different words. | 请让同一句里的词能互相比较，再在两个不同的词里各点一个数。
g6.answer | LayerNorm over the sample: the sentence is one distribution. One name, two groupings. | 对整个样本做 LayerNorm：一句话是一个分布。同一个名字，两种分法。
g7 | Does a word keep its direction? | 词的方向会变吗？
g7.text | Often told: LayerNorm changes only a vector's length. It subtracts a mean, so it turns these embeddings by 12.9° on average, 18.7° at most (see “Words as vectors”). | 常听人说，LayerNorm 只改变向量的长度。其实它要减均值，这些词嵌入因此平均转过 12.9°，最多 18.7°（见“把词看作向量”）。
g7.ask | Choose the norm that turns no vector at all. | 请选一种完全不让向量转动的归一化。
g7.answer | RMSNorm subtracts nothing: 0°. To choose a norm, ask which values must be compared later. | RMSNorm 不减均值：0°。要选归一化，先问：以后要拿哪些值来比？
recap | What you can say now | 现在你能回答了
recap.1 | Which elements form one distribution? | 哪些元素构成一个分布？
recap.1.text | <b>BatchNorm:</b> one channel of all samples. <b>LayerNorm:</b> one sample, or, in language models, one word. <b>InstanceNorm, GroupNorm:</b> one channel, or a few, of one sample. | <b>BatchNorm：</b>所有样本的同一通道。<b>LayerNorm：</b>一个样本；在语言模型里是一个词。<b>InstanceNorm、GroupNorm：</b>一个样本的一个或几个通道。
recap.2 | What stays comparable? | 什么还能比？
recap.2.text | What was measured together: order, and ratios of differences. | 放在一起算过的：次序，以及差与差之比。
recap.3 | What is lost? | 丢了什么？
recap.3.text | Any comparison with another distribution, unless its mean and deviation are kept. | 与其他分布的一切比较，除非留下各自的均值和标准差。
recap.4 | Why did vision and language choose differently? | 视觉和语言为什么选得不同？
recap.4.text | What is measured: BatchNorm needs large, steady batches and a second set of statistics for inference; sentences of changing length, padding and small batches break both. That image features are “objective” is an interpretation; vision transformers use LayerNorm. | 有实测依据的是：BatchNorm 要求批次大而稳定，推理还要另一套统计量；句子长短不一、有填充、批次又小，两条都难满足。“图像特征是客观的”只是一种解释；视觉 Transformer 用的就是 LayerNorm。
claims | The popular sentences, held against these data | 那些流行的说法，用这份数据检验
verdict.holds | holds | 成立
verdict.only | holds only if | 有条件成立
verdict.fails | fails | 不成立
verdict.none | not for these data to say | 这份数据说明不了
claim.show | Show me | 看看
claim.elsewhere | These data cannot decide it; others here do. | 这份数据说明不了，换一份就能。
claim.within | Members of one distribution stay comparable. | 同一分布的成员仍然能比。
claim.within.text | {kept} % of {pairs} ordered pairs keep their order. Guaranteed without weight and bias; weights that differ take the guarantee away, a negative one turns all round. | 在 {pairs} 个有大小之分的数对中，{kept} % 次序不变。不带 weight 和 bias 时必然如此；weight 各不相同就不再保证，weight 为负则全部颠倒。
claim.across | Members of different distributions cannot be compared. | 不同分布的成员不能比。
claim.across.text | {reversed} of {pairs} pairs ({share} %) are reversed; the rest are in order by chance. A score compares positions, each within its own distribution, not amounts. It takes μ and σ to get back to amounts. | {pairs} 个数对中有 {reversed} 个（{share} %）颠倒，其余只是碰巧没变。得分比的是各自分布中的位置，不是数量；要回到数量，就得留着 μ 和 σ。
claim.normal | The result is a standard normal: the rich become 3, the poor −3, the middle 0. | 结果服从标准正态：富人得 3，穷人得 −3，中间的得 0。
claim.normal.text | The lit distribution runs from {low} to {high}; its median is {median}, its skewness {skew}, its excess kurtosis {kurtosis} (a normal one has 0 in all three). Zero is the mean, not the middle member; the shape never changes. | 亮起的分布从 {low} 到 {high}，中位数 {median}，偏度 {skew}，超额峰度 {kurtosis}（正态分布这三项都是 0）。零是均值，不是排在正中的那个；形状从不改变。
claim.weights | LayerNorm's output stays comparable within the sample, whatever its weights. | 不管 weight 是多少，LayerNorm 的输出在样本内总能比。
claim.weights.text | With a weight for each coordinate, as trained layers have, {kept} % of the orders within a sample are kept here: each coordinate is stretched differently. | 每个坐标各有一个 weight（训练后就是这样），此处样本内只有 {kept} % 的次序不变：各坐标伸缩的程度不同。
claim.direction | LayerNorm keeps a word vector's direction and changes only its length. | LayerNorm 只改变词向量的长度，不改变方向。
claim.direction.text | It subtracts a common mean, and that turns the vectors: by {mean}° on average, {most}° at most over the sentence; {token}° where each word stands alone. RMSNorm subtracts nothing: {rms}°. | 它要减去共同的均值，向量因此转动：按整句算平均 {mean}°，最多 {most}°；逐词算平均 {token}°。RMSNorm 不减均值：{rms}°。
claim.sentence | LayerNorm makes a sentence one distribution. | LayerNorm 把一句话当作一个分布。
claim.sentence.text | Only with normalized_shape = (L, D): {sentences} distributions here. PyTorch's LayerNorm(D) in language models makes every word its own: {words}. Then even words of one sentence are standardized apart. | 只有 normalized_shape = (L, D) 时才是，此处 {sentences} 个分布。语言模型里用的 LayerNorm(D) 让每个词自成一个分布：{words} 个，同一句里的词也各算各的。
claim.mates | With BatchNorm a sample's result depends on its batch mates. | 用 BatchNorm 时，一个样本的结果取决于同批的其他样本。
claim.mates.text | With {half} of the {all} samples, the same numbers move by {moved} on average. In training only: in inference no mate matters. | 只取 {all} 个样本中的 {half} 个，同样的数平均变了 {moved}。这只发生在训练时；推理时与同批无关。
claim.eval | BatchNorm compares a sample with its batch. | BatchNorm 是拿样本和同一批比。
claim.eval.text | In training only. In eval it compares with the training set's running statistics: one fixed map for each channel, in any batch. | 只在训练时是。推理时，是和训练集的运行统计量比：每个通道一个固定的映射，与批次无关。
claim.objective | Vision takes BatchNorm because its features are objective, language LayerNorm because its are not. | 视觉用 BatchNorm，因为特征是客观的；语言用 LayerNorm，因为特征是主观的。
claim.objective.text | An interpretation. Measured causes are small or changing batches and the gap between training and inference. Vision transformers use LayerNorm. | 这是一种解读。有实测依据的原因是：批次小、统计量波动、训练与推理有差距。视觉 Transformer 用的就是 LayerNorm。
`;
