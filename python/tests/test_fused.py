# SPDX-License-Identifier: Apache-2.0
"""What a pass does besides normalizing: residual and sum before it, shortcut and ReLU behind it."""

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn
from torch.nn import functional as F

import norma
import norma.torch as nt
from test_torch import both_ways_agree, close, randomized


# ------------------------------------------------------------------------------------------------------------ functions


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_a_residual_is_a_sum_and_a_norm(dtype, random):
    """The bits of both passes, for NumPy's arrays and in place."""
    x, residual = (random.normal(size=(3, 5, 8)).astype(dtype) for _ in range(2))
    weight = random.normal(size=8).astype(np.float32)
    for function in (norma.layer_norm, norma.rms_norm):
        total, expected = x + residual, function(x + residual, 8, weight)
        assert (function(x, 8, weight, residual=residual) == expected).all()
        out, summed = np.empty_like(x), np.empty_like(x)
        assert function(x, 8, weight, residual=residual, sum_out=summed, out=out) is out
        assert (out == expected).all() and (summed == total).all()
        there, stream = x.copy(), residual.copy()  # x becomes y, and the residual the sum
        function(there, 8, weight, residual=stream, sum_out=stream, out=there)
        assert (there == expected).all() and (stream == total).all()
    expected = norma.normalize(x + residual, (1, 2))
    assert (norma.normalize(x, (1, 2), residual=residual) == expected).all()


def test_a_shortcut_and_relu_follow(random):
    x, add = (random.normal(size=(4, 6, 5)).astype(np.float32) for _ in range(2))
    weight, bias = random.normal(size=6).astype(np.float32), random.normal(size=6).astype(np.float32)
    mean, var = random.normal(size=6), random.random(6) + 0.5
    for call in (
        lambda **rest: norma.batch_norm(x, weight=weight, bias=bias, **rest),
        lambda **rest: norma.batch_norm(x, mean, var, weight, bias, **rest),
        lambda **rest: norma.instance_norm(x, weight=weight, bias=bias, **rest),
        lambda **rest: norma.group_norm(x, 3, weight, bias, **rest),
        lambda **rest: norma.normalize(x, grouping=norma.Grouping.batch(), weight=weight, bias=bias, **rest),
    ):
        plain = call()
        assert (call(activation="relu") == np.maximum(plain, 0)).all()
        assert (call(add=add) == plain + add).all()
        assert (call(add=add, activation="relu") == np.maximum(plain + add, 0)).all()
    x[0, 2, 0] = np.nan
    assert np.isnan(norma.batch_norm(x, activation="relu")[:, 2]).all()  # never hidden


def test_gradients_of_a_fusion(random):
    """dy counts where y > 0; what reaches the sum by other ways is added: the same bits as in steps."""
    x, dy, dsum = (random.normal(size=(4, 6, 5)).astype(np.float32) for _ in range(3))
    saved, grouping = norma.Moments(), norma.Grouping.batch()
    y = norma.normalize(x, grouping=grouping, saved=saved, activation="relu")
    counted = np.where(y > 0, dy, 0)
    dadd, dweight = np.empty_like(x), np.empty(6)
    dx = norma.backward(dy, x, saved, grouping=grouping, activation="relu", y=y, dadd=dadd, dsum=dsum, dweight=dweight)
    expected_dweight = np.empty(6)
    expected = norma.backward(counted, x, saved, grouping=grouping, dweight=expected_dweight) + dsum
    assert (dadd == counted).all() and (dx == expected).all() and (dweight == expected_dweight).all()


@pytest.mark.parametrize(
    "words, attempt",
    [
        ("sum is given without a residual", lambda x: norma.layer_norm(x, 6, sum_out=np.empty_like(x), out=x)),
        ("residual of shape", lambda x: norma.layer_norm(x, 6, residual=x[:2].copy(), out=x)),
        ("residual .* dtype f64", lambda x: norma.layer_norm(x, 6, residual=x.astype(float), out=x)),
        ("add of shape", lambda x: norma.batch_norm(x, add=x[:, :5].copy(), out=x)),
        ("activation = 'gelu' is not known; give 'relu' or None", lambda x: norma.batch_norm(x, activation="gelu", out=x)),
        ("activation = 1 is not known", lambda x: norma.normalize(x, 1, activation=1, out=x)),
        ("its result y is not given", lambda x: norma.backward(x, x, norma.moments(x, 1), 1, activation="relu", dx=x)),
        ("without dx", lambda x: norma.backward(x, x, norma.moments(x, 1), 1, dx=False, dsum=x.copy())),
    ],
)
def test_refusals(words, attempt, random):
    x = random.normal(size=(4, 6)).astype(np.float32)
    before = x.copy()
    with pytest.raises(ValueError, match=words):
        attempt(x)
    assert (x == before).all()


# --------------------------------------------------------------------------------------------------------------- layers


class Steps(nn.Module):
    """What a fused layer is, in torch.nn's steps."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x, other=None):
        if isinstance(self.norm, nn.BatchNorm2d):
            y = self.norm(x)
            return F.relu(y if other is None else y + other)
        total = x + other
        return self.norm(total), total


@st.composite
def cases(draw):
    name = draw(st.sampled_from(["AddLayerNorm", "AddRMSNorm", "BatchNormReLU2d"]))
    sizes = st.integers(2, 6)
    shape = [draw(sizes) for _ in range(4)]
    affine, dtype = draw(st.booleans()), draw(st.sampled_from([torch.float32, torch.float64]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    tensors = [torch.randn(shape, generator=generator).to(dtype) for _ in range(4)]
    layouts = [draw(st.sampled_from(["plain", "channels_last", "transposed"])) for _ in range(2)]
    for i, layout in enumerate(layouts):  # x and what is added lie differently
        if layout == "channels_last":
            tensors[i] = tensors[i].to(memory_format=torch.channels_last)
        if layout == "transposed":
            tensors[i] = tensors[i].transpose(0, -1).contiguous().transpose(0, -1)
    return name, shape, affine, dtype, tensors, draw(st.booleans()), draw(st.booleans())


@given(cases())
def test_layers_are_their_steps(case):
    """Values, gradients, states, in train and eval; where the sum is used too, and where it alone is."""
    name, shape, affine, dtype, (x, other, dy, dsum), with_other, uses_y = case
    if name == "BatchNormReLU2d":
        theirs, ours = nn.BatchNorm2d(shape[1], affine=affine), nt.BatchNormReLU2d(shape[1], affine=affine)
    elif name == "AddLayerNorm":
        theirs, ours = nn.LayerNorm(shape[2:], 1e-3, affine), nt.AddLayerNorm(shape[2:], 1e-3, affine, return_sum=True)
    else:
        theirs, ours = nn.RMSNorm(shape[3], None, affine), nt.AddRMSNorm(shape[3], None, affine, return_sum=True)
    theirs, ours = randomized(theirs).to(dtype), ours.to(dtype)
    ours.load_state_dict(theirs.state_dict())
    for training in (True, False):
        results = []
        for layer in (Steps(theirs), ours):
            layer.train(training).zero_grad()
            inputs = [t.clone(memory_format=torch.preserve_format).requires_grad_() for t in (x, other)]
            if name == "BatchNormReLU2d":
                y = layer(*inputs[: 1 + with_other])
                y.backward(dy)
                outputs = [y.detach()]
            else:
                y, total = layer(*inputs)
                loss = (total * dsum).sum() + ((y * dy).sum() if uses_y else 0)
                loss.backward()
                outputs = [y.detach(), total.detach()]
            results.append([*outputs, *(t.grad for t in inputs), *(p.grad for p in layer.parameters())])
        assert len(results[0]) == len(results[1])
        for theirs_, ours_ in zip(*results):
            assert (theirs_ is None) == (ours_ is None)
            if ours_ is not None:
                assert ours_.dtype == theirs_.dtype and ours_.shape == theirs_.shape
                close(ours_, theirs_, dtype)
        if not training:
            with torch.no_grad():
                again = ours(x, other) if name != "BatchNormReLU2d" or with_other else ours(x)
            close(again if torch.is_tensor(again) else again[0], results[0][0], dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()):
        close(a, b, dtype)


LAYERS = {
    "layer": (lambda: nt.AddLayerNorm((3, 4), return_sum=True), (2, 3, 4)),
    "layer, y alone": (lambda: nt.AddLayerNorm(4), (2, 3, 4)),
    "rms": (lambda: nt.AddRMSNorm(4, return_sum=True), (2, 3, 4)),
    "batch": (lambda: nt.BatchNormReLU2d(3), (2, 3, 2, 2)),
    "batch, eval": (lambda: nt.BatchNormReLU2d(3).eval(), (2, 3, 2, 2)),
}


@pytest.mark.parametrize("make, shape", LAYERS.values(), ids=LAYERS)
def test_gradients_of_both_orders(make, shape):
    layer = randomized(make()).double()
    if layer.training and isinstance(layer, nn.BatchNorm2d):
        layer.momentum = 0.0  # gradcheck calls more than once
    x, other = (torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(i), requires_grad=True) for i in (1, 2))
    names = list(dict(layer.named_parameters()))
    function = lambda x, other, *p: torch.func.functional_call(layer, dict(zip(names, p)), (x, other))  # noqa: E731
    inputs = (x, other, *layer.parameters())
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)
    y = function(*inputs)
    both_ways_agree(y if torch.is_tensor(y) else y[0] + y[1].sin(), inputs)


def test_fused_layers_are_ordinary_modules(tmp_path):
    torch.manual_seed(0)
    x, other = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    for layer in (nt.BatchNormReLU2d(3), nt.AddLayerNorm(4, return_sum=True), nt.AddRMSNorm(4)):
        layer = randomized(layer).eval()
        first = lambda found: found if torch.is_tensor(found) else found[0]  # noqa: E731
        expected = first(layer(x, other)).detach()
        for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert repr(again) == repr(layer) and torch.equal(first(again(x, other)), expected)
        close(first(torch.export.export(layer, (x, other)).module()(x, other)), expected)
        inputs, results = [t.clone().requires_grad_() for t in (x, other)], []
        for f in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
            y = first(f(*inputs))
            results.append([y, *torch.autograd.grad(y.square().sum(), inputs)])
        for a, b in zip(*results):
            close(a, b)
    assert "return_sum=True" in repr(nt.AddLayerNorm(4, return_sum=True)) and "return_sum" not in repr(nt.AddLayerNorm(4))
    with pytest.raises(ValueError, match=r"residual of shape \(3, 4\) is not like x"):
        nt.AddLayerNorm(4)(torch.ones(2, 3, 4), torch.ones(3, 4))
    with torch.autocast("cpu", torch.bfloat16):  # a Linear's bfloat16 on a residual in float32: what the sum of both is
        y, total = nt.AddLayerNorm(4, return_sum=True)(nn.Linear(4, 4)(x), x)
    assert y.dtype == total.dtype == torch.float32


def test_only_what_is_needed_is_differentiated():
    layer = nt.BatchNormReLU2d(3)
    x, add = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4, requires_grad=True)
    layer(x, add).sum().backward()  # of add and of the parameters, not of x
    reference = add.detach().requires_grad_()
    F.relu(nn.BatchNorm2d(3)(x) + reference).sum().backward()
    close(add.grad, reference.grad)
    assert x.grad is None and layer.weight.grad is not None


# -------------------------------------------------------------------------------------------------------------- convert


def net():
    torch.manual_seed(0)
    shared = nn.ReLU()
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
        nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), shared, nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), shared),
        nn.BatchNorm2d(8), nn.ReLU(), nn.GroupNorm(2, 8), nn.ReLU(),
    )  # fmt: skip
    model[4].register_forward_hook(lambda *_: None)
    return model


def test_convert_fuses_neighbours_where_asked():
    plain, model, report = net(), nt.convert(net(), fuse=True), []
    kinds = [type(m).__name__ for m in model.modules() if not list(m.children())]
    assert kinds[1:3] == ["BatchNormReLU2d", "PassedOn"]
    assert kinds.count("BatchNormReLU2d") == 1  # a ReLU used twice, a layer with a hook: as they were
    assert list(model.state_dict()) == list(plain.state_dict())
    x = torch.randn(4, 3, 6, 6)
    for training in (True, False):
        for m in (plain, model):
            m.train(training).zero_grad()
            m(x).square().sum().backward()
        for p, q in zip(plain.parameters(), model.parameters()):
            close(q.grad, p.grad)
        close(model(x), plain(x))
    nt.convert(net(), fuse=True, report=report)
    assert str(report[0]) == "1: BatchNorm2d and ReLU -> norma.torch.BatchNormReLU2d"
    assert type(nt.convert(net())[2]) is nn.ReLU  # not asked for
    nt.revert(model)
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]
    close(model(x), plain(x))
    assert type(nt.revert(nn.Sequential(nt.BatchNormReLU2d(3)))[0]) is nt.BatchNormReLU2d  # made by hand: it has no ReLU behind it
    nt.convert(nn.Sequential(nt.BatchNormReLU2d(3)), report=report)
    assert report[-1].why == "it is Norma's already"


def test_fold_keeps_the_relu():
    model, x = nt.convert(net(), fuse=True), torch.randn(4, 3, 6, 6)
    for _ in range(3):
        model(x)
    expected = model.eval()(x)
    nt.fold(model, x)
    assert type(model[1]) is nn.ReLU
    close(model(x), expected)

    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nt.BatchNormReLU2d(3)

        def forward(self, x):
            return self.bn(self.conv(x), x)

    report = []
    nt.fold(Shortcut().eval(), report=report)
    assert "more than scale and shift" in report[0].why
