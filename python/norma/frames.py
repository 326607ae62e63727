# SPDX-License-Identifier: Apache-2.0
"""Standardizing columns of a table by key: pandas, Polars, Arrow, and whatever else Narwhals knows.

    z = (x - mean[key]) / sqrt(variance[key] + eps)
"""

from __future__ import annotations

from typing import Any, Hashable, Optional, Sequence, TypeVar

import numpy as np

from norma._norma import Grouping, Moments, moments, normalize

Frame = TypeVar("Frame")


class GroupMoments:
    """The moments of each column by key, fed in chunks. Keys are any hashables; a row's key is given as its place in a list of
    keys (`codes`), or -1 where it has none: such a row belongs to no distribution."""

    def __init__(self) -> None:
        self.place: dict[Hashable, int] = {}
        self.moments: Optional[Moments] = None  # of shape (keys, columns)

    def update(self, keys: Sequence[Hashable], codes: np.ndarray, values: np.ndarray) -> None:
        """Takes up a chunk; NaN counts as missing."""
        counts = (codes >= 0)[:, None] & ~np.isnan(values)
        if len(keys) == 0:  # no row has a key: nothing is measured, but that is known
            if self.moments is None:
                self.moments = moments(np.zeros((0, values.shape[1])), grouping=Grouping.labels([]))
            return
        new = [self.place.setdefault(key, len(self.place)) for key in keys]
        # Every key has a row of its own in front, which does not count: so the distributions are the keys, in their order.
        rows = np.concatenate([np.zeros((len(keys), values.shape[1]), values.dtype), values])
        labels = np.concatenate([np.arange(len(keys)), np.maximum(codes, 0)])
        mask = np.concatenate([np.zeros((len(keys), values.shape[1]), bool), counts])
        measured = moments(np.where(mask, rows, 0), grouping=Grouping.labels(labels), mask=mask)
        where = np.full(len(self.place), -1)
        where[new] = np.arange(len(keys))
        measured = measured.take(where)
        if self.moments is not None:
            known = np.arange(len(self.place))
            known[self.moments.shape[0] :] = -1
            measured = self.moments.take(known).merge(measured)
        self.moments = measured

    def places(self, keys: Sequence[Hashable], codes: np.ndarray, unseen: str) -> np.ndarray:
        """For each row the place of its key among those that were measured, -1 where it has none."""
        strangers = [key for key in keys if key not in self.place]
        if strangers and unseen == "error":
            raise ValueError(
                f"key {strangers[0]!r} was not seen when fitting ({len(strangers)} such keys); fit on it too, or choose "
                "unseen='missing'"
            )
        table = np.array([self.place.get(key, -1) for key in keys] + [-1], np.int64)
        return table[codes]

    def standardize(self, places: np.ndarray, values: np.ndarray, eps: float) -> np.ndarray:
        """z; NaN where a value or its key is missing."""
        present = np.unique(places)
        if (places < 0).all():
            return np.full_like(values, np.nan)
        given = self.moments.take(present)
        mask = (places >= 0)[:, None] & ~np.isnan(values)
        z = normalize(values, grouping=Grouping.labels(places), given=given, eps=eps, mask=mask)
        z[~mask] = np.nan
        return z

    def restore(self, places: np.ndarray, z: np.ndarray, eps: float) -> np.ndarray:
        """The x that standardize() made z of, but for rounding."""
        mean, deviation = self.moments.mean, np.sqrt(self.moments.variance() + eps)
        x = z * deviation[places] + mean[places]
        x[places < 0] = np.nan
        return x.astype(z.dtype, copy=False)


def _names(columns: Any) -> list[str]:
    names = [] if columns is None else list(columns) if isinstance(columns, (list, tuple)) else [columns]
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"column {name!r} is a {type(name).__name__}; give names as strings (frame.columns.astype(str) makes some)")
    return names


def _check_eps(eps: float) -> float:
    if not eps >= 0:
        raise ValueError(f"eps = {eps} is not a number of 0 or more")
    return eps


def _check_unseen(unseen: str) -> str:
    if unseen not in ("error", "missing"):
        raise ValueError(f"unseen = {unseen!r} is neither 'error' nor 'missing'")
    return unseen


def _as_pandas_has_it(column: Any, original: Any) -> Any:
    """With the index of the original column, and its way to say that a value is missing: NaN, or NA."""
    column = column.set_axis(original.index)
    kind = type(original.dtype).__name__
    if kind == "ArrowDtype":
        return column.astype("float[pyarrow]" if column.dtype == np.float32 else "double[pyarrow]")
    if kind in ("Float32Dtype", "Float64Dtype") or (kind.endswith("Dtype") and kind.startswith(("Int", "UInt"))):
        return column.astype("Float32" if column.dtype == np.float32 else "Float64")
    return column


class Standardizer:
    """Measures columns by key, over as many chunks as there are, then standardizes them, and back.

    values  the columns' names; by  the key columns' names, None: each whole column is one distribution.
    eps     added to the variance, in the units of the values squared.
    unseen  what transform() does about a key that was never fitted: "error" raises ValueError, "missing" leaves it missing.

    A missing value (null or NaN), or one whose key is missing, belongs to no distribution and stays missing.
    """

    def __init__(self, values: str | Sequence[str], by: str | Sequence[str] | None = None, *, eps: float = 0.0, unseen: str = "error"):
        self.values, self.by = _names(values), _names(by)
        self.eps, self.unseen = _check_eps(eps), _check_unseen(unseen)
        if not self.values:
            raise ValueError("values names no column; give one or several")
        both = set(self.values) & set(self.by)
        if both:
            raise ValueError(f"column {sorted(both)[0]!r} cannot be value and key at once")
        self._groups = GroupMoments()

    def __repr__(self) -> str:
        return f"Standardizer({self.values!r}, by={self.by!r}, eps={self.eps!r}, unseen={self.unseen!r}): {len(self.keys)} keys"

    def fit(self, frame: Any) -> Standardizer:
        """Forgets what was measured, and measures this frame."""
        self._groups = GroupMoments()
        return self.partial_fit(frame)

    def partial_fit(self, frame: Any) -> Standardizer:
        """Measures one more chunk. The chunks' moments are merged: the result is that of the whole."""
        table = self._open(frame)
        self._groups.update(*self._keys(table), self._numbers(table))
        return self

    def transform(self, frame: Frame) -> Frame:
        """A frame of the same kind, the values standardized, all else as it was."""
        return self._map(frame, self._groups.standardize)

    def inverse(self, frame: Frame) -> Frame:
        """The frame that transform() made this one of, but for rounding."""
        return self._map(frame, self._groups.restore)

    @property
    def keys(self) -> list[Hashable]:
        """The keys seen: values, or tuples where `by` names several columns; in the order of `moments`."""
        return list(self._groups.place)

    @property
    def moments(self) -> Moments:
        """Of shape (keys, values)."""
        self._check_fitted()
        return self._groups.moments

    def _check_fitted(self) -> None:
        if self._groups.moments is None:
            raise ValueError("nothing was measured yet; call fit(frame) or partial_fit(chunk) first")

    def _map(self, frame: Frame, function: Any) -> Frame:
        import narwhals as nw

        self._check_fitted()
        table = self._open(frame)
        places = self._groups.places(*self._keys(table), self.unseen)
        results = function(places, self._numbers(table), self.eps)
        for k, name in enumerate(self.values):
            dtype = nw.Float32 if table[name].dtype == nw.Float32 else nw.Float64
            column = nw.new_series(name, np.ascontiguousarray(results[:, k]), dtype, backend=table.implementation)
            if table.implementation.is_pandas_like():
                column = nw.from_native(_as_pandas_has_it(column.to_native(), table[name].to_native()), series_only=True)
            table = table.with_columns(column.alias(name))
        if not table.implementation.is_pandas_like():  # where missing is null, not NaN
            table = table.with_columns(nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name) for name in self.values)
        return table.to_native()

    def _open(self, frame: Any) -> Any:
        try:
            import narwhals as nw
        except ImportError as error:
            raise ImportError("data frames are read through Narwhals; pip install 'norma[frames]'") from error
        try:
            table = nw.from_native(frame, eager_only=True)
        except TypeError as error:
            raise TypeError(f"frame is a {type(frame).__name__}; give a data frame of pandas or Polars, or an Arrow table") from error
        for name in self.values + self.by:
            if name not in table.columns:
                raise ValueError(f"the frame has no column {name!r}; it has {', '.join(map(repr, table.columns))}")
        for name in self.values:
            if not table[name].dtype.is_numeric():
                raise TypeError(f"column {name!r} holds {table[name].dtype}, which cannot be standardized; give numbers")
        return table

    def _numbers(self, table: Any) -> np.ndarray:
        import narwhals as nw

        single = all(table[name].dtype == nw.Float32 for name in self.values)
        dtype = nw.Float32 if single else nw.Float64
        return np.column_stack([table[name].cast(dtype).to_numpy() for name in self.values])

    def _keys(self, table: Any) -> tuple[list[Hashable], np.ndarray]:
        import narwhals as nw

        if not self.by:
            return [()], np.zeros(len(table), np.int64)
        keys = table.select(self.by)
        floats = [name for name in self.by if keys[name].dtype.is_float()]
        keys = keys.with_columns(nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name) for name in floats)
        row, code = "__norma_row", "__norma_code"
        distinct = keys.drop_nulls().unique()
        joined = keys.with_row_index(row).join(distinct.with_row_index(code), on=self.by, how="left").sort(row)
        codes = np.nan_to_num(joined[code].to_numpy().astype(float), nan=-1).astype(np.int64)  # a missing key has no code
        rows = distinct.rows()
        return [r[0] for r in rows] if len(self.by) == 1 else list(rows), codes


def standardize(
    frame: Frame, values: str | Sequence[str], by: str | Sequence[str] | None = None, *, eps: float = 0.0
) -> Frame:
    """A frame of the same kind whose columns `values` are standardized, each by the key columns `by` (None: as a whole).

    Standardizer measures chunk by chunk, transforms other frames, and takes it back.
    """
    return Standardizer(values, by, eps=eps).fit(frame).transform(frame)
