// SPDX-License-Identifier: Apache-2.0
// Names in the samples: key | English | 中文.

export const NAME_TEXT = `
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
edge.v | ↔ edges | 竖边
edge.h | ↕ edges | 横边
edge.o | spots | 斑点
`;
