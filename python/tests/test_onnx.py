# SPDX-License-Identifier: Apache-2.0
"""ONNX's own node tests of the six normalizations, by Norma. ONNX' momentum is 1 - PyTorch's, its running variance the
population's."""

import warnings

import numpy as np
import onnx
import pytest
from onnx.backend.test.loader import load_model_tests

import norma


def batch(x, scale, bias, mean, var, *, epsilon=1e-5, momentum=0.9, training_mode=0):
    if not training_mode:
        return (norma.batch_norm(x, mean, var, scale, bias, eps=epsilon),)
    saved = norma.Moments()
    y = norma.batch_norm(x, weight=scale, bias=bias, eps=epsilon, saved=saved)
    blend = [momentum * old + (1 - momentum) * new.ravel() for old, new in ((mean, saved.mean), (var, saved.variance()))]
    return (y, *(b.astype(mean.dtype) for b in blend))


def layer(x, scale, bias=None, *, axis=-1, epsilon=1e-5, stash_type=1):
    saved, grouping = norma.Moments(), norma.Grouping.layer(x.shape[axis:])
    weight, bias = np.ascontiguousarray(scale), None if bias is None else np.ascontiguousarray(bias)
    y = norma.normalize(x, grouping=grouping, weight=weight, bias=bias, eps=epsilon, saved=saved)
    return y, saved.mean.astype(np.float32), saved.rstd(epsilon).astype(np.float32)


def rms(x, scale, *, axis=-1, epsilon=1e-5, stash_type=1):
    return (norma.rms_norm(x, x.shape[axis:], scale, epsilon),)


OPERATORS = {
    "BatchNormalization": batch,
    "LayerNormalization": layer,
    "GroupNormalization": lambda x, scale, bias, *, num_groups, epsilon=1e-5, stash_type=1: (
        norma.group_norm(x, num_groups, scale, bias, epsilon),
    ),
    "InstanceNormalization": lambda x, scale, bias, *, epsilon=1e-5: (
        norma.instance_norm(x, weight=scale, bias=bias, eps=epsilon),
    ),
    "RMSNormalization": rms,
    "MeanVarianceNormalization": lambda x, *, axes=(0, 2, 3): (norma.normalize(x, axes, eps=0),),
}


def node_tests():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy's casts in other operators' tests
        every = load_model_tests(kind="node")
    return [t for t in every if t.model and len(t.model.graph.node) == 1 and t.model.graph.node[0].op_type in OPERATORS]


TESTS = node_tests()


def test_every_operator_has_tests():
    assert {t.model.graph.node[0].op_type for t in TESTS} == set(OPERATORS)


@pytest.mark.parametrize("test", TESTS, ids=lambda t: t.name)
def test_node(test):
    node = test.model.graph.node[0]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    for inputs, outputs in test.data_sets:
        results = OPERATORS[node.op_type](*inputs, **attributes)
        for result, expected in zip(results, outputs, strict=False):
            assert result.dtype == expected.dtype and result.shape == expected.shape
            np.testing.assert_allclose(result, expected, rtol=test.rtol, atol=max(test.atol, 1e-6))
        assert len(results) >= len(outputs)
