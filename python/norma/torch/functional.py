# SPDX-License-Identifier: Apache-2.0
"""One normalization with gradients, for all layers: eagerly an autograd function, under torch.compile and export an operator.

A grouping goes by its key, ("batch", 1) or ("layer", 768): the name of norma.Grouping's maker and its numbers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from norma import _norma

_norma._borrow_openmp("libtorch_cpu")  # PyTorch's threads: two pools that spin would take each other's processors

Key = tuple


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


EVERYTHING = Narrowing()


@lru_cache(maxsize=4096)
def grouping_of(key: Key) -> _norma.Grouping:
    name, *numbers = key
    if name in ("layer", "over"):
        return getattr(_norma.Grouping, name)(numbers)
    if name == "sample":  # the numbers are the axes along which weight and bias lie
        return _norma.Grouping.sample().parameters_along(numbers)
    return getattr(_norma.Grouping, name)(*numbers)


def _narrowed(key: Key, narrowing: Narrowing) -> _norma.Grouping:
    grouping = grouping_of(key)
    if narrowing.mask is not None:
        grouping = grouping.masked(narrowing.mask)
    if narrowing.lengths is not None:
        grouping = grouping.with_lengths(narrowing.lengths, narrowing.axis)
    return grouping


def normalize(
    x: Tensor,
    key: Key,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    eps: Optional[float] = 1e-5,
    centered: bool = True,
    narrowing: Narrowing = EVERYTHING,
    running: Optional[Running] = None,
) -> Tensor:
    """y = (x - mean) * rstd * weight + bias, over the distributions that key names, with gradients for x, weight and bias."""
    if torch.compiler.is_compiling():
        return _by_operator(x, key, weight, bias, eps, centered, narrowing, running)
    if torch.is_grad_enabled() and (
        x.requires_grad
        or (weight is not None and weight.requires_grad)
        or (bias is not None and bias.requires_grad)
    ):
        return _Normalize.apply(x, weight, bias, key, eps, centered, narrowing, running)
    return _run(x, weight, bias, key, eps, centered, narrowing, running, None)


def _run(x, weight, bias, key, eps, centered, narrowing, running, saved):
    grouping = grouping_of(key) if narrowing is EVERYTHING else _narrowed(key, narrowing)
    mean, var, training, momentum = running or (None, None, True, 0.0)
    return _norma._forward(x, grouping, weight, bias, eps, centered, mean, var, training, momentum, saved)


def _gradients(dy, x, weight, moments, key, eps, centered, narrowing, constant, needs):
    """dx, dweight and dbias where needed, by the kernels."""
    dx = None if needs[0] else False
    dweight = torch.empty_like(weight) if needs[1] else None
    dbias = None
    if needs[2]:
        dbias = torch.empty_like(weight) if weight is not None else x.new_empty(_parameters(x.shape, key))
    dx = _norma.backward(
        dy, x, moments, grouping=_narrowed(key, narrowing), weight=weight, eps=eps, centered=centered, constant=constant,
        dx=dx, dweight=dweight, dbias=dbias,
    )  # fmt: skip
    return dx, dweight, dbias


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, key, eps, centered, narrowing, running):
        moments = _norma.Moments()
        y = _run(x, weight, bias, key, eps, centered, narrowing, running, moments)
        constant = running is not None and not running.training
        ctx.save_for_backward(x, weight, *((running.mean, running.var) if constant else ()))
        ctx.rest = moments, key, eps, centered, narrowing, constant
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx, dy):
        if dy is None:
            return (None,) * 8
        x, weight, *statistics = ctx.saved_tensors
        moments, key, eps, centered, narrowing, constant = ctx.rest
        needs = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # create_graph=True: by operations that can be differentiated once more
            found = _differentiable(dy, x, weight, statistics, key, eps, centered, narrowing, needs)
        else:
            found = _gradients(dy, x, weight, moments, key, eps, centered, narrowing, constant, needs)
        return (*found, None, None, None, None, None)


# ------------------------------------------------------------------------------------------------------ double backward


def _pooled(x: Tensor, key: Key) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which each distribution is a choice of whole axes, and those axes."""
    shape, rank = tuple(x.shape), x.dim()
    name, *numbers = key
    if name == "batch":
        return shape, tuple(a for a in range(rank) if a != numbers[0] % rank)
    if name == "instance":
        return shape, tuple(a for a in range(1, rank) if a != numbers[0] % rank)
    if name == "group":
        axis = numbers[1] % rank
        split = shape[:axis] + (numbers[0], shape[axis] // numbers[0]) + shape[axis + 1 :]
        return split, tuple(a for a in range(1, rank + 1) if a != axis)
    if name == "sample":
        return shape, tuple(range(1, rank))
    return shape, tuple(range(rank - len(numbers), rank))


def _parameter_axes(rank: int, key: Key) -> tuple[int, ...]:
    name, *numbers = key
    if name == "layer":
        return tuple(range(rank - len(numbers), rank))
    if name == "sample":
        return tuple(a % rank for a in numbers)
    return ((numbers[1] if name == "group" else numbers[0]) % rank,)


def _parameters(shape, key: Key) -> list[int]:
    return [shape[a] for a in _parameter_axes(len(shape), key)]


def _counts(x: Tensor, narrowing: Narrowing) -> Optional[Tensor]:
    """Which elements of x count, as numbers 0 and 1 of x's shape; None for all."""
    if narrowing.mask is not None:
        return narrowing.mask.to(x.dtype).expand_as(x)
    if narrowing.lengths is None:
        return None
    axis = narrowing.axis
    position = torch.arange(x.shape[axis], device=x.device)
    real = position[None, :] < narrowing.lengths.to(x.device)[:, None]
    return real.view([n if a in (0, axis) else 1 for a, n in enumerate(x.shape)]).to(x.dtype).expand_as(x)


def _differentiable(dy, x, weight, statistics, key, eps, centered, narrowing, needs):
    """The formulas of _norma.backward, in PyTorch's operations."""
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, dy = x.float(), dy.float()
    if eps is None:
        eps = torch.finfo(x.dtype).eps
    shape, axes = _pooled(x, key)
    counts = _counts(x, narrowing)

    def mean(values: Tensor) -> Tensor:
        if counts is None:
            found = values.reshape(shape).mean(axes, keepdim=True)
        else:
            number = counts.reshape(shape).sum(axes, keepdim=True).clamp(min=1)
            found = (values * counts).reshape(shape).sum(axes, keepdim=True) / number
        return found.expand(shape).reshape(x.shape)

    parameter_axes = _parameter_axes(x.dim(), key)

    def along(parameter: Tensor) -> Tensor:
        return parameter.to(x.dtype).view([n if a in parameter_axes else 1 for a, n in enumerate(x.shape)])

    g = dy if weight is None else dy * along(weight)
    if counts is not None:
        g, dy = g * counts, dy * counts
    if statistics:
        channel = ("batch", key[1])
        parameter_axes = _parameter_axes(x.dim(), channel)
        centre, variance = (along(s.detach()) for s in statistics)
    else:
        centre = mean(x) if centered else 0
        variance = mean((x - centre).square())
    rstd = (variance + eps).rsqrt()
    xhat = (x - centre) * rstd
    dx = g * rstd
    if not statistics:
        dx = (g - mean(g * xhat) * xhat - (mean(g) if centered else 0)) * rstd
        if counts is not None:
            dx = dx * counts
    rest = [a for a in range(x.dim()) if a not in _parameter_axes(x.dim(), key)]
    total = (lambda t: t.sum(rest)) if rest else (lambda t: t)
    like = (lambda t: t.to(weight.dtype)) if weight is not None else (lambda t: t)
    return (
        dx.to(dtype) if needs[0] else None,
        like(total(dy * xhat)) if needs[1] else None,
        like(total(dy)) if needs[2] else None,
    )


# ------------------------------------------------------------------------------------- -- torch.compile, torch.export


def _split(key: Key) -> tuple[str, list[int]]:
    return key[0], list(key[1:])


def _narrowing(mask, lengths, axis) -> Narrowing:
    return EVERYTHING if mask is None and lengths is None else Narrowing(mask, lengths, axis)


def _distributions(shape, key: Key) -> int:
    name, *numbers = key
    if name == "batch":
        return shape[numbers[0]]
    if name == "instance":
        return shape[0] * shape[numbers[0]]
    if name == "group":
        return shape[0] * numbers[0]
    rows = 1
    for size in shape[: 1 if name == "sample" else len(shape) - len(numbers)]:
        rows = rows * size
    return rows


@torch.library.custom_op("norma::normalize", mutates_args=(), device_types="cpu")
def _operator(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], name: str, numbers: list[int], eps: Optional[float],
    centered: bool, mask: Optional[Tensor], lengths: Optional[Tensor], axis: int, mean: Optional[Tensor], var: Optional[Tensor],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """y, and what was measured: norma.Moments as int64 of shape (distributions, 4)."""
    key = (name, *numbers)
    moments = torch.empty((_distributions(x.shape, key), 4), dtype=torch.int64)
    running = None if mean is None else Running(mean, var, False, 0.0)
    return _run(x, weight, bias, key, eps, centered, _narrowing(mask, lengths, axis), running, moments), moments


@_operator.register_fake
def _(x, weight, bias, name, numbers, eps, centered, mask, lengths, axis, mean, var):
    if x.device.type not in ("cpu", "meta"):
        raise ValueError(f"x lives on {x.device}; Norma computes on CPUs: move it there, as x.cpu() does")
    return torch.empty_like(x), x.new_empty((_distributions(x.shape, (name, *numbers)), 4), dtype=torch.int64)


@torch.library.custom_op("norma::normalize_backward", mutates_args=(), device_types="cpu")
def _backward_operator(
    dy: Tensor, x: Tensor, weight: Optional[Tensor], moments: Tensor, name: str, numbers: list[int], eps: Optional[float],
    centered: bool, mask: Optional[Tensor], lengths: Optional[Tensor], axis: int, constant: bool, needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    found = _gradients(
        dy, x, weight, moments, (name, *numbers), eps, centered, _narrowing(mask, lengths, axis), constant, needs
    )
    return tuple(x.new_empty(0) if gradient is None else gradient for gradient in found)


@_backward_operator.register_fake
def _(dy, x, weight, moments, name, numbers, eps, centered, mask, lengths, axis, constant, needs):
    parameter = weight if weight is not None else x.new_empty(_parameters(x.shape, (name, *numbers)))
    likes = (x, parameter, parameter)
    return tuple(torch.empty_like(like) if needed else x.new_empty(0) for like, needed in zip(likes, needs))


def _setup(ctx, inputs, output):
    x, weight, bias, name, numbers, eps, centered, mask, lengths, axis, mean, var = inputs
    ctx.save_for_backward(x, weight, output[1], mask, lengths)
    ctx.rest = name, numbers, eps, centered, axis, mean is not None
    ctx.mark_non_differentiable(output[1])


def _operator_backward(ctx, dy, _):
    x, weight, moments, mask, lengths = ctx.saved_tensors
    name, numbers, eps, centered, axis, constant = ctx.rest
    needs = list(ctx.needs_input_grad[:3])
    dx, dweight, dbias = torch.ops.norma.normalize_backward(
        dy, x, weight, moments, name, numbers, eps, centered, mask, lengths, axis, constant, needs
    )
    found = (g if needed else None for g, needed in zip((dx, dweight, dbias), needs))
    return (*found, *(None,) * 9)


_operator.register_autograd(_operator_backward, setup_context=_setup)


def _no_double_backward(ctx, *gradients):
    raise NotImplementedError(
        "norma::normalize_backward cannot be differentiated under torch.compile and torch.export; run eagerly "
        "with create_graph=True, which can"
    )


_backward_operator.register_autograd(_no_double_backward)


def _by_operator(x, key, weight, bias, eps, centered, narrowing, running):
    constant = running is not None and not running.training
    mean, var = (running.mean, running.var) if constant else (None, None)
    y, moments = torch.ops.norma.normalize(
        x, weight, bias, *_split(key), eps, centered, narrowing.mask, narrowing.lengths, narrowing.axis, mean, var
    )
    if running is not None and running.training:
        _take_up(moments, running)
    return y


def _take_up(moments: Tensor, running: Running) -> None:
    """running = (1 - momentum) * running + momentum * batch, as the kernels do: NaN, Inf and single values are left out."""
    channels = running.mean.shape[0]
    count = moments[:, 0].view(-1, channels)
    values = moments.view(torch.float64)
    mean, m2 = values[:, 1].view(-1, channels), values[:, 3].view(-1, channels)
    usable = (count > 1) & mean.isfinite() & m2.isfinite()
    samples = usable.sum(0)
    for state, found in ((running.mean, mean), (running.var, m2 / (count - 1))):
        average = torch.where(usable, found, 0.0).sum(0) / samples
        blended = (1 - running.momentum) * state.double() + running.momentum * average
        state.copy_(torch.where(samples > 0, blended, state.double()))
