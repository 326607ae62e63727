# SPDX-License-Identifier: Apache-2.0
"""norma.torch beside torch.nn: values, gradients, state, modes, and what else touches a layer."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

import norma.torch as nt


def tolerance(dtype):
    return {torch.float64: 1e-9, torch.float32: 2e-5, torch.bfloat16: 5e-2, torch.float16: 1e-2}[dtype]


def close(a, b, dtype=torch.float32):
    """To rounding, by the size of what is compared: gradients of parameters are sums."""
    scale = max(1.0, b.double().abs().max().item()) if b.numel() else 1.0
    torch.testing.assert_close(a.double(), b.double(), rtol=tolerance(dtype), atol=tolerance(dtype) * scale)


def randomized(layer, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for t in [*layer.parameters(), *(b for b in layer.buffers() if b.is_floating_point())]:
            t.copy_(torch.rand(t.shape, generator=generator) + 0.5)
    return layer


@st.composite
def cases(draw):
    """A layer's name, how to make it from a namespace, and an input."""
    sizes = st.integers(2, 6)
    n, c = draw(sizes), draw(sizes)
    name = draw(st.sampled_from(["LayerNorm", "RMSNorm", "GroupNorm", "BatchNorm", "InstanceNorm"]))
    spatial = draw(st.integers(1, 3))
    affine, bias = draw(st.booleans()), draw(st.booleans())
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.bfloat16]))
    shape = (n, c, *(draw(sizes) for _ in range(spatial)))
    if name == "LayerNorm":
        trailing = shape[-draw(st.integers(1, spatial)) :]
        make = lambda space: space.LayerNorm(trailing, 1e-3, affine, bias)  # noqa: E731
    elif name == "RMSNorm":
        trailing, eps = shape[-draw(st.integers(1, spatial)) :], draw(st.sampled_from([None, 1e-3]))
        make = lambda space: space.RMSNorm(trailing, eps, affine)  # noqa: E731
    elif name == "GroupNorm":
        groups = draw(st.integers(1, 3))
        shape = (n, groups * c, *shape[2:])
        make = lambda space: space.GroupNorm(groups, groups * c, 1e-3, affine)  # noqa: E731
    else:
        momentum, track = draw(st.sampled_from([0.1, 0.7, None])), draw(st.booleans())
        make = lambda space: getattr(space, f"{name}{spatial}d")(c, 1e-3, momentum, affine, track)  # noqa: E731
    x = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 2**31))))
    layout = draw(st.sampled_from(["plain", "channels_last", "transposed"]))
    if layout == "channels_last" and x.dim() == 4:
        x = x.to(memory_format=torch.channels_last)
    if layout == "transposed":
        x = x.transpose(0, -1).contiguous().transpose(0, -1)
    return name, make, x.to(dtype), dtype


@given(cases())
def test_as_torch(case):
    name, make, x, dtype = case
    theirs, ours = randomized(make(nn)).to(dtype), make(nt).to(dtype)
    assert isinstance(ours, type(theirs)) and repr(ours) == repr(theirs)
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):  # twice: running statistics go on
        results = []
        for layer in (theirs, ours):
            layer.train(training).zero_grad()
            given_x = x.clone(memory_format=torch.preserve_format).requires_grad_()
            y = layer(given_x)
            dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
            y.backward(dy)
            results.append([y.detach(), given_x.grad, *(p.grad for p in layer.parameters())])
        for a, b in zip(*results):
            assert a.dtype == b.dtype and a.shape == b.shape
            close(b, a, dtype)
        assert results[1][0].stride() == x.stride()
        with torch.no_grad():
            close(ours(x) if not training else results[1][0], results[1][0], dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()):
        close(a, b, dtype)


LAYERS = {
    "layer": (lambda: nt.LayerNorm((3, 4)), (2, 3, 4)),
    "rms": (lambda: nt.RMSNorm(4), (2, 3, 4)),
    "group": (lambda: nt.GroupNorm(2, 4), (2, 4, 3)),
    "instance": (lambda: nt.InstanceNorm1d(3, affine=True), (2, 3, 4)),
    "instance, tracked": (lambda: nt.InstanceNorm1d(3, affine=True, track_running_stats=True).eval(), (2, 3, 4)),
    "batch": (lambda: nt.BatchNorm1d(3), (4, 3, 2)),
    "batch, eval": (lambda: nt.BatchNorm1d(3).eval(), (4, 3, 2)),
    "sample": (lambda: nt.SampleLayerNorm(4), (2, 3, 4)),
}


def both_ways_agree(y, inputs):
    """The gradients by the kernels, and by the operations that can be differentiated again."""
    dy = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(7))
    by_kernels = torch.autograd.grad(y, inputs, dy, retain_graph=True)
    for a, b in zip(torch.autograd.grad(y, inputs, dy, create_graph=True), by_kernels):
        close(a, b, torch.float64)


@pytest.mark.parametrize("make, shape", LAYERS.values(), ids=LAYERS)
def test_gradients_of_both_orders(make, shape):
    layer = randomized(make()).double()
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    parameters = tuple(layer.parameters())
    if layer.training and getattr(layer, "track_running_stats", False):
        layer.momentum = 0.0  # gradcheck calls more than once
    function = lambda x, *p: torch.func.functional_call(layer, dict(zip(dict(layer.named_parameters()), p)), x)  # noqa: E731
    assert torch.autograd.gradcheck(function, (x, *parameters))
    assert torch.autograd.gradgradcheck(function, (x, *parameters))
    both_ways_agree(function(x, *parameters), (x, *parameters))


def test_gradients_with_padding():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 2, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    mask = torch.rand(3, 5, generator=generator) < 0.7
    layer = randomized(nt.MaskedBatchNorm(2)).double()
    layer.momentum = 0.0
    lengths = torch.tensor([5, 2, 3])
    for narrowing in ({"mask": mask}, {"lengths": lengths}):
        assert torch.autograd.gradcheck(lambda x: layer(x, **narrowing), x)
        assert torch.autograd.gradgradcheck(lambda x: layer(x, **narrowing), x)
        both_ways_agree(layer(x, **narrowing), (x, *layer.parameters()))
    sample = randomized(nt.SampleLayerNorm(2)).double()
    words = x.detach().transpose(1, 2).contiguous().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sample(x, lengths), words)
    assert torch.autograd.gradgradcheck(lambda x: sample(x, lengths), words)
    both_ways_agree(sample(words, lengths), (words, *sample.parameters()))


def test_padding_touches_no_gradient_of_either_order():
    x = torch.randn(3, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([5, 2, 3])
    real = torch.arange(5)[None, None] < lengths[:, None, None]
    layer, results = randomized(nt.MaskedBatchNorm(2)).double(), []
    for padding in (0.0, float("nan")):
        given_x = torch.where(real, x, padding).requires_grad_()
        (dx,) = torch.autograd.grad(layer(given_x, lengths=lengths).pow(3).sum(), given_x, create_graph=True)
        (ddx,) = torch.autograd.grad(dx.square().sum(), given_x)
        results.append((dx.detach(), ddx))
    for a, b in zip(*results):
        assert torch.equal(a, b) and (a[~real.expand_as(a)] == 0).all()


def test_any_axes_may_be_pooled():
    """normalize() by a key of axes, with gradients of both orders and under torch.compile."""
    x = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    weight, bias = (torch.rand(3 * 5, dtype=torch.float64, generator=torch.Generator().manual_seed(i)).requires_grad_() for i in (2, 3))
    for key in (("over", 0, -1), ("over", 2, 0)):
        assert torch.autograd.gradcheck(lambda *a: nt.normalize(a[0], key, *a[1:]), (x, weight, bias))
        both_ways_agree(nt.normalize(x, key, weight, bias), (x, weight, bias))
        compiled = torch.compile(lambda *a: nt.normalize(a[0], key, *a[1:]), fullgraph=True, backend="aot_eager")
        close(compiled(x, weight, bias), nt.normalize(x, key, weight, bias), torch.float64)


def test_padding_touches_nothing():
    x = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([6, 2, 4])
    mask = torch.arange(6)[None] < lengths[:, None]
    spoiled = torch.where(mask[:, None], x, float("nan"))
    masked, plain = nt.MaskedBatchNorm(4), nn.BatchNorm1d(4)
    y = masked(spoiled, lengths=lengths)
    real = x.transpose(1, 2)[mask]
    close(y.transpose(1, 2)[mask], plain(real))
    assert (y.transpose(1, 2)[~mask] == 0).all()
    for a, b in zip(masked.buffers(), plain.buffers()):
        close(a, b)
    assert (nt.MaskedBatchNorm(4)(spoiled, mask=mask) == y).all()
    assert (masked(x, mask=mask)[0] == masked(x, mask=mask)[0]).all()

    words, sample = x.transpose(1, 2).contiguous(), nt.SampleLayerNorm(4)
    y = sample(words, lengths)
    for i, n in enumerate(lengths.tolist()):
        close(y[i, :n], nn.functional.layer_norm(words[i, :n], (n, 4)))
        assert (y[i, n:] == 0).all()
    with pytest.raises(ValueError, match="two ways to say the same"):
        masked(x, mask=mask, lengths=lengths)
    with pytest.raises(ValueError, match="give one value a position"):
        masked(x, mask=mask[:, :3])
    with pytest.raises(ValueError, match="does not end in"):
        sample(x)


def net():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nt.BatchNorm2d(8), nn.ReLU(), nt.GroupNorm(4, 8), nt.InstanceNorm2d(8, affine=True), nn.Flatten(),
        nt.LayerNorm(8 * 16), nn.Linear(128, 16), nt.RMSNorm(16),
    )  # fmt: skip


def batch():
    return torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(5))


def test_compiled_steps_are_the_same_steps():
    model = net()
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    for _ in range(2):
        for m in (model, compiled):
            m.zero_grad()
            m(batch()).square().sum().backward()
        for (name, p), q in zip(model.named_parameters(), compiled.parameters()):
            close(q.grad, p.grad)
    for p, q in zip(model.buffers(), compiled.buffers()):
        close(q, p)
    with torch.no_grad():
        close(torch.compile(model.eval(), fullgraph=True, backend="aot_eager")(batch()), model(batch()))


def test_compiled_statistics_leave_out_what_eager_ones_do():
    """Infinities, and channels of which a single value counts, leave the running statistics alone."""
    x, mask = torch.randn(3, 2, 4), torch.zeros(3, 4, dtype=torch.bool)
    mask[1, 2] = True
    spoiled = x.clone()
    spoiled[0, 1, 0] = torch.inf
    for args in ((x, mask), (spoiled, None)):
        eager = nt.MaskedBatchNorm(2)
        compiled = copy.deepcopy(eager)
        eager(*args)
        torch.compile(compiled, fullgraph=True, backend="aot_eager")(*args)
        for a, b in zip(eager.buffers(), compiled.buffers()):
            close(b, a)
        assert eager.running_mean[1] == 0 and eager.running_var[1] == 1


def test_compiled_by_inductor():
    layer, x = nt.LayerNorm(16), torch.randn(4, 16, requires_grad=True)
    torch.compile(layer, fullgraph=True)(x).sum().backward()
    by_compiler, x.grad = x.grad, None
    layer(x).sum().backward()
    assert torch.equal(by_compiler, x.grad)


def test_the_operators_are_sound():
    """PyTorch's own check of schema, fake kernels and autograd registration."""
    x = torch.randn(3, 4, 5, requires_grad=True)
    weight, bias = torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    for args in (
        (x, weight, bias, "batch", [1], 1e-5, True, None, None, 1, None, None),
        (x, weight, None, "batch", [1], 1e-5, True, None, None, 1, torch.zeros(4), torch.ones(4)),
        (x, None, None, "layer", [5], None, False, None, None, 1, None, None),
        (x, weight, bias, "group", [2, 1], 1e-5, True, torch.rand(3, 1, 5) < 0.9, None, 1, None, None),
        (x, weight, bias, "instance", [1], 1e-5, True, None, torch.tensor([5, 2, 1]), 2, None, None),
    ):
        torch.library.opcheck(torch.ops.norma.normalize, args)


def test_exported_model():
    model = net().eval()
    exported = torch.export.export(model, (batch(),), dynamic_shapes=({0: torch.export.Dim("n", min=2)},))
    larger = torch.randn(7, 3, 6, 6)
    with torch.no_grad():
        close(exported.module()(larger), model(larger))


def test_whoever_watches_sees_the_operator():
    """Traces hold what was computed, not memory that the kernels wrote behind PyTorch's back; fake tensors are not read."""
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx

    layer, x, other = randomized(nt.LayerNorm(6)).requires_grad_(False), torch.randn(3, 4, 6), torch.randn(3, 4, 6)
    close(torch.jit.trace(layer, x)(other), layer(other))
    close(make_fx(layer)(x)(other), layer(other))
    close(torch.func.vmap(layer)(x), layer(x))
    norm = nt.BatchNorm1d(4)
    close(make_fx(norm)(x)(other), nn.BatchNorm1d(4)(other))
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = mode.from_tensor(x)
        assert layer(fake).shape == x.shape
    assert layer(fake).shape == x.shape  # outside of its mode


def test_double_backward_through_the_operator_is_refused():
    x = torch.randn(3, 5, requires_grad=True)
    y, _ = torch.ops.norma.normalize(x, None, None, "layer", [5], 1e-5, True, None, None, 1, None, None)
    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="run eagerly"):
        dx.sum().backward()


def test_copies_pickles_and_hooks(tmp_path):
    model, x = net(), batch()
    expected = model.eval()(x)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(again(x), expected)
    torch.save(model.state_dict(), tmp_path / "state.pt")
    fresh = net()
    fresh.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert torch.equal(fresh.eval()(x), expected)
    seen = []
    model[1].register_forward_hook(lambda m, i, o: seen.append(o.shape))
    model[1].register_full_backward_hook(lambda m, gi, go: seen.append(gi[0].shape))
    model(x).sum().backward()
    assert seen == [(4, 8, 4, 4)] * 2


@pytest.mark.parametrize("name, shape", [("LayerNorm", (2, 3, 8)), ("BatchNorm1d", (4, 8, 3)), ("GroupNorm", (2, 8, 3)), ("RMSNorm", (2, 3, 8))])
def test_autocast(name, shape):
    """Data in bfloat16 and weights in float32, as autocast hands them over: the same dtypes come out as of torch.nn."""
    make = (lambda space: space.GroupNorm(4, 8)) if name == "GroupNorm" else (lambda space: getattr(space, name)(8))
    x, results = torch.randn(shape, generator=torch.Generator().manual_seed(2)), []
    for space in (nn, nt):
        layer, linear = make(space), nn.Linear(shape[-1], shape[-1])
        with torch.no_grad():
            linear.weight.copy_(torch.eye(shape[-1]))
            linear.bias.zero_()
        with torch.autocast("cpu", torch.bfloat16):
            y = layer(linear(x))
        y.sum().backward()
        results.append((y, layer.weight.grad))
    for theirs, ours in zip(*results):
        assert theirs.dtype == ours.dtype
        close(ours, theirs, torch.bfloat16)


def test_only_what_is_needed_is_differentiated():
    layer = nt.LayerNorm(4)
    x = torch.randn(3, 4)
    layer(x).sum().backward()  # no gradient of x
    close(layer.bias.grad, torch.full((4,), 3.0))
    for p in layer.parameters():
        p.requires_grad_(False)
    assert layer(x).requires_grad is False
    x.requires_grad_()
    y = layer(x)
    y.backward(torch.ones(()).expand(3, 4))  # a gradient without memory of its own
    assert layer.weight.grad.shape == (4,) and x.grad.shape == (3, 4)


def test_a_changed_input_is_noticed():
    x = torch.randn(3, 4, requires_grad=True) * 1
    y = nt.LayerNorm(4)(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_refusals():
    with pytest.raises(ValueError, match="lives on meta; Norma computes on CPUs"):
        nt.LayerNorm(4)(torch.ones(2, 4, device="meta"))
    with pytest.raises(ValueError, match="expected 4D input"):
        nt.BatchNorm2d(3)(torch.ones(2, 3))
    with pytest.raises(ValueError, match="single value"):
        nt.BatchNorm1d(3)(torch.ones(1, 3))
    with pytest.raises(TypeError, match="complex64"):
        nt.LayerNorm(4)(torch.ones(2, 4, dtype=torch.complex64))
    with pytest.raises(ValueError, match="does not equal the last sizes"):
        nt.LayerNorm(5)(torch.ones(2, 4))
    with pytest.raises(ValueError, match="names no grouping"):
        nt.normalize(torch.ones(2, 4), ("batches", 1))
    with pytest.raises(RuntimeError, match="setup_context"):  # torch.func's own sentence
        torch.func.grad(lambda x: nt.LayerNorm(4)(x).sum())(torch.ones(2, 4))


def test_same_bits_in_any_batch():
    """A sample's result does not depend on the batch that it stands in, nor on the number of threads."""
    x = torch.randn(64, 96, generator=torch.Generator().manual_seed(1))
    layer = randomized(nt.LayerNorm(96))
    whole = layer(x)
    for i in (0, 17, 63):
        assert torch.equal(layer(x[i : i + 1])[0], whole[i])
    large = torch.randn(300, 256)
    layer = nt.LayerNorm(256)
    threads, results = torch.get_num_threads(), []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        results.append(layer(large))
    torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])
