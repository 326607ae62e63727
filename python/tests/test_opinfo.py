# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own tests of its normalizations, by Norma: the sample inputs and the inputs that raise (OpInfo), and the same of
the layers (ModuleInfo). What torch takes Norma takes, with the same values, shapes and running statistics; what torch refuses
Norma refuses. Where the two differ on purpose, the differences of docs/contracts.md, Norma's refusal is what is tested."""

import copy

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import norma
import norma.torch as nt

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def layer_with_statistics(x, shape, weight, bias, eps):
    saved = norma.Moments()
    y = norma.normalize(x, grouping=norma.Grouping.layer(shape), weight=weight, bias=bias, eps=eps, saved=saved)
    return y, torch.from_numpy(saved.mean), torch.from_numpy(saved.rstd(eps))


def batch_with_statistics(x, weight, bias, running_mean, running_var, training, momentum, eps):
    saved = norma.Moments()
    y = norma.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps, saved=saved)
    if not training:
        return (y,)
    return y, torch.from_numpy(saved.mean).flatten(), torch.from_numpy(saved.rstd(eps)).flatten()


OPERATORS = {
    "nn.functional.layer_norm": norma.layer_norm,
    "nn.functional.rms_norm": norma.rms_norm,
    "nn.functional.group_norm": norma.group_norm,
    "nn.functional.batch_norm": norma.batch_norm,
    "nn.functional.instance_norm": norma.instance_norm,
    "native_layer_norm": layer_with_statistics,
    "native_batch_norm": batch_with_statistics,
}
OPINFOS = {op.name: op for op in op_db if op.name in OPERATORS and not op.variant_test_name}


def each(value, change):
    return change(value) if isinstance(value, torch.Tensor) else value


def call(function, sample, change=lambda t: t.detach().clone()):
    """The outputs, and the arguments afterwards: running statistics are written there."""
    args = [each(a, change) for a in (sample.input, *sample.args)]
    kwargs = {k: each(v, change) for k, v in sample.kwargs.items()}
    result = function(*args, **kwargs)
    after = [a for a in (*args[1:], *kwargs.values()) if isinstance(a, torch.Tensor)]
    return (*(result if isinstance(result, tuple) else (result,)), *after), result


def refused_on_purpose(op, sample):
    """The word by which Norma's refusal begins, where torch takes what Norma does not."""
    named = dict(sample.kwargs)
    if op.name.startswith("native_"):
        named.update(zip(("training", "momentum", "eps") if op.name == "native_batch_norm" else ("eps",), sample.args[-3:] if op.name == "native_batch_norm" else sample.args[-1:]))
    if named.get("eps", 0) is not None and named.get("eps", 0) < 0:
        return "eps = "
    running = named.get("running_mean", sample.args[2] if op.name == "native_batch_norm" else sample.args[0] if sample.args else None)
    measures = named.get("use_input_stats", True) if "instance" in op.name else named.get("training", False)
    updates = measures and running is not None  # else the momentum is not used
    if updates and not 0 <= named.get("momentum", 0) <= 1:
        return "momentum = "
    if op.name == "nn.functional.batch_norm" and sample.input.dim() < 2:
        return "axis"
    return ""


def close(ours, theirs, dtype, what, terms=1):
    """terms: of a sum, whose roundings add up as their root."""
    assert ours.shape == theirs.shape, what
    scale = max(1.0, theirs.double().abs().max().item()) * terms**0.5 if theirs.numel() else 1.0
    limit = 1e-12 if dtype == torch.float64 else 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(ours.double(), theirs.double(), rtol=0, atol=limit * scale, msg=lambda m: f"{what}: {m}")


def test_torch_has_samples_of_each_operator():
    assert set(OPINFOS) == set(OPERATORS)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OPERATORS)
def test_sample_inputs(name, dtype):
    op, compared = OPINFOS[name], 0
    torch.manual_seed(0)
    for sample in op.reference_inputs("cpu", dtype):
        what = f"{tuple(sample.input.shape)} {sample.args} {sample.kwargs}"
        if word := refused_on_purpose(op, sample):
            with pytest.raises(ValueError, match=word):
                call(OPERATORS[name], sample)
            continue
        # Torch in float64 is nearer to the truth than torch in the type itself.
        expected, _ = call(op, sample, lambda t: t.detach().clone().double())
        found, result = call(OPERATORS[name], sample)
        y = result[0] if isinstance(result, tuple) else result
        assert y.dtype == dtype and y.shape == sample.input.shape
        statistics = len(result) if isinstance(result, tuple) else 1
        outputs = expected[: len(expected) - (len(found) - statistics)][:statistics]
        for a, b in zip((*found[:statistics], *found[statistics:]), (*outputs, *expected[len(expected) - (len(found) - statistics) :])):
            close(a, b, dtype, what)
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", [n for n in OPERATORS if n in OPINFOS and OPINFOS[n].error_inputs_func])
def test_what_torch_refuses(name):
    errors = list(OPINFOS[name].error_inputs("cpu"))
    assert errors
    for error in errors:
        with pytest.raises(error.error_type):
            call(OPINFOS[name], error.sample_input)
        with pytest.raises((ValueError, TypeError)) as ours:
            call(OPERATORS[name], error.sample_input)
        assert str(ours.value).startswith("[")  # in a sentence of Norma's own


LAYERS = {m.name: m for m in module_db if hasattr(nt, m.module_cls.__name__) and issubclass(getattr(nt, m.module_cls.__name__), m.module_cls)}


def test_torch_has_samples_of_each_layer():
    names = {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm", "RMSNorm"}
    assert {m.module_cls.__name__ for m in LAYERS.values()} == names


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_sample_inputs(name, training, dtype):
    info = LAYERS[name]
    torch.manual_seed(0)
    inputs = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
    assert len(inputs) >= 3
    for sample in inputs:
        made = sample.constructor_input
        theirs = info.module_cls(*made.args, **{**made.kwargs, "dtype": torch.float64}).train(training)
        ours = getattr(nt, info.module_cls.__name__)(*made.args, **{**made.kwargs, "dtype": dtype}).train(training)
        ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
        results = []
        for layer, of in ((theirs, torch.float64), (ours, dtype)):
            args = [each(a, lambda t: t.detach().to(of).requires_grad_()) for a in sample.forward_input.args]
            y = layer(*args, **sample.forward_input.kwargs)
            y.backward(torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape).to(dtype).to(of))
            results.append([y.detach(), args[0].grad, *(p.grad for p in layer.parameters()), *layer.state_dict().values()])
        size = sample.forward_input.args[0].numel()
        for a, b in zip(*results):
            scaled = 1 if dtype == torch.float64 else 4  # gradients are sums of rounded products
            close(a / scaled, b / scaled, dtype, f"{name} {sample.desc}", max(1, size // max(1, a.numel())))


@pytest.mark.parametrize("name", [n for n, m in LAYERS.items() if m.module_error_inputs_func])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_what_torchs_layers_refuse(name, training):
    info = LAYERS[name]
    errors = info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=training)
    for error in errors:
        made, given = error.module_error_input.constructor_input, error.module_error_input.forward_input
        for space in (torch.nn, nt):
            make = getattr(space, info.module_cls.__name__)
            if error.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
                with pytest.raises((error.error_type, ValueError)):
                    make(*made.args, **made.kwargs)
            else:
                layer = make(*made.args, **made.kwargs).train(training)
                # Torch refuses eps = 0 in training alone; Norma takes it on purpose: a constant gives the bias.
                if made.kwargs.get("eps") == 0 and (space is nt or not training):
                    assert layer(*given.args, **given.kwargs).isfinite().all()
                    continue
                with pytest.raises((error.error_type, ValueError)):
                    layer(*given.args, **given.kwargs)
