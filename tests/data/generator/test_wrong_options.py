"""Every wrong option of the generator and its iterators is refused in one sentence."""

import inspect
import itertools

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, ImageDataGenerator
from kerasnorm.data.generator.options import FLAGS

SIZE = (6, 6)
NAN = np.array([0, 1, np.nan, 0, 1, 1, 0, 1])
NAMES = [f"{name}/{number}.png" for name in "ab" for number in range(4)]
TABLE = {"filename": NAMES, "class": list("abababab"), "w": [1.0] * 8, "nan": NAN}

NO_NUMBERS = ("abc", [1, 2, 3], float("nan"), float("inf"), None)
NO_SWITCHES = ("yes", 2, None)
GENERATOR = {
    **dict.fromkeys(
        ("rotation_range", "shear_range", "channel_shift_range", "cval", "zca_epsilon"),
        NO_NUMBERS,
    ),
    **dict.fromkeys(
        ("width_shift_range", "height_shift_range"),
        ("abc", [1, float("nan")], float("nan"), None),
    ),
    "zoom_range": NO_NUMBERS,
    "brightness_range": ("abc", [1, 2, 3], float("nan"), -1, (1, float("nan"))),
    "rescale": ("abc", (2, 1), float("nan")),
    "validation_split": ("abc", -1, 1, float("nan"), (1, 2)),
    "preprocessing_function": ("abc", 1),
    "dtype": ("abc", 1, [1, 2, 3], float("nan")),
    "memory_budget": ("abc", -1),
    "gray_bits": ("abc", 7, 17, 12.5),
    **dict.fromkeys(FLAGS, NO_SWITCHES),
    **dict.fromkeys(
        ("fill_mode", "data_format", "interpolation_order", "cache", "unreadable",
         "compat"),
        ("abc", -1),
    ),
}  # fmt: skip
WALK = {
    "batch_size": (0, -1, 2.5, "4", None),
    "seed": ("a", 1.5),
    "shuffle": NO_SWITCHES,
    "save_to_dir": ("/nowhere/at/all", 3),
    "save_prefix": (5, None, "a/b", "/a", "..\\a", "a\0", "x" * 201),
    "save_format": ("docx", "", None),
    "subset": ("test", "validation"),
}
FILES = {
    "target_size": (24, (24,), (24.0, 24.0), (0, 24), "big", None),
    "color_mode": ("bgr", None),
    "class_mode": ("other",),
    "interpolation": ("cubic",),
    "classes": ("ab", ["a", "z"], ["a", "a"], 5),
    "directory": ("/nowhere/at/all", 5),
}
FOLDERS = {"follow_links": NO_SWITCHES, "keep_aspect_ratio": NO_SWITCHES}
ARRAYS = {
    "ignore_class_split": NO_SWITCHES,
    "x": (None, "abc", np.zeros((8, 6, 6)), np.full((8, 6, 6, 3), np.nan)),
    "y": ("abc", np.zeros(3), NAN),
    "sample_weight": (1.0, np.zeros(3), NAN),
}
FRAMES = {
    "x_col": ("other", 5, "w"),
    "y_col": ("other", None, "w"),
    "weight_col": ("other", "class", "nan"),
    "dataframe": (None, [1, 2]),
    "validate_filenames": NO_SWITCHES,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("classes")
    for name in NAMES:
        (top / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", SIZE).save(top / name)
    return top


def flow(folder, generator, **options):
    images = np.zeros((8, *SIZE, 3), np.uint8)
    return generator.flow(**{"x": images, "y": np.arange(8) % 2} | options)


def flow_from_directory(folder, generator, **options):
    options = {"directory": folder, "target_size": SIZE} | options
    return generator.flow_from_directory(**options)


def flow_from_dataframe(folder, generator, **options):
    options = {"dataframe": TABLE, "directory": folder, "target_size": SIZE} | options
    return generator.flow_from_dataframe(**options)


ROWS = [
    (iterate, {"save_to_dir": "."} if name == "save_format" else {}, name, value)
    for iterate, table in (
        (flow, WALK | ARRAYS),
        (flow_from_directory, WALK | FILES | FOLDERS),
        (flow_from_dataframe, WALK | FILES | FRAMES),
    )
    for name, values in table.items()
    for value in values
]


@pytest.mark.parametrize(
    "iterate", [None, flow, flow_from_directory, flow_from_dataframe]
)
def test_every_option_has_its_rows(iterate):
    if iterate is None:
        taken, tried = ImageDataGenerator, GENERATOR
    else:
        taken = getattr(ImageDataGenerator, iterate.__name__)
        tried = {name for one, _, name, _ in ROWS if one is iterate}
    # Keyword arguments that Keras has retired have a test of their own.
    assert set(inspect.signature(taken).parameters) - {"self", "kwargs"} == set(tried)


@pytest.mark.parametrize(("iterate", "others", "name", "value"), ROWS)
def test_wrong_options_of_iterators(folder, iterate, others, name, value):
    with pytest.raises(DataError, match=r"\.$"):
        next(iterate(folder, ImageDataGenerator(), **others, **{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in GENERATOR.items() for value in values],
)
def test_wrong_options_of_the_generator(name, value):
    with pytest.raises(DataError, match=rf"`{name}` to be .* Received: .*\.$"):
        ImageDataGenerator(**{name: value})


@pytest.mark.parametrize("mode", ["raw", "multi_output"])
def test_targets_that_are_not_finite(folder, mode):
    options = {"class_mode": mode, "y_col": ["w", "nan"]}
    with pytest.raises(DataError, match=r"in 1 rows, first in row 2"):
        flow_from_dataframe(folder, ImageDataGenerator(), **options)
    generator = ImageDataGenerator(compat="keras")
    _, targets = next(flow_from_dataframe(folder, generator, **options))
    assert np.isnan(np.array(targets)).sum() == 1


RESULTS = {
    "None": lambda image: None,
    "text": lambda image: "image",
    "smaller": lambda image: image[:3],
    "one_channel": lambda image: image[..., :1],
    "number": lambda image: image.sum(),
    "batch": lambda image: image[None],
}


@pytest.mark.parametrize("iterate", [flow, flow_from_directory, flow_from_dataframe])
@pytest.mark.parametrize("result", RESULTS)
def test_preprocessing_must_return_an_image(folder, iterate, result):
    generator = ImageDataGenerator(preprocessing_function=RESULTS[result])
    with pytest.raises(DataError, match=r"`preprocessing_function` to .* \(6, 6, 3\)"):
        next(iterate(folder, generator))


@pytest.mark.parametrize(
    ("dtype", "option"),
    itertools.product(
        ("uint8", "int32"),
        (
            {"rescale": 1 / 255},
            {"samplewise_center": True},
            {"samplewise_std_normalization": True},
            {"featurewise_center": True},
            {"featurewise_std_normalization": True},
            {"zca_whitening": True},
        ),
    ),
)
def test_whole_numbers_hold_no_fractions(dtype, option):
    (name,) = option
    with pytest.raises(
        DataError, match=f"the fractions that `{name}` gives. Received: dtype="
    ):
        ImageDataGenerator(dtype=dtype, **option)
    assert ImageDataGenerator(dtype="float16", **option)
    assert ImageDataGenerator(dtype=dtype, compat="keras", **option)


def test_whole_factors_fit_whole_numbers():
    flow = ImageDataGenerator(dtype="uint8", rescale=2).flow(np.ones((1, 2, 2, 1)))
    assert np.all(next(flow) == 2)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("ending", ["png", "jpeg", "jpg", "bmp", "gif", "webp", "tiff"])
def test_what_can_be_saved_is_saved(tmp_path, ending, channels):
    image = Image.new({1: "L", 3: "RGB", 4: "RGBA"}[channels], (1, 1))
    options = {"save_to_dir": tmp_path, "save_format": ending}
    images = np.zeros((1, *SIZE, channels))
    try:
        image.save(tmp_path / f"x.{ending}")
    except OSError:
        with pytest.raises(DataError, match=f"`save_format` .* {channels} channels"):
            ImageDataGenerator().flow(images, **options)
    else:
        next(ImageDataGenerator().flow(images, **options))
        assert len(list(tmp_path.glob(f"_0_*.{ending}"))) == 1


@pytest.mark.parametrize(
    ("iterate", "options"),
    [
        (flow, {"subset": None}),
        (flow_from_directory, {"class_mode": "sparse", "color_mode": "grayscale"}),
        (flow_from_dataframe, {"class_mode": None, "interpolation": "box"}),
    ],
)
def test_the_repr_says_what_an_iterator_is(folder, iterate, options):
    walk = {"batch_size": 3, "seed": 7, "shuffle": False, **options}
    batches = iterate(folder, ImageDataGenerator(dtype="float16"), **walk)
    text = repr(batches)
    assert text.startswith(f"<{type(batches).__name__}: 8 images in 3 batches of 3, ")
    for name in walk.keys() - {"batch_size"}:
        assert f"{name}={walk[name]!r}" in text
    assert "dtype='float16'" in text
    assert len(text) < 250
