# SPDX-License-Identifier: Apache-2.0
"""A linear map and the BatchNorm behind it are one linear map."""

from __future__ import annotations

from typing import Any

import numpy as np


def fold_batch_norm(
    weight: Any, bias: Any, running_mean: Any, running_var: Any, bn_weight: Any = None, bn_bias: Any = None,
    eps: float = 1e-5, *, channel_axis: int = 0,
) -> tuple[Any, Any]:  # fmt: skip
    """The weight and bias of one layer that does what a linear layer or convolution and BatchNorm in inference do.

        scale = bn_weight / sqrt(running_var + eps)
        weight' = weight * scale        bias' = (bias - running_mean) * scale + bn_bias

    weight        the layer's, whose axis channel_axis counts its outputs (PyTorch: 0; transposed convolutions: 1).
    bias, bn_…    may be None: 0 and 1.
    Arrays of NumPy, JAX or PyTorch; computed in double, returned as weight's kind in weight's dtype.
    Raises ValueError when shapes do not fit, or a channel's scale or bias comes out infinite or NaN.
    """
    if not -weight.ndim <= channel_axis < weight.ndim:
        raise ValueError(f"channel_axis = {channel_axis} is not an axis of weight's shape {tuple(weight.shape)}")
    channels = weight.shape[channel_axis]
    vectors = {"bias": bias, "running_mean": running_mean, "running_var": running_var, "bn_weight": bn_weight, "bn_bias": bn_bias}
    double = {}
    for name, vector in vectors.items():
        if vector is not None and tuple(vector.shape) != (channels,):
            raise ValueError(
                f"{name} has shape {tuple(vector.shape)}, but weight of shape {tuple(weight.shape)} has {channels} channels along "
                f"axis {channel_axis}; give the layer's weight and the BatchNorm behind it"
            )
        double[name] = None if vector is None else _double(vector)
    with np.errstate(divide="ignore", invalid="ignore"):  # looked for below
        scale = 1 / np.sqrt(double["running_var"] + eps)
        if bn_weight is not None:
            scale = scale * double["bn_weight"]
        shift = ((0 if bias is None else double["bias"]) - double["running_mean"]) * scale
    if bn_bias is not None:
        shift = shift + double["bn_bias"]
    spoiled = np.flatnonzero(~(np.isfinite(scale) & np.isfinite(shift)))
    if len(spoiled):
        c = spoiled[0]
        raise ValueError(
            f"channel {c} with running_mean = {double['running_mean'][c]:g}, running_var = {double['running_var'][c]:g} and "
            f"eps = {eps:g} gives no finite scale and bias; repair the BatchNorm's state first"
        )
    shape = [1] * weight.ndim
    shape[channel_axis] = channels
    return _like(_double(weight) * scale.reshape(shape), weight), _like(shift, weight)


def _double(array: Any) -> np.ndarray:
    if hasattr(array, "detach"):
        array = array.detach().cpu().double().numpy()
    return np.asarray(array, dtype=np.float64)


def _like(array: np.ndarray, other: Any) -> Any:
    """As `other` in kind and dtype."""
    if isinstance(other, np.ndarray):
        return array.astype(other.dtype)
    if hasattr(other, "detach"):
        import torch

        return torch.from_numpy(array).to(other)
    return other.__array_namespace__().asarray(array, dtype=other.dtype)
