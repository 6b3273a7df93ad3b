"""Tables of files: what they may look like, and what is refused in one sentence."""

import os

import numpy as np
import pytest

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.source import open_files, open_source
from tests.data.conftest import save_image


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("1.jpg", "a b.jpg", 'q".jpg', "ü,.jpg")):
        save_image(tmp_path / "images" / name, seed=seed)
    return tmp_path


def table(folder, text, name="files.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder / name)


ROWS = [
    ("images/1.jpg", "cat"),
    ("images/a b.jpg", "sea lion"),
    ('"images/q"".jpg"', "cat"),
    ('"images/ü,.jpg"', "sea lion"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("header", ["path,label", "Path , LABEL"])
def test_tables_of_any_program_are_read(folder, end, encoding, header):
    lines = [header, *(",".join(row) for row in ROWS), "", " , "]
    index = open_files(table(folder, end.join(lines), encoding=encoding)).parts["all"]
    assert index.class_names == ("cat", "sea lion")
    assert index.labels.tolist() == [0, 1, 0, 1]
    assert index.names[2:] == ['images/q".jpg', "images/ü,.jpg"]
    assert index.sample_weights is None and not index.ignored


def test_columns_of_other_orders_tabs_parts_and_weights(folder):
    rows = [
        "sample_weight\tid\tpart\tlabel\tpath",
        f"2\t0\tTrain\t1\t{folder}/images/1.jpg",
        "0.5\t1\ttrain\t0\timages/a b.jpg",
        '\t2\tval\t1\t"images/q"".jpg"',
        "1\t3\tvalid\t0\t./images/../images/ü,.jpg",
    ]
    source = open_source(table(folder, "\n".join(rows), "files.tsv"))
    assert source.has_own_validation and source.class_names == ("0", "1")
    assert source.train.sample_weights.tolist() == [2, 0.5]
    assert source.train.take([1]).sample_weights.tolist() == [0.5]
    assert source.validation.sample_weights.tolist() == [1, 1]
    assert [os.path.basename(p) for p in source.validation.paths] == [
        'q".jpg',
        "ü,.jpg",
    ]


def test_missing_files_are_listed(folder):
    rows = ["path,label", "images/gone.jpg,cat", *(",".join(row) for row in ROWS)]
    index = open_files(table(folder, "\n".join(rows))).parts["all"]
    assert index.ignored == (
        (str(folder / "images" / "gone.jpg"), "the file is missing"),
    )
    assert len(index) == 4 and index.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "path and label are missing; received nothing"),
        ("path,class\na,b", "label is missing; received path, class"),
        ("path;label\na;b", "received path;label"),
        ("path,label,label\na,b,c", "received label twice"),
        ("path,label\nimages/1.jpg", "in line 2 1 values for 2 columns"),
        ("path,label\nimages/1.jpg,", "line 2 the label of 'images/1.jpg' is empty"),
        ("path,label\n,a", "line 2 the path is empty"),
        ('path,label\n"images/1.jpg,a', "line 2 unexpected end of data"),
        (
            "path,label\nimages/1.jpg,a\n./images/1.jpg,b",
            "line 3 './images/1.jpg' is named",
        ),
        ("path,label,part\nimages/1.jpg,a,holdout", "the part is 'holdout', which is"),
        ("path,label,sample_weight\nimages/1.jpg,a,-1", "weight is '-1', which is no"),
        ("path,label,sample_weight\nimages/1.jpg,a,nan", "weight is 'nan'"),
        ("path,label,sample_weight\nimages/1.jpg,a,much", "weight is 'much'"),
        ("path,label\ns3://b/1.jpg,a", "s3://b/1.jpg is on another machine"),
        ("path,label\nx.jpg,a\ny.jpg,b", "of its 2 rows none does .the first: "),
        ("path,label\nimages/1.jpg,a", "two classes .*only 'a'"),
        (
            "path,label,part\nimages/1.jpg,a,train\nimages/a b.jpg,b,",
            "1 of 2 have none",
        ),
    ],
)
def test_wrong_tables_are_refused_in_one_sentence(folder, text, message):
    with pytest.raises(DataError, match=message) as raised:
        open_files(table(folder, text))
    assert "\n" not in str(raised.value)


def test_tables_that_cannot_be_read_are_refused(folder):
    spec = table(folder, "path,label\nü,a", encoding="latin-1")
    for wrong, message in (
        (spec, "not text in UTF-8"),
        (str(folder / "none.csv"), "it does not exist"),
        ("https://host/files.csv", "on this machine"),
    ):
        with pytest.raises(DataError, match=message):
            open_files(wrong)


def test_a_folder_may_be_called_like_a_table(folder):
    for name in ("a", "b"):
        save_image(folder / "x.csv" / name / "1.jpg")
    assert len(open_files(str(folder / "x.csv")).parts["all"]) == 2
