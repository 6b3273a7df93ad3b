import base64
import io

import markupsafe
import numpy as np
import PIL.Image
import pytest

from kerasnorm.pages import formatting

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.9345, "93.5%"), (1, "100.0%"), (None, formatting.ABSENT), (NAN, "NaN")],
)
def test_percent(fraction, text):
    assert formatting.percent(fraction) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.14321, "0.1432"),
        (0, "0"),
        (0.00002, "2.00e-05"),
        (12345.6, "12,346"),
        (3e12, "3.00e+12"),
        (-2.5, "-2.5"),
        (None, formatting.ABSENT),
        (NAN, "NaN"),
        (INFINITY, "infinite"),
    ],
)
def test_number(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (9.54, "9.5s"),
        (252.3, "4m 12s"),
        (59.99, "1m 00s"),
        (3600, "1h 00m"),
        (7500, "2h 05m"),
        (None, formatting.ABSENT),
        (NAN, "NaN"),
    ],
)
def test_duration(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (12_345, "12.3 k"), (1_234_567, "1.23 M")],
)
def test_short_count(count, text):
    assert formatting.short_count(count) == text


def test_flatten_joins_names_with_dots():
    nested = {"a": 1, "b": {"c": None, "d": {"e": True}}, "f": {}}
    assert formatting.flatten(nested) == [
        ("a", "1"),
        ("b.c", "none"),
        ("b.d.e", "yes"),
        ("f", "none"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1 + 0.2, "0.3"), ([1, 2.5], "1, 2.5"), ((), "none"), ("", "none")],
)
def test_plain(value, text):
    assert formatting.format_setting(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Жучка 犬 é", "Жучка 犬 é"),
        ("a\nb\x00", r"a\nb\x00"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("caf\udce9.jpg", r"caf\udce9.jpg"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
    ids=["letters", "control", "direction", "bytes", "joined emoji"],
)
def test_clean(text, shown):
    assert formatting.escape_control_characters(text) == shown


def test_clean_leaves_markup_and_numbers_alone():
    markup = markupsafe.Markup("<b>\n</b>")
    assert formatting.escape_control_characters(markup) is markup
    assert formatting.escape_control_characters(3) == 3


@pytest.mark.parametrize(
    ("paths", "folder", "shown"),
    [
        (["/a/b/c.jpg", "/a/d.jpg"], "/a", ["b/c.jpg", "d.jpg"]),
        (["/a/b.jpg"], "/a", ["b.jpg"]),
        (["a/b.jpg", "/c.jpg"], None, ["a/b.jpg", "/c.jpg"]),
        ([], None, []),
    ],
)
def test_below_common_folder(paths, folder, shown):
    found = formatting.below_common_folder([(path, "bad") for path in paths])
    assert found == (folder, [(path, "bad") for path in shown])


@pytest.mark.parametrize(
    ("shape", "size"), [((512, 256, 3), (128, 256)), ((9, 7, 3), (7, 9))]
)
def test_thumbnail_is_small_and_keeps_the_proportions(shape, size):
    address = formatting.thumbnail(np.zeros(shape, np.uint8))
    kind, _, data = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    assert PIL.Image.open(io.BytesIO(base64.b64decode(data))).size == size
