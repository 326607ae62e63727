# SPDX-License-Identifier: Apache-2.0
"""diagnose(model, batch): what normalization layers suffer from."""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple, Optional

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from norma.torch import layers
from norma.torch.conversion import is_normalization
from norma.torch.watching import call, hooked, measure_input, tracking


class Finding(NamedTuple):
    """What diagnose() saw in one layer."""

    layer: str
    kind: str  # "dead channels", "disagreement", "small batch", "padding"
    sentence: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.kind}: {self.sentence}"


# Fewer values a channel than this, and the batch's deviation itself is uncertain by 12 % or more: 1 / sqrt(2 n).
_FEW = 32
# A mean beyond this many standard errors, and half a deviation, away is no accident of the batch.
_ERRORS, _DEVIATIONS, _RATIO = 5.0, 0.5, 2.0


def diagnose(model: nn.Module, batch: Any) -> list[Finding]:
    """Runs the model on a batch, in the modes that its layers are in but without taking up statistics, and tells of

    dead channels   a channel that is constant over the batch (all zeros behind a dead ReLU), or whose weight is 0
    disagreement    running statistics that are not this batch's: training and inference then compute different things
    small batch     BatchNorm with fewer than 32 values a channel
    padding         samples that end in repeated positions, in a layer whose statistics pool positions

    batch  a tensor, a tuple whose first part is the input, or a dict of arguments.
    """
    named = {module: name or "(the model itself)" for name, module in model.named_modules() if is_normalization(module)}
    findings: list[Finding] = []

    def look(module: nn.Module, args: tuple, kwargs: dict) -> None:
        x = args[0] if args else kwargs.get("input", kwargs.get("x"))
        if not isinstance(x, Tensor) or x.dim() < 2 or x.numel() == 0:
            return
        narrowed = len(args) > 1 or any(v is not None for k, v in kwargs.items() if k in ("mask", "lengths"))
        for kind, sentence in _look(module, x.detach(), args, kwargs, narrowed):
            findings.append(Finding(named[module], kind, sentence))

    state = {norm: [t.clone() for t in norm.buffers()] for _, norm in tracking(model)}
    with torch.no_grad(), hooked(named, look):
        try:
            call(model, batch)
        finally:
            for norm, buffers in state.items():
                for buffer, kept in zip(norm.buffers(), buffers):
                    buffer.copy_(kept)
    return findings


def _look(module: nn.Module, x: Tensor, args: tuple, kwargs: dict, narrowed: bool) -> Iterator[tuple[str, str]]:
    channelled = isinstance(module, (_BatchNorm, _InstanceNorm, nn.GroupNorm))
    if channelled:
        moments = measure_input(module, args, kwargs)
        count, mean, variance = moments.count.ravel(), moments.mean.ravel(), moments.variance().ravel()
        constant = (variance == 0) & (count > 1)
        weight = getattr(module, "weight", None)
        silent = (weight.detach() == 0).numpy() if weight is not None else constant & False
        if constant.any() or silent.any():
            yield "dead channels", _numbered(constant, "constant over the batch", silent, "with weight 0", len(count))
        if isinstance(module, _BatchNorm):
            if count.min() < _FEW:
                yield "small batch", (
                    f"{count.min()} values a channel leave its statistics to chance; {_FEW} and more are steadier, or "
                    "GroupNorm, which asks nothing of the batch"
                )
            if module.running_mean is not None:
                yield from _disagreement(module, count, mean, variance)
    if not narrowed and x.dim() >= 3:
        positions = _pooled_positions(module, x)
        if positions is not None:
            yield from _padding(x, *positions)


def _numbered(first: Any, what: str, second: Any, other: str, channels: int) -> str:
    parts = []
    for which, text in ((first, what), (second, other)):
        numbers = which.nonzero()[0]
        if len(numbers):
            shown = ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
            parts.append(f"{len(numbers)} of {channels} {text} ({shown})")
    return "; ".join(parts)


def _disagreement(norm: _BatchNorm, count: Any, mean: Any, variance: Any) -> Iterator[tuple[str, str]]:
    running_mean, running_var = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    deviation = (running_var + norm.eps) ** 0.5
    shift = abs(mean - running_mean) / deviation
    ratio = ((variance + norm.eps) / (running_var + norm.eps)) ** 0.5
    near = (shift <= _DEVIATIONS) | (shift <= _ERRORS / count**0.5)
    alike = (abs(ratio - 1) <= _ERRORS / (2 * count) ** 0.5) | ((ratio <= _RATIO) & (ratio >= 1 / _RATIO))
    worst = (~(near & alike)).nonzero()[0]  # a NaN is like nothing
    if len(worst):
        c = worst[np.nan_to_num(shift + abs(ratio - 1), nan=np.inf)[worst].argmax()]
        yield "disagreement", (
            f"{len(worst)} of {len(mean)} channels; channel {c} has mean {mean[c]:.3g} and deviation {variance[c] ** 0.5:.3g} "
            f"in this batch, and {running_mean[c]:.3g} and {running_var[c] ** 0.5:.3g} as running statistics, which inference "
            "uses: recalibrate(model, loader) measures them anew"
        )


def _pooled_positions(module: nn.Module, x: Tensor) -> Optional[tuple[int, int]]:
    """The axes of positions and of features, of layers whose statistics pool the positions of a sequence."""
    if isinstance(module, (_BatchNorm, _InstanceNorm, nn.GroupNorm)):
        return (2, 1) if x.dim() == 3 else None
    if isinstance(module, layers.SampleLayerNorm) or (isinstance(module, nn.LayerNorm) and len(module.normalized_shape) > 1):
        return (1, 2) if x.dim() == 3 else None
    return None


def _padding(x: Tensor, positions: int, features: int) -> Iterator[tuple[str, str]]:
    words = x.transpose(1, 2) if positions == 2 else x  # (N, positions, features)
    if words.shape[1] < 3:
        return
    same = (words == words[:, -1:, :]).all(2).flip(1)  # from the end on
    repeated = same.long().cumprod(1).sum(1)
    padded = (repeated >= 2) & (repeated < words.shape[1])
    if padded.any() and repeated.unique().numel() > 1:
        yield "padding", (
            f"{int(padded.sum())} of {words.shape[0]} samples end in repeated positions, up to {int(repeated[padded].max())}, which "
            "look like padding and count in the statistics; give lengths to norma.torch.MaskedBatchNorm or SampleLayerNorm"
        )
