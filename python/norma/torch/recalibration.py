# SPDX-License-Identifier: Apache-2.0
"""recalibrate(model, loader): BatchNorm's running statistics, of the whole set, exactly."""

from __future__ import annotations

from typing import Any, Iterable, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import norma
from norma.torch.watching import call, hooked, measure_input, tracking

Model = TypeVar("Model", bound=nn.Module)


def recalibrate(model: Model, loader: Iterable[Any], *, sequential: bool = False) -> Model:
    """Sets every BatchNorm's running_mean and running_var to the exact statistics of the whole set: each element counts
    once, and batches are merged, not averaged. Returns the model, in the mode it was in.

    loader      batches, each a tensor, a tuple whose first part is the input, or a dict of arguments.
    sequential  False: one pass; each layer is measured while those before it normalize by their batch's own statistics, as in
                training. True: a pass for each layer, in the order in which they run, those before it already in their final
                state: what each then sees in inference is exactly what was measured. The loader must give the same set
                each time.
    A BatchNorm that the set does not reach keeps its statistics. Raises ValueError, the model as it was, when the set is empty,
    gives a channel fewer than two values, or a mean or variance that is not finite.
    """
    norms = dict(tracking(model))
    if not norms:
        return model
    if sequential and iter(loader) is loader:
        raise ValueError("sequential=True takes a pass for each layer, but loader can be walked once; give a list or a DataLoader")
    modes = {module: (module.training, getattr(module, "track_running_stats", None)) for module in model.modules()}
    before = {norm: (norm.running_mean.clone(), norm.running_var.clone()) for norm in norms.values()}
    model.eval()
    try:
        with torch.no_grad():
            if sequential:
                for name, norm in _in_order_of_calls(model, norms, loader):
                    _measure_set(model, {name: norm}, loader)
            else:
                for norm in norms.values():
                    norm.track_running_stats, norm.training = False, True  # by its batch; nothing is taken up
                _measure_set(model, norms, loader)
    except BaseException:
        for norm, (mean, var) in before.items():
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
        raise
    finally:
        for module, (training, tracks) in modes.items():
            module.training = training
            if tracks is not None:
                module.track_running_stats = tracks
    return model


def _measure_set(model: nn.Module, norms: dict[str, _BatchNorm], loader: Iterable[Any]) -> None:
    found: dict[_BatchNorm, norma.Moments] = {}

    def measure(norm: _BatchNorm, args: tuple, kwargs: dict) -> None:
        moments = measure_input(norm, args, kwargs)
        found[norm] = found[norm].merge(moments) if norm in found else moments

    batches = 0
    with hooked(norms.values(), measure):
        for batch in loader:
            call(model, batch)
            batches += 1
    if batches == 0:
        raise ValueError("loader gave no batch; there is nothing to measure")
    for name, norm in norms.items():
        if norm in found:
            _take(norm, found[norm], name or "(the model itself)")


def _take(norm: _BatchNorm, moments: norma.Moments, name: str) -> None:
    mean, variance = moments.mean.ravel(), moments.variance(1).ravel()
    if moments.count.min() < 2:
        raise ValueError(f"the set gives a channel of {name} fewer than two values, which have no deviation; give a larger one")
    spoiled = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(variance)))
    if len(spoiled):
        raise ValueError(f"the set holds NaN or Inf in channel {spoiled[0]} of {name}; look for the batch that has it")
    norm.running_mean.copy_(torch.from_numpy(mean))
    norm.running_var.copy_(torch.from_numpy(variance))


def _in_order_of_calls(model: nn.Module, norms: dict[str, _BatchNorm], loader: Iterable[Any]) -> list[tuple[str, _BatchNorm]]:
    order: dict[_BatchNorm, None] = {}
    with hooked(norms.values(), lambda norm, args, kwargs: order.setdefault(norm)):
        for batch in loader:
            call(model, batch)
            break
        else:
            raise ValueError("loader gave no batch; there is nothing to measure")
    names = {norm: name for name, norm in norms.items()}
    return [(names[norm], norm) for norm in order]
