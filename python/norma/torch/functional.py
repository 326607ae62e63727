# SPDX-License-Identifier: Apache-2.0
"""One normalization with gradients, for all layers: eagerly an autograd function, under torch.compile and export an operator."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional, Union

import torch
from torch import Tensor
from torch.compiler import is_dynamo_compiling

from norma import _norma
from norma.torch import differentiable, fused, operators
from norma.torch.kernels import EVERYTHING, NOTHING, Fusion, Narrowing, Running, gradients, run
from norma.torch.keys import Key

# By name: each layer asks them once a call.
_dispatch_modes = torch._C._len_torch_dispatch_stack
_is_tracing = torch._C._is_tracing
_function_transform = torch._C._functorch.peek_interpreter_stack


def normalize(
    x: Tensor,
    key: Key,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    eps: Optional[float] = 1e-5,
    centered: bool = True,
    narrowing: Narrowing = EVERYTHING,
    running: Optional[Running] = None,
    fusion: Fusion = NOTHING,
) -> Union[Tensor, tuple[Tensor, Tensor]]:
    """y = (x - mean) * rstd * weight + bias, over the distributions that key names, with gradients for x, weight and bias.

    key  ("batch", axis), ("instance", axis), ("group", groups, axis), ("layer", *normalized_shape), ("over", *axes) or
         ("sample", *axes along which weight and bias lie): the name of norma.Grouping's maker and its numbers.
    With a residual to add first, y and the sum x + residual.
    """
    if fusion is not NOTHING:
        return fused.normalize(x, key, weight, bias, eps, centered, running, fusion, normalize if _is_watched(x) else None)
    if _is_watched(x):
        return operators.normalize(x, key, weight, bias, eps, centered, narrowing, running)
    if torch.is_grad_enabled() and (
        x.requires_grad
        or (weight is not None and weight.requires_grad)
        or (bias is not None and bias.requires_grad)
    ):
        return _apply(x, weight, bias, (key, eps, centered, narrowing, running))
    return run(x, weight, bias, key, eps, centered, narrowing, running, None)


def _is_watched(x: Tensor) -> bool:
    """Whether somebody looks at the operators that run: torch.compile, torch.jit.trace, make_fx, fake tensors, torch.func. The
    kernels write behind PyTorch's back, so that a trace would lack them: the operator is what is seen."""
    return (
        is_dynamo_compiling()  # torch.export without it has a dispatch mode
        or _dispatch_modes() > 0
        or _is_tracing()
        or _function_transform() is not None
        or (type(x) is not Tensor and _dispatches(type(x)))
    )


@lru_cache(maxsize=256)
def _dispatches(kind: type) -> bool:
    return getattr(kind, "__torch_dispatch__", None) not in (Tensor.__torch_dispatch__, torch._C._disabled_torch_dispatch_impl)


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, rest):
        key, eps, centered, narrowing, running = rest
        moments = _norma.Moments()
        y = run(x, weight, bias, key, eps, centered, narrowing, running, moments)
        if running is None or running.training:
            ctx.save_for_backward(x, weight)
        else:
            ctx.save_for_backward(x, weight, running.mean, running.var)
        ctx.rest = moments, rest
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx, dy):
        if dy is None:
            return None, None, None, None
        x, weight, *statistics = ctx.saved_tensors
        moments, (key, eps, centered, narrowing, _) = ctx.rest
        needs = ctx.needs_input_grad
        if torch.is_grad_enabled():  # create_graph=True: by operations that can be differentiated once more
            found = differentiable.gradients(dy, x, weight, statistics, key, eps, centered, narrowing, needs)
        else:
            found = gradients(dy, x, weight, moments, key, eps, centered, narrowing, bool(statistics), needs)
        return (*found, None)


# Function.apply() asks what normalize() has asked, and a node's apply() looks for the method that it is to call. With the caches
# as a model leaves them, this and what it touches took 70 of 310 us that a layer's two calls cost beside the kernels; so the
# methods behind them are called.
_apply = super(torch.autograd.Function, _Normalize).apply
_Normalize._backward_cls.apply = _Normalize.backward
