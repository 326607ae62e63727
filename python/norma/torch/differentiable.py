# SPDX-License-Identifier: Apache-2.0
"""The gradients in PyTorch's own operations, which can be differentiated once more."""

from __future__ import annotations

from typing import Optional, Sequence

import torch
from torch import Tensor

from norma.torch.kernels import Narrowing
from norma.torch.keys import Key, parameter_axes, pooled


def _real(x: Tensor, narrowing: Narrowing) -> Optional[Tensor]:
    """Which elements of x count, as bool of x's shape; None for all."""
    if narrowing.mask is not None:
        return narrowing.mask.bool().expand_as(x)
    if narrowing.lengths is None:
        return None
    axis = narrowing.axis
    position = torch.arange(x.shape[axis], device=x.device)
    real = position[None, :] < narrowing.lengths.to(x.device)[:, None]
    return real.view([n if a in (0, axis) else 1 for a, n in enumerate(x.shape)]).expand_as(x)


def _along(values: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
    return values.to(x.dtype).reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])


def gradients(dy, x, weight, statistics, key: Key, eps, centered, narrowing, needs):
    """dx, dweight and dbias where needed: the formulas of norma.backward.

    statistics  the running mean and variance where the forward pass used them, as constants; else empty.
    """
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, dy = x.float(), dy.float()
    if eps is None:
        eps = torch.finfo(x.dtype).eps
    shape, axes = pooled(x, key)
    of_parameters = parameter_axes(x.dim(), key)
    real = _real(x, narrowing)
    if real is None:
        number = 1
        for axis in axes:
            number *= shape[axis]
    else:
        number = real.reshape(shape).sum(axes, keepdim=True).clamp(min=1)
        x, dy = x.masked_fill(~real, 0), dy.masked_fill(~real, 0)  # whatever padding holds, it touches nothing

    def mean(values: Tensor) -> Tensor:
        found = values.reshape(shape).sum(axes, keepdim=True) / number
        found = found.expand(shape).reshape(x.shape)
        return found if real is None else found.masked_fill(~real, 0)

    if statistics:
        centre, variance = (_along(s.detach(), x, parameter_axes(x.dim(), ("batch", key[1]))) for s in statistics)
    else:
        centre = mean(x) if centered else 0
        variance = mean((x - centre).square())
    rstd = (variance + eps).rsqrt()
    xhat = (x - centre) * rstd
    g = dy if weight is None else dy * _along(weight, x, of_parameters)
    dx = g * rstd
    if not statistics:
        dx = (g - mean(g * xhat) * xhat - (mean(g) if centered else 0)) * rstd
    if real is not None:
        dx = dx.masked_fill(~real, 0)
    rest = [a for a in range(x.dim()) if a not in of_parameters]
    total = (lambda t: t.sum(rest)) if rest else (lambda t: t)
    like = (lambda t: t.reshape(weight.shape).to(weight.dtype)) if weight is not None else (lambda t: t)
    return (
        dx.to(dtype) if needs[0] else None,
        like(total(dy * xhat)) if needs[1] else None,
        like(total(dy)) if needs[2] else None,
    )
