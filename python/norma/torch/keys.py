# SPDX-License-Identifier: Apache-2.0
"""A grouping's key, ("batch", 1) or ("layer", 768): the name of norma.Grouping's maker and its numbers; what it says of shapes.

    ("batch", axis)  ("instance", axis)  ("group", groups, axis)     weight and bias: one value a channel
    ("layer", *normalized_shape)  ("over", *axes)                    … one for each element of the pooled axes
    ("sample", *axes)                                                … along these axes
"""

from __future__ import annotations

from torch import Tensor

Key = tuple


def pooled(x: Tensor, key: Key) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which each distribution is a choice of whole axes, and those axes."""
    shape, rank = tuple(x.shape), x.dim()
    name, *numbers = key
    if name == "group":
        axis = numbers[1] % rank
        split = shape[:axis] + (numbers[0], shape[axis] // numbers[0]) + shape[axis + 1 :]
        return split, tuple(a for a in range(1, rank + 1) if a != axis)
    return shape, _pooled_axes(rank, key)


def _pooled_axes(rank: int, key: Key) -> tuple[int, ...]:
    name, *numbers = key
    if name == "batch":
        return tuple(a for a in range(rank) if a != numbers[0] % rank)
    if name == "instance":
        return tuple(a for a in range(1, rank) if a != numbers[0] % rank)
    if name == "sample":
        return tuple(range(1, rank))
    return _trailing_or_over(rank, key)


def _trailing_or_over(rank: int, key: Key) -> tuple[int, ...]:
    name, *numbers = key
    return tuple(range(rank - len(numbers), rank)) if name == "layer" else tuple(sorted(a % rank for a in numbers))


def parameter_axes(rank: int, key: Key) -> tuple[int, ...]:
    name, *numbers = key
    if name == "sample":
        return tuple(a % rank for a in numbers)
    if name in ("layer", "over"):
        return _trailing_or_over(rank, key)
    return ((numbers[1] if name == "group" else numbers[0]) % rank,)


def parameters(shape, key: Key) -> list[int]:
    return [shape[a] for a in parameter_axes(len(shape), key)]


def distributions(shape, key: Key) -> int:
    name, *numbers = key
    if name == "group":
        return shape[0] * numbers[0]
    apart = 1
    pool = _pooled_axes(len(shape), key)
    for axis, size in enumerate(shape):
        if axis not in pool:
            apart = apart * size
    return apart
