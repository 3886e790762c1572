"""Preprocessing against scikit-learn's, column by column, and as part of a file."""

import json

import numpy as np
import pytest

import fastnn
from fastnn import data


def rows(n=60, features=5, gaps=False, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, features)) @ random.normal(size=(features, features)) + 3
    x = np.round(x, 1)  # some values come several times
    if gaps:
        x[random.random(x.shape) < 0.2] = np.nan
    return x


def peers():
    decomposition = pytest.importorskip("sklearn.decomposition", reason="needs scikit-learn")
    impute = pytest.importorskip("sklearn.impute")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    for strategy in ("median", "mean", "most_frequent", "constant"):
        theirs = impute.SimpleImputer(strategy=strategy, fill_value=7.0, add_indicator=True)
        if strategy != "constant":
            theirs.set_params(fill_value=None)
        yield data.Imputer(strategy, 7.0, indicator=True), theirs, True
    yield data.Standardizer(), preprocessing.StandardScaler(), False
    yield data.MinMax(), preprocessing.MinMaxScaler(), False
    yield data.MinMax(-1, 3), preprocessing.MinMaxScaler((-1, 3)), False
    for count in (None, 2, 0.9):
        for whiten in (False, True):
            theirs = decomposition.PCA(count, whiten=whiten, svd_solver="full")
            yield data.PCA(count, whiten=whiten), theirs, False


def test_equals_scikit_learn():
    for ours, theirs, gaps in peers():
        train, test = rows(gaps=gaps), rows(20, gaps=gaps, seed=1)
        a, b = ours.fit_transform(train), theirs.fit_transform(train)
        sign = 1
        if isinstance(ours, data.PCA):
            sign = np.sign((a * b).sum(0))
            np.testing.assert_allclose(ours.variance, theirs.explained_variance_)
            np.testing.assert_allclose(ours.variance_share, theirs.explained_variance_ratio_)
        np.testing.assert_allclose(a, b * sign, atol=1e-9, err_msg=repr(ours))
        a, b = ours.transform(test), theirs.transform(test)
        np.testing.assert_allclose(a, b * sign, atol=1e-9, err_msg=repr(ours))
        if not gaps:
            back = theirs.inverse_transform(b)
            np.testing.assert_allclose(ours.inverse_transform(a), back, atol=1e-9)


@pytest.mark.parametrize("kind", [str, int])
def test_one_hot_equals_scikit_learn(kind):
    preprocessing = pytest.importorskip("sklearn.preprocessing", reason="needs scikit-learn")
    random = np.random.default_rng(0)
    train, test = (random.integers(0, top, (40, 3)).astype(kind) for top in (4, 6))
    theirs = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train)
    ours = data.OneHot().fit(train)
    for x in (train, test):
        np.testing.assert_array_equal(ours.transform(x), theirs.transform(x))
    back = ours.inverse_transform(ours.transform(test))
    np.testing.assert_array_equal(back, theirs.inverse_transform(theirs.transform(test)))
    with pytest.raises(ValueError, match=r"in row \d+, column \d is not among the categories"):
        data.OneHot(unknown="error").fit(train).transform(test)


def test_one_hot_gaps_and_rare_categories():
    x = np.array([["b"], [None], ["a"], ["b"], ["c"]], dtype=object)
    code = data.OneHot().fit(x)
    assert code.categories == [["a", "b", "c", None]]
    assert code.feature_names(["k"]) == ["k=a", "k=b", "k=c", "k is missing"]
    np.testing.assert_array_equal(code.transform(x)[1], [0, 0, 0, 1])
    few = data.OneHot(max_categories=2).fit(x)
    assert few.categories == [["a", "b"]]
    assert few.transform(x).sum() == 3
    numbers = data.OneHot().fit(np.array([2.0, np.nan, 1.0]))
    assert numbers.categories == [[1, 2, None]]
    assert data.OneHot().fit(np.array([True, False])).transform([True]).tolist() == [[0, 1]]
    with pytest.raises(TypeError, match="both text and numbers"):
        data.OneHot().fit(np.array([["a"], [1]], dtype=object))


def test_whitening_gives_the_unit_covariance_and_leaves_out_what_does_not_vary():
    x = rows(200, 4)
    x = np.concatenate([x, x[:, :1] * 2, np.ones((200, 1))], axis=1)  # rank 4 of 6
    y = data.PCA(whiten=True).fit_transform(x)
    np.testing.assert_allclose(np.cov(y.T), np.eye(4), atol=1e-9)
    rotated = data.PCA().fit_transform(x)
    np.testing.assert_allclose(np.cov(rotated.T), np.diag(np.var(rotated, 0, ddof=1)), atol=1e-9)
    eigen = np.linalg.eigh(np.cov(x.T))
    z = (np.diag(eigen[0][2:] ** -0.5) @ eigen[1][:, 2:].T @ (x - x.mean(0)).T).T[:, ::-1]
    np.testing.assert_allclose(abs(y), abs(z), atol=1e-7)  # Y = D^(-1/2) E^T X, up to signs
    with pytest.raises(ValueError, match="determine 4"):
        data.PCA(5, whiten=True).fit(x)
    with pytest.raises(ValueError, match="above 0"):
        data.PCA(0)
    with pytest.raises(ValueError, match="at least 2 rows"):
        data.PCA().fit(x[:1])


def test_constant_features_float32_and_tensors():
    x = np.full((10, 2), 0.1, np.float32)
    x[:, 1] = np.arange(10)
    for transform, constant in ((data.MinMax(-2, 2), -2), (data.Standardizer(), 0)):
        y = transform.fit_transform(x)
        assert y.dtype == np.float32
        assert (y[:, 0] == constant).all()
        assert isinstance(transform.transform(fastnn.tensor(x)), fastnn.Tensor)
        np.testing.assert_allclose(transform.inverse_transform(y), x, rtol=1e-6, atol=1e-6)


def test_fitted_once_and_never_on_what_it_cannot_take():
    for transform in (data.MinMax(), data.PCA(), data.Imputer(), data.OneHot()):
        with pytest.raises(RuntimeError, match="call fit with the training rows first"):
            transform.transform(rows())
        transform.fit(rows())
        with pytest.raises(RuntimeError, match="use transform"):
            transform.fit(rows())
    with pytest.raises(ValueError, match=r"rows of shape \(4,\), it was fitted on \(5,\)"):
        data.MinMax().fit(rows()).transform(rows()[:, :4])
    gaps = rows(gaps=True)
    with pytest.raises(ValueError, match=r"holds nan at \(\d+, \d\).*Imputer"):
        data.MinMax().fit(gaps)
    gaps[:, 2] = np.nan
    with pytest.raises(ValueError, match="column 2 has no number"):
        data.Imputer().fit(gaps)
    with pytest.raises(ValueError, match="holds inf"):
        data.Imputer().fit(np.array([[np.inf]]))
    with pytest.raises(TypeError, match="expected numbers"):
        data.PCA().fit([["a"]])
    with pytest.raises(TypeError, match="no inverse_transform"):
        data.Imputer().fit(rows()).inverse_transform(rows())


def table(n=50, seed=0, **columns):
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, n).astype(float)
    age[::7] = np.nan
    city = np.array(["Bonn", "Rome", "Oslo", None], dtype=object)[random.integers(0, 4, n)]
    return data.Table({"age": age, "income": random.normal(size=n), "city": city} | columns)


@pytest.mark.parametrize("scale", ["standard", "minmax", "whiten", None])
def test_columns_for_a_table(scale):
    texts = [f"n{i}" for i in range(50)]
    full = table(name=texts, same=np.ones(50), empty=[None] * 50)
    prepare, left_out = data.Columns.for_table(full, scale=scale)
    assert sorted(left_out) == ["empty", "name", "same"]
    assert prepare.needs == {"income": "number", "age": "number", "city": "category"}
    x = prepare.fit_transform(full)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert prepare.names[-4:] == ["city=Bonn", "city=Oslo", "city=Rome", "city is missing"]
    if scale != "whiten":
        assert prepare.names[:3] == ["income", "age", "age is missing"]
    description, arrays = data.pack_transform(prepare)
    again = data.unpack_transform(json.loads(json.dumps(description)), arrays)
    other = table(30, seed=1)
    np.testing.assert_array_equal(again.transform(other), prepare.transform(other))
    assert again.names == prepare.names
    with pytest.raises(RuntimeError, match="use transform"):
        prepare.fit(other)


def test_columns_name_what_does_not_fit():
    prepare = data.Columns((["age"], data.Imputer()), (["city"], data.OneHot())).fit(table())
    with pytest.raises(ValueError, match=r"no column 'age'; did you mean 'Age'\?"):
        prepare.transform({"Age": [1.0], "city": ["Bonn"]})
    with pytest.raises(TypeError, match=r"line 2, column 'age': 'x' is not a number"):
        prepare.transform({"age": ["1", "x"], "city": ["Bonn", "Bonn"]})
    plain = data.Columns((["age"], data.Standardizer()))
    with pytest.raises(ValueError, match=r"line 1, column 'age': no number; .*Imputer"):
        plain.fit(table())
    codes = data.Columns((["code"], data.OneHot())).fit({"code": ["1", "2", "10"]})
    np.testing.assert_array_equal(codes.transform({"code": [2.0, 10.0]}), [[0, 0, 1], [0, 1, 0]])
    with pytest.raises(ValueError, match="no column is left"):
        data.Columns.for_table(data.Table({"a": [1, 1]}))
    for wrong in (lambda: data.Columns(("age", data.Imputer())), lambda: data.Pipeline(data.PCA)):
        with pytest.raises(TypeError):
            wrong()


def test_packing_is_for_known_kinds_alone():
    class Own(data.Transform):
        _fitted = ("a",)

    own = Own()
    own.a = 1
    with pytest.raises(TypeError, match="state_dict"):
        data.pack_transform(own)
    for bad in ({"kind": "os.system"}, {}, {"kind": "PCA", "settings": {"x": 1}}, []):
        with pytest.raises(ValueError, match=r"unpack_transform|lacks"):
            data.unpack_transform(bad, {})


def test_standardizer_is_fitted_on_training_rows_alone():
    generator = np.random.default_rng(0)
    train = generator.normal(5, 3, (200, 4))
    val = generator.normal(5, 3, (50, 4))
    train[:, 2] = 0.1  # never varies
    scale = data.Standardizer()
    result = scale.fit_transform(train)
    np.testing.assert_allclose(result.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(result.std(0), [1, 1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(scale.transform(val), (val - scale.mean) / scale.std)
    np.testing.assert_allclose(scale.inverse_transform(scale.transform(val)), val)
    with pytest.raises(RuntimeError, match="use transform"):
        scale.fit_transform(val)


def test_standardizer_dtypes_tensors_and_state():
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    scale = data.Standardizer().fit(x)
    assert scale.transform(x).dtype == np.float32
    assert isinstance(scale.transform(fastnn.tensor(x)), fastnn.Tensor)
    other = data.Standardizer()
    other.load_state_dict(scale.state_dict())
    np.testing.assert_array_equal(other.transform(x), scale.transform(x))
    with pytest.raises(ValueError, match=r"rows of shape \(2,\), it was fitted on \(3,\)"):
        scale.transform(x[:, :2])
    with pytest.raises(RuntimeError, match="call fit"):
        data.Standardizer().transform(x)
    x[2, 1] = np.inf
    with pytest.raises(ValueError, match=r"holds inf at \(2, 1\)"):
        data.Standardizer().fit(x)
