# SPDX-License-Identifier: Apache-2.0
"""fold(model): each BatchNorm into the layer before it, for inference."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from norma.fold import fold_batch_norm
from norma.torch import layers
from norma.torch.conversion import Swap, has_hooks, is_normalization, tell
from norma.torch.watching import call

Model = TypeVar("Model", bound=nn.Module)

_LINEAR = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


class _Tracer(torch.fx.Tracer):
    """Takes normalization layers, torch.nn's and Norma's, as one step."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return is_normalization(module) or super().is_leaf_module(module, name)


def fold(model: Model, batch: Any = None, *, report: bool | list[Swap] = False) -> Model:
    """Folds each BatchNorm into the convolution or linear layer before it, for inference; in place, and returns the model.

    The BatchNorm becomes an nn.Identity, BatchNormReLU2d an nn.ReLU. Folded are those in eval mode with running statistics whose input comes from one
    such layer that feeds nothing else. The rest stays.

    batch   an input: where given, the model's output on it is compared before and after, and the change is taken back with
            ValueError where it differs by more than rounding.
    report  True prints what was folded, what was not, and why; a list takes the Swap of each.
    Raises ValueError when the model trains, or its steps cannot be traced (torch.fx tells why).
    """
    if model.training:
        raise ValueError("the model trains, and folding is for inference; call model.eval() first")
    try:
        graph = _Tracer().trace(model)
    except Exception as error:
        raise ValueError(f"the model's steps cannot be traced, so what comes before each BatchNorm is unknown: {error}") from error
    undo: list[Callable[[], None]] = []
    with torch.no_grad():
        expected = None if batch is None else call(model, batch)
        try:
            swaps = []
            for name, norm, linear, why in _candidates(model, graph):
                if not why:
                    undo.append(_fold_pair(model, linear[1], name))
                swaps.append(Swap(name, type(norm).__name__, None if why else f"folded into {linear[0]}", why))
            if batch is not None and not _close(call(model, batch), expected):
                raise ValueError("after folding the model's output on batch differs by more than rounding; nothing was folded")
        except BaseException:
            for take_back in undo:
                take_back()
            raise
    tell(swaps, report, "no BatchNorm was found")
    return model


def _candidates(model: nn.Module, graph: torch.fx.Graph) -> list[tuple[str, nn.Module, Optional[tuple[str, nn.Module]], str]]:
    """Each BatchNorm that runs: its name, itself, the layer before it with its name, and why the two cannot be folded."""
    modules = dict(model.named_modules(remove_duplicate=False))
    steps = [node for node in graph.nodes if node.op == "call_module"]
    calls: dict[nn.Module, int] = {}
    for node in steps:
        calls[modules[node.target]] = calls.get(modules[node.target], 0) + 1
    found = []
    for node in steps:
        norm = modules[node.target]
        if not isinstance(norm, _BatchNorm):
            continue
        source = node.args[0] if node.args else node.kwargs.get("input")
        linear = None
        if isinstance(source, torch.fx.Node) and source.op == "call_module" and isinstance(modules[source.target], _LINEAR):
            linear = (source.target, modules[source.target])
        found.append((node.target, norm, linear, _why_not(norm, node, linear and linear[1], source, calls)))
    return found


def _why_not(norm: nn.Module, node: Any, linear: Optional[nn.Module], source: Any, calls: dict[nn.Module, int]) -> str:
    if linear is None:
        return "no convolution or linear layer comes right before it"
    if norm.training or norm.running_mean is None:
        return "it normalizes by the batch, not by running statistics"
    if isinstance(norm, (nn.SyncBatchNorm, layers.MaskedBatchNorm)) or len(node.args) + len(node.kwargs) > 1:
        return "it does more than scale and shift its channels"
    if len(source.users) > 1 or calls[linear] > 1 or calls[norm] > 1:
        return "it, or the layer before it, is used in several places"
    if has_hooks(norm) or has_hooks(linear) or parametrize.is_parametrized(linear):
        return "it, or the layer before it, has hooks or a parametrization"
    if isinstance(linear, nn.modules.conv._ConvTransposeNd) and linear.groups > 1:
        return "a transposed convolution with groups comes before it"
    if isinstance(linear, nn.Linear) and not isinstance(norm, nn.BatchNorm1d):
        return "its channels are not the linear layer's outputs"
    if (linear.out_features if isinstance(linear, nn.Linear) else linear.out_channels) != norm.num_features:
        return "its channels are not the outputs of the layer before it"
    return ""


def _fold_pair(model: nn.Module, linear: nn.Module, name: str) -> Callable[[], None]:
    parent_name, _, child = name.rpartition(".")
    parent = model.get_submodule(parent_name)
    norm = getattr(parent, child)
    before = linear.weight, linear.bias
    axis = 1 if isinstance(linear, nn.modules.conv._ConvTransposeNd) else 0
    weight, bias = fold_batch_norm(
        linear.weight, linear.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps, channel_axis=axis
    )
    learns = linear.weight.requires_grad
    linear.weight, linear.bias = nn.Parameter(weight, learns), nn.Parameter(bias, learns)
    setattr(parent, child, nn.ReLU() if isinstance(norm, layers.BatchNormReLU2d) else nn.Identity())

    def take_back() -> None:
        linear.weight, linear.bias = before
        setattr(parent, child, norm)

    return take_back


def _close(a: Any, b: Any) -> bool:
    if isinstance(b, Tensor):
        if not b.is_floating_point():
            return torch.equal(a, b)
        finite = b[b.isfinite()].double()
        scale = finite.abs().max() if finite.numel() else 1.0
        return bool(((a == b) | ((a - b).double().abs() <= 1e3 * torch.finfo(b.dtype).eps * scale) | (a.isnan() & b.isnan())).all())
    if isinstance(b, dict):
        return all(_close(a[k], b[k]) for k in b)
    if isinstance(b, (tuple, list)):
        return all(_close(x, y) for x, y in zip(a, b, strict=True))
    if b is None or isinstance(b, (str, int, float)):
        return a == b
    raise ValueError(f"the model gives a {type(b).__name__}, which cannot be compared; leave batch out, and compare by yourself")
