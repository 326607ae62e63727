# SPDX-License-Identifier: Apache-2.0
"""The definitions, in NumPy's float64; they know nothing of Norma."""

import math

import numpy as np


def boxes(x, kind, number=None, channel_axis=1):
    """x with each distribution a choice of whole axes, those axes, and the shape that weight and bias take."""
    rank, axis = x.ndim, channel_axis % x.ndim
    along_channel = [n if a == axis else 1 for a, n in enumerate(x.shape)]
    if kind == "batch":
        return x, tuple(a for a in range(rank) if a != axis), along_channel
    if kind == "instance":
        return x, tuple(a for a in range(1, rank) if a != axis), along_channel
    if kind == "group":
        split = x.reshape(x.shape[:axis] + (number, x.shape[axis] // number) + x.shape[axis + 1 :])
        return split, tuple(a for a in range(1, rank + 1) if a != axis), along_channel
    trailing = tuple(range(rank - number, rank))  # layer: how many axes
    return x, trailing, list(x.shape[rank - number :])


def normalize(x, kind, number=None, channel_axis=1, weight=None, bias=None, eps=1e-5, centered=True, mask=None):
    """y and xhat, in float64. mask: of x's shape."""
    x = np.asarray(x).astype(np.float64)
    box, axes, parameters = boxes(x, kind, number, channel_axis)
    counts = np.ones(box.shape) if mask is None else np.broadcast_to(mask, x.shape).reshape(box.shape).astype(float)
    real = np.where(counts > 0, box, 0)
    n = np.maximum(counts.sum(axes, keepdims=True), 1)
    mean = real.sum(axes, keepdims=True) / n if centered else 0
    variance = (counts * (real - mean) ** 2).sum(axes, keepdims=True) / n
    xhat = (counts * (real - mean) / np.sqrt(variance + eps)).reshape(x.shape)
    y = xhat
    if weight is not None:
        y = y * np.asarray(weight).astype(np.float64).reshape(parameters)
    if bias is not None:
        y = y + np.asarray(bias).astype(np.float64).reshape(parameters)
    return y * counts.reshape(x.shape), xhat


# Half an ulp of what is computed in, and of what is written.
COMPUTED = {"float16": 2.0**-24, "bfloat16": 2.0**-24, "float32": 2.0**-24, "float64": 2.0**-53}
WRITTEN = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 0.0, "float64": 0.0}
SMALLEST = {"float16": 2.0**-25, "bfloat16": 2.0**-134, "float32": 2.0**-150, "float64": 2.0**-1075}


def bound(y, xhat, dtype, weight=1.0, bias=0.0):
    """docs/contracts.md, 2: how far a result may lie from the exact one."""
    u = COMPUTED[dtype]
    # Of float64 the reference itself is no better than a few units.
    e = 2.0**-27 + 40 * u + 110 * u * np.abs(xhat) if dtype != "float64" else 2000 * u * (1 + 2 * np.abs(xhat).max(initial=0))
    error = np.abs(weight) * (6 * u * np.abs(xhat) + e) + u * np.abs(bias) + u * np.abs(y)
    return error + WRITTEN[dtype] * (np.abs(y) + error) + SMALLEST[dtype]


def numel(shape):
    return math.prod(shape)
