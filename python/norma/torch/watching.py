# SPDX-License-Identifier: Apache-2.0
"""Running a model on a batch while looking at what goes into its layers."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

import norma
from norma.torch import layers


def call(model: nn.Module, batch: Any) -> Any:
    """The model on a batch of a loader: a tensor, a tuple whose first part is the input, or a dict of arguments."""
    if isinstance(batch, (tuple, list)):
        return model(batch[0])
    if isinstance(batch, dict):
        return model(**batch)
    return model(batch)


def tracking(model: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:
            yield name, module


def measure_input(norm: nn.Module, args: tuple, kwargs: dict) -> norma.Moments:
    """The moments of each channel; of (N, C, 1…) whatever the positions, so that batches of other sizes merge."""
    x = args[0] if args else kwargs["input"]
    if isinstance(norm, _InstanceNorm) and x.dim() == norm._get_no_batch_dim():
        x = x.unsqueeze(0)
    grouping = norma.Grouping.batch()
    if isinstance(norm, layers.MaskedBatchNorm):
        mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
        lengths = kwargs.get("lengths", args[2] if len(args) > 2 else None)
        if mask is not None:
            grouping = grouping.masked(mask.unsqueeze(1))
        if lengths is not None:
            grouping = grouping.with_lengths(lengths, 2)
    return norma.moments(x.detach(), grouping=grouping)


class hooked:
    """Calls look(layer, args, kwargs) before each of the layers runs."""

    def __init__(self, modules: Iterable[nn.Module], look: Callable[[Any, tuple, dict], Any]):
        self.modules, self.look = list(modules), look

    def __enter__(self) -> None:
        def hook(module: nn.Module, args: tuple, kwargs: dict) -> None:
            self.look(module, args, kwargs)

        self.handles = [m.register_forward_pre_hook(hook, with_kwargs=True) for m in self.modules]

    def __exit__(self, *_: Any) -> None:
        for handle in self.handles:
            handle.remove()
