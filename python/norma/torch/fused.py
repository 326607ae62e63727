# SPDX-License-Identifier: Apache-2.0
"""A normalization with what the same pass does besides: the residual before it, the shortcut and ReLU behind it."""

from __future__ import annotations

from typing import Any, Callable, Optional

import torch
from torch import Tensor

from norma import _norma
from norma.torch import differentiable
from norma.torch.kernels import EVERYTHING, Fusion, gradients, run


def normalize(x: Tensor, key, weight, bias, eps, centered, running, fusion: Fusion, plain: Optional[Callable[..., Tensor]]) -> Any:
    """y, or y and the sum where there is a residual.

    plain  where somebody watches the operators that run: normalize() itself, between operations of PyTorch's. Their results
           are those of the fused pass.
    """
    residual, add, relu = fusion
    for other, name in ((residual, "residual"), (add, "add")):
        if other is not None and other.shape != x.shape:
            raise ValueError(f"{name} of shape {tuple(other.shape)} is not like x of shape {tuple(x.shape)}; give it the same shape")
    if plain is not None:
        total = x if residual is None else x + residual
        y = plain(total, key, weight, bias, eps, centered, EVERYTHING, running)
        y = y if add is None else y + add
        y = torch.relu(y) if relu else y
        return y if residual is None else (y, total)
    x, residual, add = _alike(x, residual, add)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, weight, bias, residual, add)):
        return _Fused.apply(x, weight, bias, residual, add, relu, key, eps, centered, running)
    total = None if residual is None else torch.empty_like(x)
    y = run(x, weight, bias, key, eps, centered, EVERYTHING, running, None, Fusion(residual, add, relu), total)
    return y if residual is None else (y, total)


def _alike(x: Tensor, *others: Optional[Tensor]) -> list[Optional[Tensor]]:
    """All in the dtype that their sum has and in one layout, as one pass over them needs; nothing is copied that is so already."""
    dtype = x.dtype
    for other in others:
        if other is not None and other.dtype != dtype:
            dtype = torch.promote_types(dtype, other.dtype)
    x = x.to(dtype)
    if not _is_dense(x):
        x = x.contiguous()
    return [x, *(None if t is None else _laid_out(t.to(dtype), x) for t in others)]


def _is_dense(x: Tensor) -> bool:
    return x.is_contiguous() or torch.empty_like(x).stride() == x.stride()


def _laid_out(t: Tensor, like: Tensor) -> Tensor:
    """t in the strides of a dense tensor. Differentiable."""
    if t.stride() == like.stride():
        return t
    order = sorted(range(like.dim()), key=lambda axis: (-like.stride(axis), axis))
    laid_out = t.permute(order).contiguous().permute([order.index(axis) for axis in range(like.dim())])
    return laid_out.as_strided(like.shape, like.stride())  # axes of a single index may have any stride


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, residual, add, relu, key, eps, centered, running):
        moments = _norma.Moments()
        total = None if residual is None else torch.empty_like(x)
        y = run(x, weight, bias, key, eps, centered, EVERYTHING, running, moments, Fusion(residual, add, relu), total)
        constant = running is not None and not running.training
        statistics = (running.mean, running.var) if constant else ()
        ctx.save_for_backward(x if residual is None else total, weight, y if relu else None, *statistics)
        ctx.rest = moments, key, eps, centered, constant, relu
        ctx.set_materialize_grads(False)
        return y if residual is None else (y, total)

    @staticmethod
    def backward(ctx, dy, dsum=None):
        x, weight, y, *statistics = ctx.saved_tensors
        moments, key, eps, centered, constant, relu = ctx.rest
        for_x, for_weight, for_bias, for_residual, for_add = ctx.needs_input_grad[:5]
        needs = (for_x or for_residual or for_add, for_weight, for_bias)
        dweight = dbias = dadd = None
        if dy is None:
            dx = dsum  # the sum alone was used
        elif torch.is_grad_enabled():  # create_graph=True: by operations that can be differentiated once more
            dadd = dy * (y > 0) if relu else dy
            dx, dweight, dbias = differentiable.gradients(dadd, x, weight, statistics, key, eps, centered, EVERYTHING, needs)
            dx = dx if dsum is None or dx is None else dx + dsum
        else:
            dy = _laid_out(dy, x)
            dsum = None if dsum is None or not needs[0] else _laid_out(dsum, x)
            dadd = torch.empty_like(dy) if relu and for_add else dy
            dx, dweight, dbias = gradients(
                dy, x, weight, moments, key, eps, centered, EVERYTHING, constant, needs, relu, y,
                dadd if dadd is not dy else None, dsum,
            )  # fmt: skip
        return (
            dx if for_x else None, dweight, dbias, dx if for_residual else None, dadd if for_add else None,
            None, None, None, None, None,
        )  # fmt: skip
