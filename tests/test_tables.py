"""CSV files, .npy, .npz, arrays that stay on the disk."""

import gzip
import io
import os
import struct
import zipfile

import numpy as np
import pytest

from fastnn import data
from fastnn.tabular import TableModel


def write(folder, text, name="a.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return folder / name


# --- CSV ---


def test_csv_types_gaps_and_categories(tmp_path):
    text = (
        "\ufeffid, age ,city,zip,score\r\n"
        '1,31,"Bonn, am Rhein",053,1e3\r\n'
        "\r\n"
        '2,NA,"say ""hi""\nthere",100,?\r\n'
        "3, 4.5,,x1,-2\r\n"
    )
    table = data.read_csv(write(tmp_path, text), types={"zip": "category"})
    assert table.names == ["id", "age", "city", "zip", "score"]
    np.testing.assert_array_equal(table["age"], [31, np.nan, 4.5])
    np.testing.assert_array_equal(table["score"], [1000, np.nan, -2])
    assert table["city"].tolist() == ["Bonn, am Rhein", 'say "hi"\nthere', None]
    assert table["zip"].tolist() == ["053", "100", "x1"]
    assert table.lines.tolist() == [2, 4, 6]
    assert table.missing("city").tolist() == [False, False, True]
    assert table.numbers("id", "age").shape == (3, 2)
    assert table.take([2, 0])["id"].tolist() == [3, 1]
    assert table.take(table["id"] > 1).lines.tolist() == [4, 6]
    assert table.drop("city", "zip").names == ["id", "age", "score"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_are_found(tmp_path, delimiter):
    lines = [["a", "b", "c d"], ["1", "x,y" if delimiter != "," else "x", "2"], ["3", "z", "4"]]
    path = write(tmp_path, "\n".join(delimiter.join(line) for line in lines))
    table = data.read_csv(path)
    assert table.names == ["a", "b", "c d"]
    assert table.kind("a") == table.kind("c d") == "number"


def test_csv_variants(tmp_path):
    german = write(tmp_path, "a;b\n1,5;x\n-2,25;y\n")
    assert data.read_csv(german, decimal=",")["a"].tolist() == [1.5, -2.25]
    zipped = write(tmp_path, gzip.compress(b"a,b\n1,2\n"))
    assert data.read_csv(zipped)["b"].tolist() == [2]
    bare = write(tmp_path, "1,2\n3,4")
    assert data.read_csv(bare, header=False).numbers().tolist() == [[1, 2], [3, 4]]
    latin = write(tmp_path, "city,n\nKöln,1\n", encoding="latin-1")
    assert data.read_csv(latin, encoding="latin-1")["city"].tolist() == ["Köln"]
    marks = write(tmp_path, "a,b\n-999,1\n5,2\n")
    assert np.isnan(data.read_csv(marks, missing=("-999",))["a"][0])
    empty_column = write(tmp_path, "a,b\n,1\n,2\n")
    assert np.isnan(data.read_csv(empty_column)["a"]).all()
    long = "a,b\n" + "\n".join(f"{i},{'x' * 40}" for i in range(5000))  # more than the sample
    table = data.read_csv(write(tmp_path, long))
    assert table["a"].tolist() == list(range(5000))
    assert table.lines[-1] == 5001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n", "no rows, only the header line: a, b"),
        (
            "a,b\n1,2\n1,2,3\n",
            "line 3: 3 cells, but there are 2 columns in the header; .*quotation",
        ),
        ("a,b\n1,2\n\n1\n", "line 4: 1 cells, but there are 2"),
        ("a,b,a\n1,2,3\n", "has 'a' more than once"),
        ("1,2\n3,4\n", "looks like data.*--no-header"),
        (
            "age,b\n1,1\n2,1\nabc,1\n4,1\n",
            "line 4, column 'age': 'abc' is not a number.*--category",
        ),
        ("age,b\n1,1\n1_0,1\ninf,1\n3,1\n4,1\n", "'1_0' is not a number .nor are 1 more"),
        ('age;b\n1;1\n"2,5";1\n3;2\n', "'2,5' is not a number; for decimal commas"),
        ("a,b\n1\0,2\n", "zero bytes"),
        (b"a,b\n\xff\xfe,2\n", "not utf-8.*latin-1"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-5], "damaged gzip"),
    ],
)
def test_csv_errors_name_the_place_and_the_cure(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_csv(path)
    assert str(path) in str(caught.value)


def test_csv_of_decimal_commas_refuses_points(tmp_path):
    path = write(tmp_path, "a;b\n1,5;1\n1.250;1\n2;1\n")
    with pytest.raises(ValueError, match="'1.250' is not a number"):
        data.read_csv(path, decimal=",")


def test_csv_missing_files_columns_and_types(tmp_path):
    with pytest.raises(FileNotFoundError):
        data.read_csv(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="is a folder"):
        data.read_csv(tmp_path)
    path = write(tmp_path, "price,city\n1,a\n2,b\n")
    with pytest.raises(ValueError, match="no column 'Price'; did you mean 'price'"):
        data.read_csv(path, types={"Price": "number"})
    with pytest.raises(ValueError, match="column 'city': 'a' is not a number"):
        data.read_csv(path, types={"city": "number"})
    with pytest.raises(ValueError, match="'number' or 'category', got 'int'"):
        data.read_csv(path, types={"city": "int"})
    table = data.read_csv(path)
    with pytest.raises(KeyError, match="no column 'prices'; did you mean 'price'"):
        table["prices"]
    with pytest.raises(KeyError, match="there are: price, city"):
        table["x"]
    with pytest.raises(ValueError, match="different numbers of rows"):
        data.Table({"a": [1], "b": [1, 2]})


def test_csv_round_trip(tmp_path):
    columns = {"a": [1.5, None, 3.0], "b": ["x", "y, z", None]}
    data.write_csv(tmp_path / "b.csv", columns)
    table = data.read_csv(tmp_path / "b.csv")
    np.testing.assert_array_equal(table["a"], [1.5, np.nan, 3])
    assert table["b"].tolist() == ["x", "y, z", None]


def test_csv_equals_pandas_like_reading_of_real_data(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    wine = datasets.load_wine()
    text = ",".join(wine.feature_names) + "\n"
    text += "\n".join(",".join(map(repr, row)) for row in wine.data.tolist())
    np.testing.assert_array_equal(data.read_csv(write(tmp_path, text)).numbers(), wine.data)


def _cell(rng, kind):
    if rng.random() < 0.1:
        return ""
    if kind == "int":
        return str(rng.integers(-(10**6), 10**6))
    if kind == "float":
        return repr(float(rng.normal() * 10.0 ** rng.integers(-8, 9)))
    return rng.choice(["red", "dark, blue", 'say "x"', " led", "two\nlines", "\u00e4\u00f6", "x1"])


@pytest.mark.parametrize("seed", range(10))
def test_csv_equals_pandas(tmp_path, seed):
    pandas = pytest.importorskip("pandas", reason="compares with pandas.read_csv")
    rng = np.random.default_rng(seed)
    kinds = [str(rng.choice(["int", "float", "text"])) for _ in range(6)]
    columns = {f"{k} {i}": [_cell(rng, k) for _ in range(50)] for i, k in enumerate(kinds)}
    pandas.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False, sep=",;\t"[seed % 3])
    theirs = pandas.read_csv(tmp_path / "a.csv", sep=",;\t"[seed % 3])
    ours = data.read_csv(tmp_path / "a.csv")
    assert ours.names == list(theirs)
    for name in ours.names:
        assert ours.missing(name).tolist() == theirs[name].isna().tolist()
        there = ~ours.missing(name)
        if ours.kind(name) == "number":
            numbers = theirs[name].to_numpy(np.float64)  # read with an error of an ulp by some
            np.testing.assert_allclose(ours[name], numbers, rtol=1e-15)
        else:
            expected = [text.strip() for text in theirs[name][there]]
            assert [text.strip() for text in ours[name][there]] == expected
    assert {ours.kind(n) for n in ours.names if not n.startswith("text")} <= {"number"}


# --- NumPy's files ---


def test_npy_and_npz(tmp_path):
    arrays = {
        "x": np.arange(12, dtype=np.float32).reshape(3, 4),
        "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(5),
        "big": np.arange(3, dtype=">i2"),
    }
    for name, a in arrays.items():
        np.save(tmp_path / f"{name}.npy", a)
        for mmap in (False, True):
            read = data.read_npy(tmp_path / f"{name}.npy", mmap=mmap)
            assert read.dtype == a.dtype
            np.testing.assert_array_equal(read, a)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "all.npz", **arrays)
        read = data.read_npz(tmp_path / "all.npz")
        assert read.keys() == arrays.keys()
        for name, a in arrays.items():
            assert read[name].dtype == a.dtype
            np.testing.assert_array_equal(read[name], a)


def npy(shape, dtype="<f8", body=b""):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not a .npy file"),
        (npy((10,), body=b"x" * 79), "truncated; the header announces 80 bytes"),
        (npy((2**40, 2**40)), "truncated"),
        (npy((-1,)), "not a .npy file"),
        (npy((1,), "|O", b"cos\nsystem\n(S'true'\ntR."), "never loaded"),
        (npy("__import__('os')"), "not a .npy file"),
    ],
)
def test_npy_refuses_what_is_damaged_or_hostile(tmp_path, content, message):
    path = write(tmp_path, content, "a.npy")
    with pytest.raises(ValueError, match=message):
        data.read_npy(path)
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError, match=message):
        data.read_npz(write(tmp_path, inside.getvalue(), "a.npz"))


def test_npz_refuses_damage(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(1000))
    content = (tmp_path / "a.npz").read_bytes()
    flipped = bytearray(content)
    flipped[200] ^= 0x10
    for bad in (content[:-30], bytes(flipped), b"text"):
        with pytest.raises(ValueError, match="a.npz"):
            data.read_npz(write(tmp_path, bad, "a.npz"))


def test_mapped_arrays_larger_than_the_memory(tmp_path):
    path = tmp_path / "large.npy"
    rows = 1 << 32  # 1 TB of float32, nearly all of it holes in the file
    try:
        with open(path, "wb") as file:
            file.write(npy((rows, 64), "<f4"))
            start = file.tell()
            for row in (0, 12345, rows - 1):
                file.seek(start + row * 256)
                file.write(np.full(64, row % 1000, np.float32).tobytes())
    except OSError as error:
        pytest.skip(f"the file system has no files of 1 TB with holes: {error}")
    if os.stat(path).st_blocks * 512 > 1 << 24:
        pytest.skip("the file system has no holes in files")
    (batch,) = data.MappedDataset(path).batch(np.array([rows - 1, 12345, 7]))
    assert batch.numpy()[:, 0].tolist() == [(rows - 1) % 1000, 345, 0]


def test_mapped_dataset_gives_the_rows_of_any_dtype(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4)).astype(np.uint8)
    labels = np.arange(30, dtype=np.int16)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "f.npy", images.astype(np.float32))
    dataset = data.MappedDataset(
        tmp_path / "x.npy", tmp_path / "f.npy", labels, dtypes=("float32", None, None)
    )
    loader = data.DataLoader(dataset, 8, shuffle=True, seed=0, prefetch=2)
    seen = []
    for x, f, y in loader:
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(x.numpy(), images[y.numpy()])
        np.testing.assert_array_equal(f.numpy(), images[y.numpy()])
        seen += y.tolist()
    assert sorted(seen) == list(range(30))
    assert dataset[3][2].item() == 3
    with pytest.raises(IndexError):
        dataset.batch(np.array([30]))
    with pytest.raises(ValueError, match=r"same number of rows, got \[30, 29\]"):
        data.MappedDataset(tmp_path / "x.npy", labels[:-1])
    with pytest.raises(TypeError, match="rows of numbers"):
        data.MappedDataset(np.array(["a"]))


def test_kfold_covers_every_row_once():
    folds = data.kfold(23, 4, seed=0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(23))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(23))
    assert sorted(len(test) for _, test in folds) == [5, 6, 6, 6]
    assert data.kfold(np.zeros((23, 2)), 4, seed=0)[0][1].tolist() == folds[0][1].tolist()
    with pytest.raises(ValueError, match="from 2 to the 3 rows"):
        data.kfold(3, 4)


# --- mistakes ---


def test_target_column_missing(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text("area,price\n" + "\n".join(f"{i},{2 * i}" for i in range(20)))
    table = data.read_csv(path)
    with pytest.raises(KeyError, match=r"houses.csv: no column 'Price'; did you mean 'price'\?"):
        table["Price"]
    with pytest.raises(ValueError, match=r"no column 'prize'; did you mean 'price'\?"):
        TableModel("prize").fit(table)
    with pytest.raises(ValueError, match="no column 'x'; there are: area, price"):
        data.Columns((["x"], data.Standardizer())).fit(table)


def test_gap_in_the_target_and_text_among_numbers(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text("area,price\n" + "\n".join(f"{i}," for i in range(20)))
    with pytest.raises(ValueError, match=r"line 2, column 'price': the target is missing \(20"):
        TableModel("price").fit(data.read_csv(path))
    path.write_text("area,price\n1,2\n1,2\ntwo,3\n4,5\n")
    with pytest.raises(ValueError, match=r"line 4, column 'area': 'two' is not a number"):
        data.read_csv(path)
