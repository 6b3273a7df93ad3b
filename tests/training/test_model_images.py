"""Files of images in the form that a model file expects."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")

from kerasnorm import command_line
from kerasnorm.data import index_directory, load_images
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.doctor.inputs_of_model import choose_resizing
from kerasnorm.training.commands import model_images
from kerasnorm.training.commands.model_images import Decoding, ImageBatches
from kerasnorm.training.commands.model_recalibration import recalibrate_model
from kerasnorm.training.settings.errors import UsageError

L = keras.layers
SHAPES = {
    "gray": ((12, 16, 1), -1),
    "rgb": ((12, 16, 3), -1),
    "rgba": ((12, 16, 4), -1),
    "channels first": ((3, 12, 16), 1),
    "gray first": ((1, 12, 16), 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of reddish and bluish images of another size than the models'."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        (root / name).mkdir()
        for number in range(24):
            pixels = generator.integers(0, 120, (30, 40, 3), dtype=np.uint8)
            pixels[..., channel] += 110
            Image.fromarray(pixels).save(root / name / f"{number:02d}.png")
    return root


def index_of(folder):
    files = sorted(folder.rglob("*.png"))
    labels = [int(file.parent.name == "red") for file in files]
    return ImageIndex(tuple(map(str, files)), np.array(labels), ("blue", "red"))


def network(shape, axis=-1):
    pool = L.GlobalAveragePooling2D(
        data_format="channels_first" if axis == 1 else "channels_last"
    )
    model = keras.Sequential(
        [
            keras.Input(shape),
            L.BatchNormalization(axis=axis, name="norm"),
            pool,
            L.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    return model


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/255", (1 / 255, 0)),
        ("1/127.5,-1", (1 / 127.5, -1)),
        ("0.5, 1/4", (0.5, 0.25)),
        ("2", (2, 0)),
    ],
)
def test_rescale_takes_numbers_and_fractions(text, expected):
    assert model_images.parse_rescale(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "a", "0", "1/0", "1,2,3", "nan", "1/2/3"])
def test_rescale_refuses_what_is_no_factor(text):
    with pytest.raises(UsageError, match=r"1/127\.5,-1"):
        model_images.parse_rescale(text)


@pytest.mark.parametrize("shape", [(None, None, 3), (12, 16, 5), (7,), (4, 12, 16, 3)])
def test_models_of_other_inputs_are_refused_in_a_sentence(shape):
    model = keras.Sequential([keras.Input(shape), L.Flatten()])
    with pytest.raises(ValueError, match="gray, RGB or RGBA"):
        model_images.find_image_input(model)


@pytest.mark.parametrize("kind", SHAPES)
def test_batches_have_the_shape_of_the_model(folder, kind):
    shape, axis = SHAPES[kind]
    model = network(shape, axis)
    batches = ImageBatches(model, index_of(folder), Decoding(), 20)
    x, y = batches[2]
    assert len(batches) == 3 and x.shape == (8, *shape) and y.tolist() == [1] * 8
    image = Image.open(folder / "red" / "23.png").resize((16, 12), 2)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[x.shape[axis]]
    channels = np.asarray(image.convert(mode), "float32").reshape(12, 16, -1)
    np.testing.assert_allclose(np.moveaxis(x, axis, -1)[-1], channels, atol=2)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
def test_other_interpolations_are_those_of_keras(folder, interpolation):
    expected = keras.utils.image_dataset_from_directory(
        folder,
        image_size=(12, 16),
        shuffle=False,
        batch_size=48,
        interpolation=interpolation,
        verbose=False,
    )
    x, y = next(iter(expected))
    model = network((12, 16, 3))
    ours = ImageBatches(model, index_of(folder), Decoding(interpolation), 48)[0]
    np.testing.assert_allclose(ours[0], x, atol=1e-3)
    np.testing.assert_array_equal(ours[1], y)


def test_preprocessing_is_that_of_keras(folder):
    model, index = network((3, 12, 16), 1), index_of(folder)
    plain, prepared = (
        ImageBatches(model, index, Decoding(preprocessing=name), 8)[0][0]
        for name in (None, "resnet50")
    )
    expected = keras.applications.resnet50.preprocess_input(
        plain.copy(), data_format="channels_first"
    )
    np.testing.assert_allclose(prepared, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"preprocessing": "nothing"}, "mobilenet_v2"),
        ({"preprocessing": "resnet50", "rescale": (1.0, 0.0)}, "both"),
    ],
)
def test_what_cannot_be_prepared_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        Decoding(**given)


@pytest.mark.parametrize("force", [False, True])
def test_a_model_that_becomes_worse_is_refused_unless_forced(folder, force):
    model = network((12, 16, 3))
    norm, head = model.get_layer("norm"), model.layers[-1]
    norm.moving_mean.assign([115.0, 60.0, 115.0])
    norm.moving_variance.assign([1000.0] * 3)
    head.set_weights([np.array([[0, 1], [0, 0], [1, 0]]), np.zeros(2)])
    files = index_of(folder)
    # With statistics of one class alone no class can be told.
    blue = ImageIndex(files.paths[:24], files.labels[:24], files.class_names)
    batches = ImageBatches(model, blue, Decoding(), 8, seed=0)
    if force:
        assert "accuracy 100.0% to" in recalibrate_model(model, batches, force)
        return
    with pytest.raises(ValueError, match=r"nothing was written.*--rescale.*--force"):
        recalibrate_model(model, batches, force)


def test_the_resizing_that_a_model_knows_is_found(tmp_path):
    # Two of four columns are bright, those that resizing without antialiasing looks at
    # or the others: antialiased, both are the same gray.
    generator = np.random.default_rng(0)
    files = []
    for number in range(128):
        pixels = generator.integers(0, 40, (48, 48, 3), dtype=np.uint8)
        column = np.arange(48) % 4
        pixels[:, np.isin(column, [1, 2] if number % 2 else [0, 3])] += 200
        files.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(files[-1])
    index = ImageIndex(tuple(files), np.arange(128) % 2, ("blue", "red"))
    pool, head = L.GlobalAveragePooling2D(), L.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((12, 12, 3)), pool, head])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    head.set_weights([np.array([[-0.01, 0.01]] * 3), np.array([3.6, -3.6])])
    given, *others = (
        ImageBatches(model, index, Decoding(name), 32, seed=0)
        for name in ("antialiased", "bilinear", "nearest")
    )
    named = dict(zip(("bilinear", "nearest"), others, strict=True))
    name, before, after = choose_resizing(model, given, named)
    assert name in named and before > 0.6 and after < 0.2
    assert choose_resizing(model, named[name], {"antialiased": given}) is None


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["gray", "channels first"])
def test_recalibrate_takes_models_of_all_channels(folder, tmp_path, capsys, kind):
    file, new = tmp_path / "model.keras", tmp_path / "new.keras"
    network(*SHAPES[kind]).save(file)
    data = ("--data", folder, "--rescale", "1/255", "--force")
    assert run("recalibrate", file, new, *data) == 0
    said = capsys.readouterr()
    assert "0.00392157 + 0" in said.err and "loss" in said.out and new.exists()


@pytest.mark.thorough
def test_the_doctor_says_how_images_were_decoded(folder, tmp_path, capsys):
    file = tmp_path / "model.keras"
    network(*SHAPES["gray"]).save(file)
    splits = ("--train", folder, "--validation", folder)
    assert run("doctor", file, *splits, "--json", "--rescale", "1/255") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["losses"]["D"] > 0 and "12x16 gray" in found["notes"][0]


@pytest.mark.parametrize("seed", [None, 3])
def test_images_that_trainings_have_kept_are_not_decoded_again(
    folder, tmp_path, monkeypatch, seed
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    index = index_directory(folder)
    model = network((12, 16, 3))
    plain = list(ImageBatches(model, index, Decoding(), 8, seed=seed, samples=20))
    load_images(index.take(range(4, len(index))), (12, 16), cache="disk")
    read = []
    content = model_images.open_content
    monkeypatch.setattr(
        model_images, "open_content", lambda *a: read.append(a[0]) or content(*a)
    )
    batches = ImageBatches(model, index, Decoding(), 8, seed=seed, samples=20)
    for ours, theirs in zip(batches, plain, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    kept = {index.paths[position] for position in range(4, len(index))}
    taken = {index.paths[position] for position in batches.order}
    assert set(read) == taken - kept
