# SPDX-License-Identifier: Apache-2.0
"""Standardizing by key as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from norma.frames import GroupMoments, Standardizer, _check_unseen


class GroupStandardScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """StandardScaler within groups: each column less the mean of its row's group, over the group's standard deviation.

    by      the key: a column of X, or several: numbers of columns, or names of columns of a data frame. None: all rows are one
            group. Key columns pass through unchanged.
    eps     added to the variance. 0: a constant group comes out as 0.
    unseen  what transform does about a key that fit never saw: "error" raises ValueError, "missing" gives NaN.

    NaN is missing, and stays so. Of an array X transform returns an array, of a data frame with `by` a frame of the same kind.
    """

    def __init__(self, by: Any = None, *, eps: float = 0.0, unseen: str = "error"):
        self.by = by
        self.eps = eps
        self.unseen = unseen

    def fit(self, X: Any, y: Any = None) -> GroupStandardScaler:
        """Forgets what was measured, and measures X."""
        for name in ("groups_", "standardizer_"):
            vars(self).pop(name, None)
        return self.partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any = None) -> GroupStandardScaler:
        """Measures one more chunk."""
        first = not hasattr(self, "groups_")
        if self._is_frame(X):
            validate_data(self, X, reset=first, skip_check_array=True)
            if first:
                by = [self._name(X, column) for column in self._by()]
                self.standardizer_ = Standardizer(
                    [c for c in self._columns(X) if c not in by], by, eps=self.eps, unseen=self.unseen
                )
            self.standardizer_.partial_fit(X)
            self.groups_ = self.standardizer_._groups
            return self
        X = self._validate(X, reset=first)
        if first:
            _check_unseen(self.unseen)
            self.groups_ = GroupMoments()
        self.groups_.update(*self._keys(X), X[:, self._values(X)])
        return self

    def transform(self, X: Any) -> Any:
        """X standardized."""
        check_is_fitted(self)
        if self._is_frame(X):
            return self.standardizer_.transform(X)
        return self._map(X, self.groups_.standardize)

    def inverse_transform(self, X: Any) -> Any:
        """The X that transform() made this one of, but for rounding."""
        check_is_fitted(self)
        if self._is_frame(X):
            return self.standardizer_.inverse(X)
        return self._map(X, self.groups_.restore)

    @property
    def moments_(self) -> Any:
        """norma.Moments of shape (groups, columns)."""
        return self.groups_.moments

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _is_frame(self, X: Any) -> bool:
        return self.by is not None and hasattr(X, "columns")

    def _validate(self, X: Any, reset: bool) -> np.ndarray:
        return validate_data(self, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan")

    def _by(self) -> list[int]:
        return [] if self.by is None else [self.by] if np.isscalar(self.by) else list(self.by)

    def _name(self, X: Any, column: Any) -> str:
        names = self._columns(X)
        return names[column] if isinstance(column, (int, np.integer)) and -len(names) <= column < len(names) else column

    def _columns(self, X: Any) -> list[str]:
        return list(X.column_names if hasattr(X, "column_names") else X.columns)  # of Arrow `columns` are the data

    def _values(self, X: np.ndarray) -> np.ndarray:
        values = np.ones(X.shape[1], bool)
        for column in self._by():
            if not isinstance(column, (int, np.integer)) or not -X.shape[1] <= column < X.shape[1]:
                raise ValueError(f"by = {column!r} is no column of an array with {X.shape[1]}; give its number, or a data frame")
            values[column] = False
        return values

    def _keys(self, X: np.ndarray) -> tuple[Sequence[Any], np.ndarray]:
        if self.by is None:
            return [()], np.zeros(len(X), np.int64)
        columns = X[:, ~self._values(X)]
        missing = np.isnan(columns).any(1)
        distinct, codes = np.unique(columns[~missing], axis=0, return_inverse=True)
        all_codes = np.full(len(X), -1, np.int64)
        all_codes[~missing] = codes.ravel()
        return [tuple(row) for row in distinct.tolist()], all_codes

    def _map(self, X: Any, function: Any) -> np.ndarray:
        X = self._validate(X, reset=False)
        values = self._values(X)
        result = X.copy()
        places = self.groups_.places(*self._keys(X), self.unseen)
        result[:, values] = function(places, np.ascontiguousarray(X[:, values]), self.eps)
        return result
