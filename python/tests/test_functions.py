# SPDX-License-Identifier: Apache-2.0
"""The functions of `norma`: values, kinds of arrays, layouts, refusals."""

import pickle

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

import norma
import reference

DTYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32, "float64": np.float64}


def call(kind, x, weight, bias, number, channel_axis, **rest):
    """A named function by its kind."""
    if kind == "layer":
        return norma.layer_norm(x, x.shape[x.ndim - number :], weight, bias, **rest)
    if kind == "rms":
        return norma.rms_norm(x, x.shape[x.ndim - number :], weight, 1e-5, **rest)
    if kind == "group":
        return norma.group_norm(x, number, weight, bias, channel_axis=channel_axis, **rest)
    function = norma.batch_norm if kind == "batch" else norma.instance_norm
    return function(x, weight=weight, bias=bias, channel_axis=channel_axis, **rest)


@st.composite
def cases(draw):
    kind = draw(st.sampled_from(["layer", "rms", "group", "batch", "instance"]))
    dtype = draw(st.sampled_from(list(DTYPES)))
    rank = draw(st.integers(3, 5))
    shape = [draw(st.integers(2, 7)) for _ in range(rank)]
    channel_axis = draw(st.sampled_from([1, -1]))
    number = None
    if kind in ("layer", "rms"):
        number = draw(st.integers(1, rank - 1))
    if kind == "group":
        number = draw(st.integers(1, 3))
        shape[channel_axis] = number * draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = (random.normal(draw(st.sampled_from([0, 3, 100])), 1, shape)).astype(DTYPES[dtype])
    layout = draw(st.sampled_from(["plain", "transposed", "reversed", "gaps"]))
    if layout == "transposed":
        x = np.ascontiguousarray(x.transpose()).transpose()
    if layout == "reversed":
        x = np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1]
    if layout == "gaps":
        wide = np.zeros([2 * n for n in shape], x.dtype)
        wide[tuple(slice(None, None, 2) for _ in shape)] = x
        x = wide[tuple(slice(None, None, 2) for _ in shape)]
    count = reference.numel(shape[rank - number :]) if kind in ("layer", "rms") else shape[channel_axis]
    weight = random.normal(1, 0.5, count).astype(DTYPES[draw(st.sampled_from(["float32", dtype]))]) if draw(st.booleans()) else None
    bias = random.normal(0, 1, count).astype(np.float32) if kind != "rms" and draw(st.booleans()) else None
    mask = random.random(shape) < 0.7 if draw(st.booleans()) else None
    return kind, dtype, number, channel_axis, x, weight, bias, mask


@given(cases(), st.sampled_from(["new", "out", "in place"]))
def test_named_functions_follow_their_definitions(case, where):
    kind, dtype, number, channel_axis, x, weight, bias, mask = case
    y, xhat = reference.normalize(
        x, "layer" if kind == "rms" else kind, number, channel_axis, weight, bias, centered=kind != "rms", mask=mask
    )
    out = {"new": None, "out": np.empty_like(x), "in place": x.copy(order="K")}[where]
    given_x = out if where == "in place" else x
    result = call(kind, given_x, weight, bias, number, channel_axis, mask=mask, out=out)
    assert result is out or where == "new"
    assert result.dtype == x.dtype and result.shape == x.shape
    w = 1.0 if weight is None else np.abs(np.asarray(weight, np.float64)).max()
    b = 0.0 if bias is None else np.abs(bias).max()
    error = np.abs(np.asarray(result, np.float64) - y)
    assert (error <= reference.bound(y, xhat, dtype, w, b)).all()


def kinds(x):
    """The same numbers in each library's arrays."""
    import jax.numpy as jnp
    import torch

    single = x.astype(np.float32)
    return {
        "numpy": (x, lambda a: np.asarray(a, np.float64)),
        "torch": (torch.from_numpy(single).to(getattr(torch, x.dtype.name)), lambda a: a.double().numpy()),
        "jax": (jnp.asarray(single, dtype=x.dtype.name), lambda a: np.asarray(a, np.float64)),
    }


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_arrays_come_back_as_their_own_kind(library, dtype, random):
    x, back = kinds(random.normal(size=(4, 6, 8)).astype(DTYPES[dtype]))[library]
    y = norma.layer_norm(x, 8)
    assert type(y) is type(x) and y.dtype == x.dtype and tuple(y.shape) == (4, 6, 8)
    expected, xhat = reference.normalize(back(x), "layer", 1)
    assert (np.abs(back(y) - expected) <= reference.bound(expected, xhat, dtype)).all()


def test_libraries_mix(random):
    """Weights of one library, data of another, a mask of a third."""
    import jax.numpy as jnp
    import torch

    x = random.normal(size=(3, 5, 8)).astype(np.float32)
    weight, mask = random.normal(size=8).astype(np.float32), random.random((3, 5, 1)) < 0.6
    expected = norma.layer_norm(x, 8, weight, mask=mask)
    assert (norma.layer_norm(torch.from_numpy(x), 8, jnp.asarray(weight), mask=torch.from_numpy(mask)).numpy() == expected).all()
    assert (norma.layer_norm(memoryview(x), 8, memoryview(weight), mask=memoryview(mask)) == expected).all()


class OnlyDLPack:
    """An array that nobody knows, of an older producer."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **_):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_whatever_has_dlpack_goes_in_and_comes_out_as_dlpack(random):
    x = random.normal(size=(3, 8)).astype(np.float32)
    y = norma.layer_norm(OnlyDLPack(x), 8)
    assert (np.from_dlpack(y) == norma.layer_norm(x, 8)).all()
    out = np.empty_like(x)
    holder = OnlyDLPack(out)
    assert norma.layer_norm(x, 8, out=holder) is holder
    assert (out == norma.layer_norm(x, 8)).all()


@pytest.mark.parametrize("dtype", DTYPES.values())
@pytest.mark.parametrize("over", [1, 0])
def test_a_new_result_has_the_bits_of_a_given_one(dtype, over):
    """From 1 MiB on new memory is written past the caches."""
    x = np.random.default_rng(3).normal(size=(1100, 515)).astype(dtype)
    assert x.nbytes >= 2**20
    given, moments = np.empty_like(x), norma.Moments()
    y = norma.normalize(x, over, saved=moments)
    norma.normalize(x, over, out=given)
    assert y.tobytes() == given.tobytes()
    dx = norma.backward(y, x, moments, over)
    norma.backward(y, x, moments, over, dx=given)
    assert dx.tobytes() == given.tobytes()


def test_nothing_is_copied(random):
    """A result appears in the very memory behind out, whatever the library."""
    import torch

    x = random.normal(size=(3, 8)).astype(np.float32)
    memory = np.empty((3, 16), np.float32)
    for out in (memory[:, ::2], torch.from_numpy(memory)[:, ::2]):
        memory[:] = 7
        norma.layer_norm(x, 8, out=out)
        assert (memory[:, ::2] == norma.layer_norm(x, 8)).all() and (memory[:, 1::2] == 7).all()


def test_lengths_are_a_mask(random):
    x, lengths = random.normal(size=(4, 6, 8)).astype(np.float32), [3, 6, 0, 1]
    mask = np.arange(6)[None, :, None] < np.array(lengths)[:, None, None]
    for make in (list, tuple, np.array, lambda v: np.array(v, np.int32)):
        for by_lengths, by_mask in (
            (norma.normalize(x, (1, 2), lengths=make(lengths)), norma.normalize(x, (1, 2), mask=mask)),
            (
                norma.batch_norm(x.transpose(0, 2, 1), lengths=make(lengths)).transpose(0, 2, 1),
                norma.batch_norm(x.transpose(0, 2, 1), mask=mask.transpose(0, 2, 1)).transpose(0, 2, 1),
            ),
            (
                norma.batch_norm(x.transpose(0, 2, 1), channel_axis=-2, lengths=make(lengths)).transpose(0, 2, 1),
                norma.batch_norm(x.transpose(0, 2, 1), mask=mask.transpose(0, 2, 1)).transpose(0, 2, 1),
            ),
            (norma.batch_norm(x, channel_axis=-1, lengths=make(lengths)), norma.batch_norm(x, channel_axis=-1, mask=mask)),
            (
                norma.normalize(x.transpose(0, 2, 1), grouping=norma.Grouping.instance(), lengths=make(lengths)).transpose(0, 2, 1),
                norma.instance_norm(x, channel_axis=-1, mask=mask),
            ),
        ):
            assert (by_lengths == by_mask).all() and (by_lengths[2] == 0).all()


def test_groupings_by_hand(random):
    x = random.normal(size=(4, 6, 5)).astype(np.float64)
    G = norma.Grouping
    for ours, named in (
        (norma.normalize(x, grouping=G.batch()), norma.batch_norm(x)),
        (norma.normalize(x, grouping=G.group(3)), norma.group_norm(x, 3)),
        (norma.normalize(x, grouping=G.instance(-1)), norma.instance_norm(x, channel_axis=-1)),
        (norma.normalize(x, grouping=G.layer(5)), norma.layer_norm(x, 5)),
        (norma.normalize(x, over=-1), norma.layer_norm(x, [5])),
        (norma.normalize(x, over=np.int32(-1)), norma.layer_norm(x, np.int64(5))),
        (norma.normalize(x, over=np.array([2])), norma.layer_norm(x, (np.uint8(5),))),
        (norma.normalize(x, grouping=G.sample()), norma.layer_norm(x, (6, 5))),
        (norma.normalize(x, over=(-1,), centered=False, eps=1e-6), norma.rms_norm(x, 5, eps=1e-6)),
        (norma.normalize(x[:2], grouping=G.batch()), norma.normalize(x, grouping=G.ghost_batch(2))[:2]),
    ):
        assert (ours == named).all()
    keys = np.array([7, -1, 7, 7])
    numbers = G.labels(keys).assign(x.shape)
    assert numbers.shape == x.shape and (numbers[1] == np.arange(30).reshape(6, 5)).all() and (numbers[0] == numbers[2]).all()
    z = norma.normalize(x, grouping=G.labels(keys), eps=0)
    np.testing.assert_allclose(z[keys == 7].std(0), 1, rtol=1e-12)
    assert G.labels(keys).distributions(x.shape) == 60
    for dtype in (np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32):
        small = np.array([3, 200 if np.iinfo(dtype).max >= 200 else 7, 3, 3]).astype(dtype)
        assert (norma.normalize(x, grouping=G.labels(small), eps=0) == z).all()
    assert repr(G.group(3, channel_axis=-1)) == "Grouping.group(3, channel_axis=-1)"


def test_plans_are_not_mixed_up(random):
    """Calls that differ in one number alone, one after another: each gets its own plan."""
    x = random.normal(size=(4, 6, 6)).astype(np.float32)
    for _ in range(2):
        for axis in (1, 2, -1):
            expected, xhat = reference.normalize(x, "batch", channel_axis=axis)
            assert (np.abs(norma.batch_norm(x, channel_axis=axis) - expected) <= reference.bound(expected, xhat, "float32")).all()
        for groups in (1, 2, 3, 6):
            expected, xhat = reference.normalize(x, "group", groups)
            assert (np.abs(norma.group_norm(x, groups) - expected) <= reference.bound(expected, xhat, "float32")).all()
        for view in (x, x.transpose(0, 2, 1), x[::-1]):
            expected, xhat = reference.normalize(view, "layer", 1)
            assert (np.abs(norma.layer_norm(view, 6) - expected) <= reference.bound(expected, xhat, "float32")).all()
        for mask in (random.random((6, 6)) < 0.5, random.random((4, 1, 6)) < 0.5):
            expected, _ = reference.normalize(x, "instance", mask=mask)
            np.testing.assert_allclose(norma.instance_norm(x, mask=mask), expected, atol=1e-5)


def test_running_statistics(random):
    x = random.normal(2, 3, size=(8, 3, 5)).astype(np.float32)
    for dtype in (np.float32, np.float64, np.float16, ml_dtypes.bfloat16):
        mean, var = np.zeros(3, dtype), np.ones(3, dtype)
        by_batch = norma.batch_norm(x, mean, var, training=True, momentum=0.25)
        assert (by_batch == norma.batch_norm(x)).all()
        exact = x.astype(np.float64)
        np.testing.assert_allclose(mean.astype(float), 0.25 * exact.mean((0, 2)), rtol=1e-2 if mean.itemsize == 2 else 1e-6)
        np.testing.assert_allclose(
            var.astype(float), 0.75 + 0.25 * exact.var((0, 2), ddof=1), rtol=1e-2 if var.itemsize == 2 else 1e-6
        )
    y = norma.batch_norm(x, mean, var)  # no training: by the running ones
    wide = (exact - mean.astype(float)[:, None]) / np.sqrt(var.astype(float)[:, None] + 1e-5)
    np.testing.assert_allclose(y, wide, rtol=1e-5, atol=1e-5)

    x[:, 1, 0] = np.inf  # spoils its own channel, and leaves its running statistics alone
    mean, var = np.zeros(3), np.ones(3)
    norma.batch_norm(x, mean, var, training=True)
    assert mean[1] == 0 and var[1] == 1 and mean[0] != 0 and mean[2] != 0


def test_backward_follows_finite_differences(random):
    x, dy = random.normal(size=(3, 4, 5)), random.normal(size=(3, 4, 5))
    weight, bias = random.normal(size=4), random.normal(size=4)
    mask = random.random((3, 1, 5)) < 0.8
    for grouping in (norma.Grouping.batch(), norma.Grouping.group(2), norma.Grouping.instance()):
        for centered in (True, False):
            saved = norma.Moments()
            options = dict(grouping=grouping, centered=centered, mask=mask)
            norma.normalize(x, weight=weight, bias=bias, saved=saved, **options)
            dweight, dbias = np.empty(4), np.empty(4)
            dx = norma.backward(dy, x, saved, weight=weight, dweight=dweight, dbias=dbias, **options)

            def loss(x=x, weight=weight, bias=bias):
                return (dy * norma.normalize(x, weight=weight, bias=bias, **options)).sum()

            step = 1e-6
            for found, name, at in ((dx, "x", (1, 2, 3)), (dx, "x", (0, 0, 0)), (dweight, "weight", (1,)), (dbias, "bias", (3,))):
                value = {"x": x, "weight": weight, "bias": bias}[name]
                up, down = value.copy(), value.copy()
                up[at] += step
                down[at] -= step
                slope = (loss(**{name: up}) - loss(**{name: down})) / (2 * step)
                np.testing.assert_allclose(found[at], slope, rtol=1e-5, atol=1e-7)
            assert norma.backward(dy, x, saved, weight=weight, dx=False, dweight=dweight, **options) is None
    given = norma.moments(x, 0)
    dx = norma.backward(dy, x, given, 0, constant=True)
    np.testing.assert_allclose(dx, dy * given.rstd(1e-5), rtol=1e-12)


def test_gradients_are_those_of_jax(random):
    """The definitions, differentiated by JAX."""
    import jax
    import jax.numpy as jnp

    x, dy = (random.normal(size=(3, 4, 5)).astype(np.float32) for _ in range(2))
    for axes, centered in (((0, 2), True), ((2,), False)):
        shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
        weight = random.normal(size=shape).astype(np.float32)

        def define(x, weight, bias):
            mean = x.mean(axes, keepdims=True) if centered else 0
            variance = ((x - mean) ** 2).mean(axes, keepdims=True)
            return (x - mean) / jnp.sqrt(variance + 1e-5) * weight + bias

        y, pull = jax.vjp(define, jnp.asarray(x), jnp.asarray(weight), jnp.zeros(shape))
        saved, ours = norma.Moments(), [np.empty(weight.size, np.float32) for _ in range(2)]
        np.testing.assert_allclose(
            norma.normalize(x, axes, weight=weight.ravel(), centered=centered, saved=saved), y, rtol=1e-4, atol=1e-5
        )
        dx = norma.backward(dy, x, saved, axes, weight=weight.ravel(), centered=centered, dweight=ours[0], dbias=ours[1])
        for found, expected in zip((dx, *ours), pull(jnp.asarray(dy))):
            np.testing.assert_allclose(found, np.asarray(expected).reshape(found.shape), rtol=1e-3, atol=1e-4)


def test_moments_merge_to_the_whole(random):
    x = random.normal(1e6, 1, size=(40, 3))
    whole, parts = norma.moments(x, 0), norma.Moments()
    for chunk in (x[:1], x[1:17], x[17:17], x[17:]):
        part = norma.moments(chunk, 0)
        parts = parts.merge(part)
    assert (parts.merge(norma.Moments()).m2 == parts.m2).all()
    assert (parts.count == 40).all() and parts.shape == (1, 3) and whole.mean.shape == (1, 3)
    np.testing.assert_allclose(parts.mean, x.mean(0, keepdims=True), rtol=1e-15)
    np.testing.assert_allclose(parts.variance(1), x.var(0, ddof=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(whole.rstd(0.5), 1 / np.sqrt(x.var(0, keepdims=True) + 0.5), rtol=1e-9)
    again = pickle.loads(pickle.dumps(parts))
    assert (again.m2 == parts.m2).all() and again.shape == parts.shape
    picked = whole.take([0, -1])
    assert picked.shape == (2, 3) and (picked.count == [[40] * 3, [0] * 3]).all()
    saved = norma.Moments()
    by_saved = norma.normalize(x, 0, saved=saved)
    assert (norma.normalize(x, 0, given=saved) == by_saved).all()
    known = norma.Moments.of(np.zeros((1, 3)), np.full((1, 3), 4.0))
    np.testing.assert_allclose(norma.normalize(x, 0, given=known, eps=0), x / 2)


def test_comparability_counts_pairs(random):
    x = random.normal(size=(5, 4)).astype(np.float32)
    found = norma.comparability(x, over=1, weight=np.array([1, 2, -1, 1], np.float32))
    assert found.has_affine and found.plain.within.order == "kept" and found.affine.within.order == "none"
    assert found.plain.seen.within.reversed == 0 and found.plain.seen.within.total == 5 * 6
    assert found.plain.across == "none" and found.plain.seen.across.total == 190 - 30
    turned = norma.vector_comparability(x, over=1)
    assert turned.plain.promised.subtracts_mean and not turned.plain.promised.direction_kept
    cosine = (x * (x - x.mean(1, keepdims=True))).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(x - x.mean(1, keepdims=True), axis=1)
    np.testing.assert_allclose(np.cos(np.radians(turned.plain.seen.degrees)), cosine, atol=1e-6)


def test_folding_a_batch_norm(random):
    weight, bias = random.normal(size=(6, 4)), random.normal(size=6)
    mean, var, w, b = random.normal(size=6), random.random(6) + 0.1, random.normal(size=6), random.normal(size=6)
    x = random.normal(size=(9, 4))
    expected = norma.batch_norm(x @ weight.T + bias, mean, var, w, b)
    for arrays in (lambda a: a, lambda a: a.astype(np.float32)):
        folded, shift = norma.fold_batch_norm(*map(arrays, (weight, bias, mean, var, w, b)))
        assert folded.dtype == arrays(weight).dtype
        np.testing.assert_allclose(x @ folded.T + shift, expected, rtol=1e-4 if folded.itemsize == 4 else 1e-12, atol=1e-5)
    with pytest.raises(ValueError, match=r"running_mean has shape \(6,\).* has 4 channels"):
        norma.fold_batch_norm(weight.T, None, mean, var)
    with pytest.raises(ValueError, match="channel_axis = 2"):
        norma.fold_batch_norm(weight, None, mean, var, channel_axis=2)
    var[3] = -1
    with pytest.raises(ValueError, match="channel 3 with running_mean = .* gives no finite scale"):
        norma.fold_batch_norm(weight, None, mean, var)


def test_folding_is_done_in_double(random):
    """Of a mean that is large beside its deviation nothing is lost, whatever the library."""
    import jax.numpy as jnp
    import torch

    weight, mean = random.normal(size=(6, 4)).astype(np.float32), np.full(6, 2.0**24 + 2, np.float32)
    bias, var = np.full(6, 2.0**24, np.float32), np.full(6, 1e-6, np.float32)
    exact = (bias.astype(float) - mean) / np.sqrt(var.astype(float) + 1e-5)
    for make in (np.asarray, jnp.asarray, torch.from_numpy):
        folded, shift = norma.fold_batch_norm(*map(make, (weight, bias, mean, var)))
        assert type(folded) is type(shift) is type(make(weight)) and folded.dtype == make(weight).dtype
        np.testing.assert_allclose(np.asarray(shift), exact, rtol=1e-6)


F = np.zeros((4, 6), np.float32)


@pytest.mark.parametrize(
    "error, words, attempt",
    [
        (ValueError, r"normalized_shape \(5,\) does not equal the last sizes", lambda: norma.layer_norm(F, 5)),
        (ValueError, "num_groups = 4 does not divide the 6 channels", lambda: norma.group_norm(F[:, :, None], 4)),
        (ValueError, "eps = -1", lambda: norma.layer_norm(F, 6, eps=-1)),
        (ValueError, "weight of shape", lambda: norma.layer_norm(F, 6, np.ones(5, np.float32))),
        (ValueError, "y of shape", lambda: norma.layer_norm(F, 6, out=np.empty((4, 5), np.float32))),
        (ValueError, "dtype f64 is not like x", lambda: norma.layer_norm(F, 6, out=np.empty((4, 6)))),
        (ValueError, "overlaps x in part", lambda: norma.layer_norm(F[:-1], 6, out=F[1:])),
        (ValueError, "single value", lambda: norma.batch_norm(F[:1])),
        (ValueError, "may not be written", lambda: norma.layer_norm(F, 6, out=frozen())),
        (ValueError, "saved has room for 6 distributions, but x has 4", lambda: norma.normalize(F, 1, saved=norma.moments(F, 0), out=F)),
        (ValueError, "saved has room for 6", lambda: norma.normalize(F, 1, given=norma.moments(F, 1), saved=norma.moments(F, 0), out=F)),
        (ValueError, "running_mean and running_var are needed", lambda: norma.batch_norm(F, training=False, out=F)),
        (ValueError, "are needed", lambda: norma.instance_norm(F[:, :, None], use_input_stats=False)),
        (ValueError, "momentum = nan", lambda: norma.batch_norm(F, np.zeros(6), np.ones(6), training=True, momentum=float("nan"), out=F)),
        (ValueError, "go together", lambda: norma.batch_norm(F, np.zeros(6))),
        (ValueError, "running_mean of shape", lambda: norma.batch_norm(F, np.zeros(5), np.ones(5))),
        (ValueError, "9 axes", lambda: norma.layer_norm(np.zeros((1,) * 9, np.float32), 1)),
        (ValueError, "moments of shape", lambda: norma.moments(F, 0).merge(norma.moments(F, 1))),
        (TypeError, "is a list", lambda: norma.layer_norm([1.0], 1)),
        (TypeError, "ndarray of int64", lambda: norma.layer_norm(F.astype(int), 6)),
        (TypeError, "ndarray of complex64", lambda: norma.layer_norm(F.astype(np.complex64), 6)),
        (TypeError, "ndarray of object", lambda: norma.layer_norm(F.astype(object), 6)),
        (TypeError, "float8", lambda: norma.layer_norm(F.astype(ml_dtypes.float8_e4m3fn), 6)),
        (TypeError, "MaskedArray", lambda: norma.layer_norm(np.ma.array(F), 6)),
        (TypeError, "whole elements", lambda: norma.layer_norm(np.zeros(5, "u1,f4")["f1"], 5)),
        (TypeError, "mask is a ndarray of float32", lambda: norma.layer_norm(F, 6, mask=F)),
        (TypeError, "normalized_shape holds something", lambda: norma.layer_norm(F, 2**70)),
        (TypeError, "normalized_shape holds something", lambda: norma.layer_norm(F, (6.0,))),
        (TypeError, "ndarray of uint64; give integers along one axis", lambda: norma.Grouping.labels(np.arange(4, dtype=np.uint64))),
        (TypeError, "lengths holds something", lambda: norma.layer_norm(F, 6, lengths=["a"])),
        (TypeError, "give either over=axes or grouping", lambda: norma.normalize(F)),
        (TypeError, "give either over=axes or grouping", lambda: norma.normalize(F, 1, grouping=norma.Grouping.sample())),
        (TypeError, "no norma.Grouping", lambda: norma.normalize(F, grouping="batch")),
        (TypeError, "moments is a", lambda: norma.backward(F, F, F, 1)),
        (TypeError, "incompatible function arguments", lambda: norma.layer_norm(F)),
    ],
)
def test_refusals(error, words, attempt):
    F[:] = np.arange(24).reshape(4, 6)
    before = F.copy()
    with pytest.raises(error, match=words):
        attempt()
    assert (F == before).all()


def frozen():
    out = np.empty((4, 6), np.float32)
    out.flags.writeable = False
    return out


def test_torch_and_jax_refusals():
    import jax.numpy as jnp
    import torch

    x = torch.ones(3, 4)
    with pytest.raises(ValueError, match="requires a gradient"):
        norma.layer_norm(x.requires_grad_(), 4)
    with torch.no_grad():
        assert norma.layer_norm(x, 4).requires_grad is False
    with pytest.raises(ValueError, match="lives on meta; Norma computes on CPUs"):
        norma.layer_norm(torch.ones(3, 4, device="meta"), 4)
    for other in (x.detach().to_sparse(), torch.zeros(3, 4, dtype=torch.complex64).to_sparse()):
        with pytest.raises(TypeError, match="x is a Tensor whose memory cannot be seen .*; give a dense array"):
            norma.layer_norm(other, 4)
    import jax

    for transformed in (jax.jit, jax.grad):
        with pytest.raises(TypeError, match="x is a .*Tracer whose memory cannot be seen; .* outside of jit, grad"):
            transformed(lambda a: norma.layer_norm(a, 4).sum())(jnp.ones((3, 4)))
    with pytest.raises(ValueError, match="JAX"):
        norma.layer_norm(jnp.ones((3, 4)), 4, out=jnp.ones((3, 4)))


def test_autograd_notices_what_out_changes():
    import torch

    def gradient(write):
        x = torch.ones(2, 4, requires_grad=True)
        y = x * 2
        loss = y.square().sum()  # keeps y
        with torch.no_grad():
            write(y)
        loss.backward()

    gradient(lambda y: norma.layer_norm(y, 4))
    for write in (lambda y: norma.layer_norm(y, 4, out=y), lambda y: norma.backward(y, y, norma.moments(y, 1), 1, dx=y)):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            gradient(write)
    with torch.inference_mode():
        y = torch.ones(2, 4)
        assert norma.layer_norm(y, 4, out=y) is y and (y == 0).all()


def test_byte_order_and_empty_arrays():
    with pytest.raises(TypeError, match="ndarray of >f4"):
        norma.layer_norm(F.astype(">f4"), 6)
    for shape in ((0, 6), (3, 0, 6)):
        assert norma.layer_norm(np.zeros(shape, np.float32), 6).shape == shape
