# SPDX-License-Identifier: Apache-2.0
"""standardize() and Standardizer on pandas, Polars and Arrow; GroupStandardScaler of scikit-learn."""

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import norma
from norma.sklearn import GroupStandardScaler

FRAMES = {"pandas": pandas.DataFrame, "polars": polars.DataFrame, "arrow": pyarrow.table}


def data(random, n=400):
    table = {
        "country": random.choice(list("abcd"), n).tolist(),
        "year": random.integers(2000, 2003, n).tolist(),
        "income": random.normal(1000, 3, n).tolist(),
        "age": random.integers(1, 90, n).tolist(),
        "name": [str(i) for i in range(n)],
    }
    table["income"][5] = table["country"][7] = None
    return table


def column(frame, name):
    values = frame[name].to_pylist() if isinstance(frame, pyarrow.Table) else frame[name].to_list()
    return np.array([np.nan if v is None else v for v in values], float)


@pytest.fixture(params=FRAMES)
def make(request):
    return FRAMES[request.param]


def expected(table, values, by):
    frame = pandas.DataFrame(table)
    return frame.groupby(by)[values].transform(lambda s: (s - s.mean()) / s.std(ddof=0)).to_numpy(float)


@pytest.mark.parametrize("by", ["country", ["country", "year"]])
def test_standardize(make, by, random):
    table = data(random)
    frame = make(table)
    z = norma.standardize(frame, "income", by=by)
    assert type(z) is type(frame)
    np.testing.assert_allclose(column(z, "income"), expected(table, "income", by), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(column(z, "age"), table["age"])
    both = norma.standardize(frame, ["income", "age"], by)
    np.testing.assert_allclose(column(both, "age"), expected(table, "age", by), rtol=1e-9, atol=1e-9)
    whole = column(norma.standardize(frame, "age"), "age")
    np.testing.assert_allclose(whole, (np.array(table["age"]) - np.mean(table["age"])) / np.std(table["age"]), atol=1e-12)


def test_missing_stays_missing(make, random):
    z = norma.standardize(make(data(random)), "income", "country")
    missing = np.isnan(column(z, "income"))
    assert missing[[5, 7]].all() and missing.sum() == 2
    if not isinstance(z, pandas.DataFrame):  # null, as it was, and no NaN
        null = z["income"].null_count if isinstance(z, pyarrow.Table) else z["income"].null_count()
        assert null == 2


def test_chunks_and_back(make, random):
    table = data(random)
    frame = make(table)
    chunks = [frame[a:b] for a, b in ((0, 1), (1, 90), (90, 90), (90, 400))]
    by_chunks, whole = norma.Standardizer(["age", "income"], ["year", "country"]), norma.Standardizer(["age", "income"], ["year", "country"])
    for chunk in chunks:
        by_chunks.partial_fit(chunk)
    z, at_once = by_chunks.transform(frame), whole.fit(frame).transform(frame)
    back = by_chunks.inverse(z)
    assert set(by_chunks.keys) == set(whole.keys) and len(by_chunks.keys) == 12 and by_chunks.moments.shape == (12, 2)
    for name in ("age", "income"):
        np.testing.assert_allclose(column(z, name), column(at_once, name), atol=1e-9)
        real = np.array([v is not None for v in table["country"]])
        np.testing.assert_allclose(column(back, name)[real], column(frame, name)[real], rtol=1e-12)


def test_index_and_dtype_are_kept():
    frame = pandas.DataFrame({"k": ["a", "b", "a", "b"], "v": np.array([1, 2, 3, 6], np.float32)}, index=[9, 3, 3, 0])
    z = norma.standardize(frame, "v", by="k")
    assert list(z.index) == [9, 3, 3, 0] and z["v"].dtype == np.float32 and list(z["v"]) == [-1, -1, 1, 1]
    constant = pandas.DataFrame({"k": ["a", "a", "b"], "v": [5.0, 5.0, 1.0]})
    assert list(norma.standardize(constant, "v", by="k")["v"]) == [0, 0, 0]


def test_pandas_ways_to_be_missing_are_kept():
    for dtype, missing in (("Float64", pandas.NA), ("Int64", pandas.NA), ("Float32", pandas.NA), ("float64", np.nan)):
        frame = pandas.DataFrame({"k": list("aabb"), "v": pandas.Series([1, 3, 5, None], dtype=dtype)})
        z = norma.standardize(frame, "v", by="k")["v"]
        assert str(z.dtype) == dtype.replace("Int", "Float") and list(z[:3]) == [-1, 1, 0] and z.isna()[3]
    arrow = pandas.DataFrame({"k": list("aab"), "v": pandas.Series([1, 3, None], dtype="int64[pyarrow]")})
    z = norma.standardize(arrow, "v", by="k")["v"]
    assert str(z.dtype) == "double[pyarrow]" and z.isna().tolist() == [False, False, True]


def test_keys_that_are_no_numbers_are_missing(make):
    frame = make({"k": [1.0, float("nan"), 1.0, 2.0], "v": [1.0, 2.0, 3.0, 4.0]})
    np.testing.assert_array_equal(column(norma.standardize(frame, "v", "k"), "v"), [-1, np.nan, 1, 0])


def test_nothing_to_measure(make):
    """An empty frame gives an empty one; of a frame without any key all becomes missing."""
    frame = make({"k": ["a", "b"], "v": [1.0, 2.0]})
    empty = norma.standardize(frame[:0], "v", "k")
    assert type(empty) is type(frame) and len(column(empty, "v")) == 0
    fitted = norma.Standardizer("v", "k").partial_fit(frame[:0]).partial_fit(make({"k": ["a", "a"], "v": [1.0, 3.0]})).partial_fit(frame[:0])
    assert fitted.keys == ["a"] and repr(fitted).endswith("1 keys")
    np.testing.assert_array_equal(column(fitted.transform(frame[:1]), "v"), [-1])
    keyless = make({"k": [float("nan")] * 2, "v": [1.0, 2.0]})
    assert np.isnan(column(norma.standardize(keyless, "v", "k"), "v")).all()


def test_refusals(make, random):
    table = data(random, 20)
    frame, fitted = make(table), norma.Standardizer("age", "country")
    with pytest.raises(ValueError, match="has no column 'wages'"):
        norma.standardize(frame, "wages")
    with pytest.raises(TypeError, match="cannot be standardized"):
        norma.standardize(frame, "name")
    with pytest.raises(ValueError, match="value and key at once"):
        norma.standardize(frame, "age", by="age")
    with pytest.raises(ValueError, match="nothing was measured"):
        fitted.transform(frame)
    with pytest.raises(TypeError, match="frame is a dict"):
        fitted.fit(table)
    stranger = make({**table, "country": ["z"] * 20})
    with pytest.raises(ValueError, match="key 'z' was not seen"):
        fitted.fit(frame).transform(stranger)
    lenient = norma.Standardizer("age", "country", unseen="missing").fit(frame)
    assert np.isnan(column(lenient.transform(stranger), "age")).all()
    with pytest.raises(ValueError, match="neither"):
        norma.Standardizer("age", unseen="what")
    with pytest.raises(ValueError, match="eps = -1"):
        norma.Standardizer("age", eps=-1)
    with pytest.raises(TypeError, match="column 0 is a int; give names as strings"):
        norma.standardize(frame, 0)


@parametrize_with_checks([GroupStandardScaler()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_group_standard_scaler(random):
    X = np.column_stack([random.integers(0, 3, 60), random.normal(5, 2, (60, 2))])
    X[4, 1] = np.nan
    scaler = GroupStandardScaler(by=0).fit(X)
    Z = scaler.transform(X)
    assert (Z[:, 0] == X[:, 0]).all() and np.isnan(Z).sum() == 1
    for key in range(3):
        rows = X[:, 0] == key
        np.testing.assert_allclose(np.nanmean(Z[rows, 1:], 0), 0, atol=1e-12)
        np.testing.assert_allclose(np.nanstd(Z[rows, 1:], 0), 1, atol=1e-12)
    np.testing.assert_allclose(scaler.inverse_transform(Z), X, rtol=1e-12)
    chunks = GroupStandardScaler(by=[0])
    for part in (X[:7], X[7:30], X[30:]):
        chunks.partial_fit(part)
    np.testing.assert_allclose(chunks.transform(X), Z, atol=1e-12)
    frame = pandas.DataFrame({"k": X[:, 0].astype(str), "a": X[:, 1]})
    z = GroupStandardScaler(by="k").fit_transform(frame)
    np.testing.assert_allclose(z["a"], Z[:, 1], atol=1e-12)
    for by in (0, [0], -2):  # a number of a column, of frames too
        assert GroupStandardScaler(by=by).fit_transform(frame).equals(z)
    with pytest.raises(ValueError, match="was not seen"):
        scaler.transform(np.array([[9.0, 1, 1]]))
    with pytest.raises(ValueError, match="is no column"):
        GroupStandardScaler(by=7).fit(X)
