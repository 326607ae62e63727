# SPDX-License-Identifier: Apache-2.0
"""The kernels on tensors, without gradients of their own."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from norma import _norma
from norma.torch.keys import Key, parameters

_norma._borrow_openmp("libtorch_cpu")  # PyTorch's threads: two pools that spin would take each other's processors


class Narrowing(NamedTuple):
    """Which elements count: a mask that broadcasts to x, or lengths and the axis that they count."""

    mask: Optional[Tensor] = None
    lengths: Optional[Tensor] = None
    axis: int = 1


class Running(NamedTuple):
    """Running statistics. training: the batch's own are used, and these take them up; else these are used, as constants."""

    mean: Tensor
    var: Tensor
    training: bool
    momentum: float


class Fusion(NamedTuple):
    """What the same pass does besides: x + residual is normalized; add is added to the result, and relu taken of it."""

    residual: Optional[Tensor] = None
    add: Optional[Tensor] = None
    relu: bool = False


EVERYTHING = Narrowing()
NOTHING = Fusion()


def _narrowed(key: Key, narrowing: Narrowing) -> _norma.Grouping:
    grouping = _norma._grouping(key)
    if narrowing.mask is not None:
        grouping = grouping.masked(narrowing.mask)
    if narrowing.lengths is not None:
        grouping = grouping.with_lengths(narrowing.lengths, narrowing.axis)
    return grouping


def run(x, weight, bias, key, eps, centered, narrowing, running, saved, fusion=NOTHING, total=None):
    """y; total takes x + residual."""
    grouping = key if narrowing is EVERYTHING else _narrowed(key, narrowing)
    mean, var, training, momentum = running or (None, None, True, 0.0)
    if fusion is NOTHING:
        return _norma._forward(x, grouping, weight, bias, eps, centered, mean, var, training, momentum, saved)
    residual, add, relu = fusion
    return _norma._forward(
        x, grouping, weight, bias, eps, centered, mean, var, training, momentum, saved, residual, total, add, relu
    )


def gradients(dy, x, weight, moments, key, eps, centered, narrowing, constant, needs, relu=False, y=None, dadd=None, dsum=None):
    """dx, dweight and dbias where needed, by the kernels; dadd is written."""
    no_weight = weight is None and needs[2]  # which a bias' gradient would be like
    return _norma._backward(
        dy, x, moments, key if narrowing is EVERYTHING else _narrowed(key, narrowing), weight, eps, centered, constant,
        None if needs[0] else False, None if needs[1] else False,
        x.new_empty(parameters(x.shape, key)) if no_weight else None if needs[2] else False,
        relu, y, dadd, dsum,
    )  # fmt: skip
