# SPDX-License-Identifier: Apache-2.0
"""The programs that docs/python.md and README quote, and what they must come to."""

import numpy as np
import torch
from torch import nn

# [functions]
import norma

x = np.random.default_rng(0).normal(size=(2, 7, 300)).astype(np.float32)  # 2 sentences of 7 words of 300 numbers
y = norma.layer_norm(x, (300,))                    # each word is one distribution
z = norma.normalize(x, over=(1, 2))                # each sentence is one distribution
norma.normalize(x, over=(1, 2), lengths=[5, 7], out=z)  # its padding belongs to none, and comes out as 0

t = norma.layer_norm(torch.from_numpy(x), 300)     # a torch.Tensor again; JAX and other DLPack likewise
m = norma.moments(x[:1], 0).merge(norma.moments(x[1:], 0))  # of chunks, threads, machines
# [/functions]
np.testing.assert_allclose(y, t.numpy())
assert (z[0, 5:] == 0).all()
np.testing.assert_allclose(m.mean, x.astype(float).mean(0, keepdims=True), atol=1e-12)

# [convert]
import norma.torch

model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LayerNorm(288))
model = norma.torch.convert(model, report=True)    # 1: BatchNorm2d -> norma.torch.BatchNorm2d …
# [/convert]
loader = [torch.randn(n, 3, 8, 8) for n in (16, 16, 5)]
batch = loader[0]
assert type(model[1]) is norma.torch.BatchNorm2d

# [tools]
norma.torch.recalibrate(model, loader)             # running statistics: those of the whole set, exactly
for finding in norma.torch.diagnose(model, batch):
    print(finding)                                 # 1: dead channels: 1 of 8 constant over the batch (3)
norma.torch.fold(model.eval(), batch)              # each BatchNorm into the convolution before it
# [/tools]
assert isinstance(model[1], nn.Identity)

import pandas

# [frames]
incomes = pandas.DataFrame({"country": ["A", "A", "A", "B", "B", "B"], "income": [12.0, 15, 30, 5, 6, 10]})
z = norma.standardize(incomes, "income", by="country")       # pandas, Polars, Arrow: the same kind comes back

scores = norma.Standardizer("income", by="country")
for chunk in (incomes[:2], incomes[2:]):
    scores.partial_fit(chunk)
back = scores.inverse(scores.transform(incomes))             # 12, 15, 30, 5, 6, 10

from norma.sklearn import GroupStandardScaler

z = GroupStandardScaler(by="country").fit_transform(incomes)
# [/frames]
np.testing.assert_allclose(back["income"], incomes["income"])
np.testing.assert_allclose(z["income"][:3], (incomes["income"][:3] - 19) / np.sqrt(62))
