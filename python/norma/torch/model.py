# SPDX-License-Identifier: Apache-2.0
"""What one does with a whole model: convert, fold, recalibrate, diagnose."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, NamedTuple, Optional, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

import norma
from norma.fold import fold_batch_norm
from norma.torch import layers

Model = TypeVar("Model", bound=nn.Module)

# ------------------------------------------------------------------------------------------------------------- convert

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


def convert(model: Model, *, report: bool | list[Swap] = False) -> Model:
    """Swaps every normalization layer of torch.nn for Norma's, in place, and returns the model.

    The objects stay who they are: parameters, buffers, hooks, optimizers and state_dict are untouched; undo with
    convert's inverse, `revert`.

    report  True prints what was swapped, what was not, and why; a list takes the Swap of each.
    """
    swaps = [_swap(name, module) for name, module in model.named_modules() if _is_normalization(module)]
    if isinstance(report, list):
        report.extend(swaps)
    elif report:
        print("\n".join(map(str, swaps)) or "no normalization layer was found")
    return model


def revert(model: Model) -> Model:
    """Makes torch.nn's layers again of those that convert() swapped, in place."""
    back = {after: before for before, after in _SWAPS.items()}
    for module in model.modules():
        module.__class__ = back.get(type(module), type(module))
    return model


def _is_normalization(module: nn.Module) -> bool:
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
    if isinstance(module, (nn.LocalResponseNorm, nn.CrossMapLRN2d)):
        return "it divides by its neighbours, and normalizes no distribution"
    if isinstance(module, nn.SyncBatchNorm):
        return "its statistics span processes"
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        return "it does not know its size yet; convert after the first batch"
    if isinstance(module, tuple(_SWAPS)):
        return "a class of its own, whose forward may differ from torch.nn's"
    if type(module).__module__.startswith("norma."):
        return "it is Norma's already"
    return "a class that is not torch.nn's"


# ---------------------------------------------------------------------------------------------------------------- fold

_LINEAR = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)


class _Tracer(torch.fx.Tracer):
    """Takes normalization layers, torch.nn's and Norma's, as one step."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return _is_normalization(module) or super().is_leaf_module(module, name)


def fold(model: Model, batch: Any = None) -> Model:
    """Folds each BatchNorm into the convolution or linear layer before it, for inference; in place, and returns the model.

    The BatchNorm becomes an nn.Identity. Folded are those in eval mode with running statistics whose input comes from one
    such layer that feeds nothing else. The rest stays.

    batch  an input: where given, the model's output on it is compared before and after, and the change is taken back with
           ValueError where it differs by more than rounding.
    Raises ValueError when the model trains, or its steps cannot be traced (torch.fx tells why).
    """
    if model.training:
        raise ValueError("the model trains, and folding is for inference; call model.eval() first")
    try:
        graph = _Tracer().trace(model)
    except Exception as error:
        raise ValueError(f"the model's steps cannot be traced, so what comes before each BatchNorm is unknown: {error}") from error
    with torch.no_grad():
        expected = None if batch is None else _call(model, batch)
        undo = [_fold_pair(model, linear, norm) for linear, norm in _pairs(model, graph)]
        if expected is not None and not _close(_call(model, batch), expected):
            for take_back in undo:
                take_back()
            raise ValueError("after folding the model's output on batch differs by more than rounding; nothing was folded")
    return model


def _pairs(model: nn.Module, graph: torch.fx.Graph) -> list[tuple[nn.Module, str]]:
    modules = dict(model.named_modules(remove_duplicate=False))
    calls: dict[nn.Module, int] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            calls[modules[node.target]] = calls.get(modules[node.target], 0) + 1
    found = []
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(modules[node.target], _BatchNorm):
            continue
        norm, source = modules[node.target], node.args[0]
        if norm.training or norm.running_mean is None or type(norm) in (nn.SyncBatchNorm, layers.MaskedBatchNorm):
            continue
        if source.op != "call_module" or len(source.users) > 1:
            continue
        linear = modules[source.target]
        if not isinstance(linear, _LINEAR) or calls[linear] > 1 or calls[norm] > 1:
            continue
        if isinstance(linear, nn.modules.conv._ConvTransposeNd) and linear.groups > 1:
            continue
        if isinstance(linear, nn.Linear) and not isinstance(norm, nn.BatchNorm1d):
            continue
        channels = linear.out_features if isinstance(linear, nn.Linear) else linear.out_channels
        if channels == norm.num_features:
            found.append((linear, node.target))
    return found


def _fold_pair(model: nn.Module, linear: nn.Module, name: str) -> Callable[[], None]:
    parent_name, _, child = name.rpartition(".")
    parent = model.get_submodule(parent_name)
    norm = getattr(parent, child)
    before = linear.weight, linear.bias
    axis = 1 if isinstance(linear, nn.modules.conv._ConvTransposeNd) else 0
    weight, bias = fold_batch_norm(
        linear.weight, linear.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps, channel_axis=axis
    )
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    setattr(parent, child, nn.Identity())

    def take_back() -> None:
        linear.weight, linear.bias = before
        setattr(parent, child, norm)

    return take_back


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        scale = b.double().abs().max() if b.numel() else 1.0
        return bool(((a - b).double().abs() <= 1e3 * torch.finfo(a.dtype).eps * scale).all())
    if isinstance(a, dict):
        return all(_close(a[k], b[k]) for k in b)
    if isinstance(a, (tuple, list)):
        return all(_close(x, y) for x, y in zip(a, b))
    return True


# --------------------------------------------------------------------------------------------------------- recalibrate


def _call(model: nn.Module, batch: Any) -> Any:
    """The model on a batch of a loader: a tensor, a tuple whose first part is the input, or a dict of arguments."""
    if isinstance(batch, (tuple, list)):
        return model(batch[0])
    if isinstance(batch, dict):
        return model(**batch)
    return model(batch)


def _tracking(model: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:
            yield name, module


def recalibrate(model: Model, loader: Iterable[Any], *, sequential: bool = False) -> Model:
    """Sets every BatchNorm's running_mean and running_var to the exact statistics of the whole set: each element counts
    once, and batches are merged, not averaged. Returns the model, in the mode it was in.

    loader      batches, each a tensor, a tuple whose first part is the input, or a dict of arguments.
    sequential  False: one pass; each layer is measured while those before it normalize by their batch's own statistics, as in
                training. True: a pass for each layer, in the order in which they run, those before it already in their final
                state: what each then sees in inference is exactly what was measured. The loader must give the same set
                each time.
    """
    norms = dict(_tracking(model))
    if not norms:
        return model
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            if sequential:
                order = _order_of_calls(model, norms.values(), next(iter(loader)))
                for norm in order:
                    _measure_set(model, [norm], loader)
            else:
                for norm in norms.values():
                    norm.track_running_stats, norm.training = False, True  # by its batch; nothing is taken up
                try:
                    _measure_set(model, list(norms.values()), loader)
                finally:
                    for norm in norms.values():
                        norm.track_running_stats = True
    finally:
        for module, training in modes.items():
            module.training = training
    return model


def _measure_set(model: nn.Module, norms: list[_BatchNorm], loader: Iterable[Any]) -> None:
    found: dict[_BatchNorm, norma.Moments] = {}

    def measure(norm: _BatchNorm, args: tuple, kwargs: dict) -> None:
        moments = _measure_input(norm, args, kwargs)
        found[norm] = found[norm].merge(moments) if norm in found else moments

    with _hooked(norms, measure):
        for batch in loader:
            _call(model, batch)
    for norm, moments in found.items():
        if moments.count.min() < 2:
            raise ValueError("the set gives a channel fewer than two values, which have no deviation; give a larger one")
        norm.running_mean.copy_(torch.from_numpy(moments.mean.ravel()))
        norm.running_var.copy_(torch.from_numpy(moments.variance(1).ravel()))


def _measure_input(norm: _BatchNorm, args: tuple, kwargs: dict) -> norma.Moments:
    """The moments of each channel; of (N, C, 1…) whatever the positions, so that batches of other sizes merge."""
    x = args[0] if args else kwargs["input"]
    grouping = norma.Grouping.batch()
    if isinstance(norm, layers.MaskedBatchNorm):
        mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
        lengths = kwargs.get("lengths", args[2] if len(args) > 2 else None)
        if mask is not None:
            grouping = grouping.masked(mask.unsqueeze(1))
        if lengths is not None:
            grouping = grouping.with_lengths(lengths, 2)
    return norma.moments(x.detach(), grouping=grouping)


def _order_of_calls(model: nn.Module, norms: Iterable[_BatchNorm], batch: Any) -> list[_BatchNorm]:
    order: dict[_BatchNorm, None] = {}
    with _hooked(norms, lambda norm, args, kwargs: order.setdefault(norm)):
        _call(model, batch)
    return list(order)


class _hooked:
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


# ------------------------------------------------------------------------------------------------------------ diagnose


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
    named = {module: name or "(the model itself)" for name, module in model.named_modules() if _is_normalization(module)}
    findings: list[Finding] = []

    def look(module: nn.Module, args: tuple, kwargs: dict) -> None:
        x = args[0] if args else kwargs.get("input", kwargs.get("x"))
        if not isinstance(x, Tensor) or x.dim() < 2 or x.numel() == 0:
            return
        narrowed = len(args) > 1 or any(v is not None for k, v in kwargs.items() if k in ("mask", "lengths"))
        for kind, sentence in _look(module, x.detach(), args, kwargs, narrowed):
            findings.append(Finding(named[module], kind, sentence))

    state = {norm: [t.clone() for t in norm.buffers()] for _, norm in _tracking(model)}
    with torch.no_grad(), _hooked(named, look):
        try:
            _call(model, batch)
        finally:
            for norm, buffers in state.items():
                for buffer, kept in zip(norm.buffers(), buffers):
                    buffer.copy_(kept)
    return findings


def _look(module: nn.Module, x: Tensor, args: tuple, kwargs: dict, narrowed: bool) -> Iterator[tuple[str, str]]:
    channelled = isinstance(module, (_BatchNorm, _InstanceNorm, nn.GroupNorm))
    if channelled:
        moments = _measure_input(module, args, kwargs)
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
    far = (shift > _DEVIATIONS) & (shift > _ERRORS / count**0.5)
    wide = (abs(ratio - 1) > _ERRORS / (2 * count) ** 0.5) & ((ratio > _RATIO) | (ratio < 1 / _RATIO))
    worst = (far | wide).nonzero()[0]
    if len(worst):
        c = worst[(shift + abs(ratio - 1))[worst].argmax()]
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
