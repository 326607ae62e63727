# SPDX-License-Identifier: Apache-2.0
"""What Flax and Keras test of their normalizations, as properties of Norma's."""

import numpy as np
import pytest

import norma
import norma.torch as nt
import torch


def masked_batch(random, offset=0.0):
    """x, a mask of (samples, positions), and x with NaN in what the mask leaves out."""
    x = random.normal(offset, 1, size=(5, 3, 11)).astype(np.float32)
    mask = random.random((5, 11)) < 0.6
    spoilt = np.where(mask[:, None, :], x, np.float32(np.nan))
    return x, mask, spoilt


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm"])
def test_masked_slots_may_hold_nan(name, random):
    x, mask, spoilt = masked_batch(random)
    more = {"layer_norm": [(3, 11)], "rms_norm": [(3, 11)], "group_norm": [3]}.get(name, [])
    function = getattr(norma, name)
    found, expected = (function(given, *more, mask=mask[:, None, :]) for given in (spoilt, x))
    assert (found == expected).all()
    assert (found[np.broadcast_to(~mask[:, None, :], x.shape)] == 0).all()
    assert np.abs(found).max() > 1


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_an_offset_changes_nothing(offset, random):
    """Of numbers that the offset leaves whole: in sixteenths, which floats of up to a million hold."""
    x = np.round(random.normal(0, 2, size=(8, 6, 10)) * 16).astype(np.float32) / 16
    shifted = x + np.float32(offset)
    assert (shifted - np.float32(offset) == x).all()
    for function in (
        lambda v: norma.batch_norm(v),
        lambda v: norma.instance_norm(v),
        lambda v: norma.group_norm(v, 3),
        lambda v: norma.layer_norm(v, 10),
        lambda v: norma.layer_norm(v, (6, 10)),
        lambda v: norma.batch_norm(v, channel_axis=-1),
    ):
        np.testing.assert_allclose(function(shifted), function(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_masked_batch_norm_keeps_the_statistics_of_what_counts(offset, random):
    x, mask, spoilt = masked_batch(random, offset)
    layer = nt.MaskedBatchNorm(3, momentum=1.0)
    y = layer(torch.from_numpy(spoilt), mask=torch.from_numpy(mask)).detach().numpy()
    real = np.moveaxis(x, 1, 2)[mask].astype(np.float64)
    np.testing.assert_allclose(layer.running_mean.numpy(), real.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), real.var(0, ddof=1), rtol=1e-5)
    expected = (real - real.mean(0)) / np.sqrt(real.var(0) + 1e-5)
    np.testing.assert_allclose(np.moveaxis(y, 1, 2)[mask], expected, atol=2e-6)


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_uneven_shards_merge_to_the_whole(shards, random):
    x = random.normal(1e6, 1, size=(41, 4, 3))
    cuts = np.sort(random.choice(np.arange(1, 41), shards - 1, replace=False))
    grouping = norma.Grouping.batch()
    parts = [norma.moments(part, grouping=grouping) for part in np.split(x, cuts)]
    whole, merged = norma.moments(x, grouping=grouping), parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert (merged.count == whole.count).all()
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-15)
    np.testing.assert_allclose(merged.m2, whole.m2, rtol=1e-12)
    by_shards = norma.normalize(x, grouping=grouping, given=merged)
    np.testing.assert_allclose(by_shards, norma.batch_norm(x), rtol=0, atol=1e-12)
