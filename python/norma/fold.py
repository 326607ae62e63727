# SPDX-License-Identifier: Apache-2.0
"""A linear map and the BatchNorm behind it are one linear map."""

from __future__ import annotations

from typing import Any


def fold_batch_norm(
    weight: Any, bias: Any, running_mean: Any, running_var: Any, bn_weight: Any = None, bn_bias: Any = None,
    eps: float = 1e-5, *, channel_axis: int = 0,
) -> tuple[Any, Any]:  # fmt: skip
    """The weight and bias of one layer that does what a linear layer or convolution and BatchNorm in inference do.

        scale = bn_weight / sqrt(running_var + eps)
        weight' = weight * scale        bias' = (bias - running_mean) * scale + bn_bias

    weight        the layer's, whose axis channel_axis counts its outputs (PyTorch: 0; transposed convolutions: 1).
    bias, bn_…    may be None: 0 and 1.
    Arrays of NumPy, JAX or PyTorch, all of one library; computed in its double where it has one, returned in weight's dtype.
    """
    if weight.shape[channel_axis] != running_var.shape[0]:
        raise ValueError(
            f"running_var has {running_var.shape[0]} channels, but weight of shape {tuple(weight.shape)} has "
            f"{weight.shape[channel_axis]} along axis {channel_axis}; give the layer's weight and the BatchNorm behind it"
        )
    double = _double_of(weight)
    scale = 1 / (double(running_var) + eps) ** 0.5
    if bn_weight is not None:
        scale = scale * double(bn_weight)
    shift = -double(running_mean) * scale
    if bias is not None:
        shift = shift + double(bias) * scale
    if bn_bias is not None:
        shift = shift + double(bn_bias)
    shape = [1] * weight.ndim
    shape[channel_axis] = -1
    folded = double(weight) * scale.reshape(shape)
    return _like(folded, weight), _like(shift, weight)


def _double_of(array: Any) -> Any:
    if hasattr(array, "detach"):
        return lambda a: a.detach().double()
    return lambda a: a.astype("float64")


def _like(array: Any, other: Any) -> Any:
    return array.to(other.dtype) if hasattr(array, "detach") else array.astype(other.dtype)
