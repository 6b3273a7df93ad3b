"""Tables of files: targets, weights and parts, as in Keras' class."""

import pathlib

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageDataGenerator
from tests.data.conftest import save_image

NAMES = [f"{number}.png" for number in range(9, -1, -1)]
TABLE = {
    "filename": [*NAMES, "missing.png", "notes.txt"],
    "class": ["c", "b", "a", "b"] * 3,
    "several": [["a", "b"], ["b"], "a", ("c", "a")] * 3,
    "number": np.arange(12.0),
    "weight": np.arange(12) * 0.1,
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    for number, name in enumerate(NAMES):
        save_image(folder / name, 8 + number, 9, seed=number)
    (folder / "notes.txt").write_text("no image")
    return folder


def flow(generator, table, directory, split=0.3, **options):
    options = {"target_size": (6, 7), "shuffle": False, "batch_size": 4} | options
    return generator(validation_split=split).flow_from_dataframe(
        table, directory, **options
    )


CASES = [
    {},
    {"class_mode": "sparse"},
    {"class_mode": "binary", "classes": ["b", "c"]},
    {"class_mode": "input"},
    {"class_mode": None},
    {"class_mode": "raw", "y_col": "number"},
    {"class_mode": "raw", "y_col": ["number", "weight"]},
    {"class_mode": "multi_output", "y_col": ["number", "weight"]},
    {"y_col": "several"},
    {"y_col": "several", "classes": ["b", "c"]},
    {"weight_col": "weight"},
    {"weight_col": "weight", "class_mode": None},
    {"subset": "training", "weight_col": "weight"},
    {"subset": "validation"},
    {"subset": "validation", "class_mode": "raw", "y_col": "number"},
]


@pytest.mark.parametrize("options", CASES)
def test_batches_equal_keras_class(legacy_generator, directory, options):
    pandas = pytest.importorskip("pandas")
    import keras

    frame = pandas.DataFrame(TABLE)
    ours = flow(ImageDataGenerator, frame, directory, **options)
    with pytest.warns(UserWarning, match="2 invalid image filename"):
        legacy = flow(legacy_generator, frame, directory, **options)
    assert ours.filenames == legacy.filenames
    assert ours.samples == legacy.samples
    if hasattr(legacy, "class_indices"):
        assert ours.class_indices == legacy.class_indices
        assert list(ours.labels) == list(legacy.labels)
    for _ in range(len(legacy)):
        received, expected = next(ours), next(legacy)
        for mine, yours in zip(
            keras.tree.flatten(received), keras.tree.flatten(expected), strict=True
        ):
            np.testing.assert_array_equal(mine, yours)


@pytest.mark.parametrize("options", CASES)
def test_a_dictionary_serves_as_table(directory, options):
    iterator = flow(ImageDataGenerator, TABLE, directory, **options)
    assert set(iterator.filenames) <= set(NAMES)
    assert iterator.invalid_filenames == ["missing.png", "notes.txt"]
    next(iterator)


def test_labels_follow_the_rows(directory):
    iterator = flow(ImageDataGenerator, TABLE, directory)
    assert iterator.class_indices == {"a": 0, "b": 1, "c": 2}
    assert iterator.filenames == NAMES
    assert iterator.classes == [2, 1, 0, 1, 2, 1, 0, 1, 2, 1]


def test_several_labels_set_several_targets(directory):
    _, targets = next(flow(ImageDataGenerator, TABLE, directory, y_col="several"))
    np.testing.assert_array_equal(targets, [[1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 1]])


def test_parts_are_the_first_and_the_remaining_rows(directory):
    parts = [
        flow(ImageDataGenerator, TABLE, directory, subset=subset).filenames
        for subset in ("validation", "training")
    ]
    assert parts == [NAMES[:3], NAMES[3:]]


def test_unchecked_names_stay_until_they_are_read(directory):
    iterator = flow(ImageDataGenerator, TABLE, directory, validate_filenames=False)
    assert iterator.samples == 12
    with pytest.raises(
        DataError, match=r"missing\.png: No such file or directory\. Rem"
    ):
        iterator[2]


def test_absolute_names_need_no_directory(directory):
    table = TABLE | {"filename": [str(directory / name) for name in NAMES] + ["a", "b"]}
    assert flow(ImageDataGenerator, table, None).samples == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x_col": "file"}, "a column of the table, 'filename'"),
        ({"x_col": "number"}, "to hold file names"),
        ({"y_col": "number"}, "class names as text or lists"),
        ({"y_col": "several", "class_mode": "sparse"}, "class names as text. Rec"),
        ({"y_col": ["class"]}, "to be the name of one column"),
        ({"weight_col": "class"}, "to hold numbers"),
        ({"class_mode": "binary"}, "Expected two classes for .* Received: 3"),
        ({"class_mode": "multi_output"}, "Expected a list of columns"),
        ({"class_mode": "other"}, "`class_mode` to be one of"),
        ({"classes": ["z"]}, "rows of column 'class' have. Received: 'z'"),
    ],
)
def test_unfit_arguments_raise_in_words(directory, options, message):
    with pytest.raises(DataError, match=message):
        flow(ImageDataGenerator, TABLE, directory, **options)


def test_unknown_keywords_raise(directory):
    with pytest.raises(TypeError, match="Received: 'tagret_size'"):
        flow(ImageDataGenerator, TABLE, directory, tagret_size=(1, 1))


def test_retired_keywords_warn(directory):
    with pytest.warns(UserWarning, match="`sort` has no effect"):
        flow(ImageDataGenerator, TABLE, directory, sort=True)


@pytest.mark.parametrize(
    ("rows", "split", "message"),
    [
        ("aaabbb", 0.34, "holds the class 'a' only, the training part 2"),
        ("aaabbb", 0.5, "holds 'a', which no row of the training part has"),
        ("aabbcc", 0.5, "holds 'a', which no row"),
        ("ababab", 0.5, None),
        ("abcabc", 0.2, None),
        ("aaaaaa", 0.5, None),
    ],
)
def test_parts_of_a_table_sorted_by_class_raise(directory, rows, split, message):
    table = {"filename": NAMES[: len(rows)], "class": list(rows)}
    for compat in ("keras", "fixed"):
        made = ImageDataGenerator(validation_split=split, compat=compat)
        for subset in ("training", "validation"):
            if message is None or compat == "keras":
                made.flow_from_dataframe(table, directory, subset=subset)
                continue
            with pytest.raises(DataError, match=message):
                made.flow_from_dataframe(table, directory, subset=subset)


@pytest.mark.parametrize(
    ("names", "folder", "message"),
    [
        (["0", "1"], "", "2 of 2 rows have no image file; .*0': its name ends in none"),
        (["x.png"], "", "1 of 1 rows have no image file; .*x.png': there is no such"),
        (["0.png"], "none", "Expected a folder, but there is no"),
    ],
)
def test_tables_without_files_say_what_is_missing(directory, names, folder, message):
    with pytest.raises(DataError, match=message):
        ImageDataGenerator().flow_from_dataframe(
            {"filename": names}, directory / folder, class_mode=None
        )


def test_rows_left_out_are_counted(directory, caplog, capsys):
    flow(ImageDataGenerator, TABLE, directory)
    assert "2 of 12 rows have no image file" in caplog.text
    out = capsys.readouterr().out
    assert out == "Found 10 validated image filenames belonging to 3 classes.\n"


@pytest.mark.parametrize("form", [str, pathlib.Path])
@pytest.mark.parametrize("is_full", [True, False])
def test_files_may_be_paths(directory, form, is_full):
    names = [form(directory / name if is_full else name) for name in NAMES]
    table = {"filename": names, "class": list("abbab") * 2}
    found = flow(ImageDataGenerator, table, None if is_full else directory)
    plain = flow(ImageDataGenerator, table | {"filename": NAMES}, directory)
    assert found.filenames == [str(name) for name in names]
    np.testing.assert_array_equal(next(found)[0], next(plain)[0])
