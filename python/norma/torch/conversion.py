# SPDX-License-Identifier: Apache-2.0
"""convert(model): torch.nn's normalization layers become Norma's, in place; revert(model) undoes it."""

from __future__ import annotations

from typing import NamedTuple, Optional, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from norma.torch import layers

Model = TypeVar("Model", bound=nn.Module)

_SWAPS = {
    getattr(nn, name): getattr(layers, name)
    for name in (
        "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d",
        "InstanceNorm3d", "RMSNorm",
    )  # fmt: skip
}


class Swap(NamedTuple):
    """One layer of a model: what it was, what it became (None: it stayed), and why not."""

    name: str
    before: str
    after: Optional[str]
    why: str = ""

    def __str__(self) -> str:
        place = self.name or "(the model itself)"
        return f"{place}: {self.before} -> {self.after}" if self.after else f"{place}: {self.before} stays: {self.why}"


def tell(swaps: list[Swap], report: bool | list[Swap], nothing: str) -> None:
    """What convert() and fold() do about `report`."""
    if isinstance(report, list):
        report.extend(swaps)
    elif report:
        print("\n".join(map(str, swaps)) or nothing)


def convert(model: Model, *, fuse: bool = False, report: bool | list[Swap] = False) -> Model:
    """Swaps every normalization layer of torch.nn for Norma's, in place, and returns the model.

    The objects stay who they are: parameters, buffers, hooks, optimizers and state_dict are untouched; undo with
    convert's inverse, `revert`.

    fuse    True: where nn.ReLU comes right behind nn.BatchNorm2d in an nn.Sequential, one BatchNormReLU2d does both, and the ReLU
            passes on what it gets. Not for models in which something else looks at what lies between the two.
    report  True prints what was swapped, what was not, and why; a list takes the Swap of each.
    """
    swaps = [_swap(name, module) for name, module in model.named_modules() if is_normalization(module)]
    if fuse:
        fused = {name: _fuse(name, *pair) for name, pair in _relu_behind(model).items()}
        swaps = [fused.get(swap.name, swap) for swap in swaps]
    tell(swaps, report, "no normalization layer was found")
    return model


def revert(model: Model) -> Model:
    """Makes torch.nn's layers again of those that convert() swapped, in place."""
    for norm, relu in _neighbours(model, layers.BatchNormReLU2d, PassedOn).values():
        norm.__class__, relu.__class__ = nn.BatchNorm2d, nn.ReLU
    back = {after: before for before, after in _SWAPS.items()}
    for module in model.modules():
        module.__class__ = back.get(type(module), type(module))
    return model


class PassedOn(nn.ReLU):
    """The ReLU of which the layer before it has already seen to: passes on what it gets. Made by convert(fuse=True)."""

    def forward(self, input: Tensor) -> Tensor:
        return input

    def extra_repr(self) -> str:
        return "by the layer before"


def _neighbours(model: nn.Module, first: type, second: type) -> dict[str, tuple[nn.Module, nn.Module]]:
    """Pairs of these very types, one behind the other in an nn.Sequential, by the name of the first."""
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
            children = list(module._modules.items())
            for (child, a), (_, b) in zip(children, children[1:]):
                if type(a) is first and type(b) is second:
                    found[f"{name}.{child}" if name else child] = (a, b)
    return found


def _relu_behind(model: nn.Module) -> dict[str, tuple[nn.Module, nn.Module]]:
    """The pairs that may be fused: nobody uses one of the two elsewhere, or looks between them."""
    places: dict[nn.Module, int] = {}
    for _, module in model.named_modules(remove_duplicate=False):
        places[module] = places.get(module, 0) + 1
    pairs = _neighbours(model, layers.BatchNorm2d, nn.ReLU)
    return {
        name: (norm, relu)
        for name, (norm, relu) in pairs.items()
        if places[norm] == places[relu] == 1 and "forward" not in vars(relu) and not has_hooks(norm) and not has_hooks(relu)
    }


def has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks)


def _fuse(name: str, norm: nn.Module, relu: nn.Module) -> Swap:
    norm.__class__, relu.__class__ = layers.BatchNormReLU2d, PassedOn
    return Swap(name, "BatchNorm2d and ReLU", "norma.torch.BatchNormReLU2d")


def is_normalization(module: nn.Module) -> bool:
    if type(module).__module__.startswith("torch.nn.utils."):
        return False  # the parametrizations weight_norm and spectral_norm: of weights, not of data
    return "Norm" in type(module).__name__ or isinstance(module, (*_SWAPS, _BatchNorm, _InstanceNorm))


def _swap(name: str, module: nn.Module) -> Swap:
    before = type(module).__name__
    after = _SWAPS.get(type(module))
    if type(module) in _SWAPS.values():
        return Swap(name, before, None, "it is Norma's already")
    if after is None:
        return Swap(name, before, None, _why_not(module))
    if "forward" in vars(module):
        return Swap(name, before, None, "this object has a forward of its own")
    elsewhere = [t for t in [*module.parameters(), *module.buffers()] if t.device.type not in ("cpu", "meta")]
    if elsewhere:
        return Swap(name, before, None, f"it lives on {elsewhere[0].device}; Norma computes on CPUs")
    module.__class__ = after
    return Swap(name, before, f"norma.torch.{after.__name__}")


def _why_not(module: nn.Module) -> str:
    if type(module).__module__.startswith("norma."):
        return "it is Norma's already"
    if isinstance(module, (nn.LocalResponseNorm, nn.CrossMapLRN2d)):
        return "it divides by its neighbours, and normalizes no distribution"
    if isinstance(module, nn.SyncBatchNorm):
        return "its statistics span processes"
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        return "it does not know its size yet; convert after the first batch"
    if isinstance(module, tuple(_SWAPS)):
        return "a class of its own, whose forward may differ from torch.nn's"
    return "a class that is not torch.nn's"
