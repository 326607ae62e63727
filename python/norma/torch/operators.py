# SPDX-License-Identifier: Apache-2.0
"""Under torch.compile and torch.export a normalization is one operator, norma::normalize."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from norma.torch.kernels import EVERYTHING, Narrowing, Running, gradients, run
from norma.torch.keys import distributions, parameters


def _narrowing(mask, lengths, axis) -> Narrowing:
    return EVERYTHING if mask is None and lengths is None else Narrowing(mask, lengths, axis)


@torch.library.custom_op("norma::normalize", mutates_args=(), device_types="cpu")
def _operator(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], name: str, numbers: list[int], eps: Optional[float],
    centered: bool, mask: Optional[Tensor], lengths: Optional[Tensor], axis: int, mean: Optional[Tensor], var: Optional[Tensor],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """y, and what was measured: norma.Moments as int64 of shape (distributions, 4)."""
    key = (name, *numbers)
    moments = torch.empty((distributions(x.shape, key), 4), dtype=torch.int64)
    running = None if mean is None else Running(mean, var, False, 0.0)
    return run(x, weight, bias, key, eps, centered, _narrowing(mask, lengths, axis), running, moments), moments


@_operator.register_fake
def _(x, weight, bias, name, numbers, eps, centered, mask, lengths, axis, mean, var):
    if x.device.type not in ("cpu", "meta"):
        raise ValueError(f"x lives on {x.device}; Norma computes on CPUs: move it there, as x.cpu() does")
    return torch.empty_like(x), x.new_empty((distributions(x.shape, (name, *numbers)), 4), dtype=torch.int64)


@torch.library.custom_op("norma::normalize_backward", mutates_args=(), device_types="cpu")
def _backward_operator(
    dy: Tensor, x: Tensor, weight: Optional[Tensor], moments: Tensor, name: str, numbers: list[int], eps: Optional[float],
    centered: bool, mask: Optional[Tensor], lengths: Optional[Tensor], axis: int, constant: bool, needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    found = gradients(
        dy, x, weight, moments, (name, *numbers), eps, centered, _narrowing(mask, lengths, axis), constant, needs
    )
    return tuple(x.new_empty(0) if gradient is None else gradient for gradient in found)


@_backward_operator.register_fake
def _(dy, x, weight, moments, name, numbers, eps, centered, mask, lengths, axis, constant, needs):
    parameter = weight if weight is not None else x.new_empty(parameters(x.shape, (name, *numbers)))
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


def normalize(x, key, weight, bias, eps, centered, narrowing, running):
    constant = running is not None and not running.training
    mean, var = (running.mean, running.var) if constant else (None, None)
    y, moments = torch.ops.norma.normalize(
        x, weight, bias, key[0], list(key[1:]), eps, centered, narrowing.mask, narrowing.lengths, narrowing.axis, mean, var
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
