import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow")

from kerasnorm import command_line
from kerasnorm.layers import GroupNorm
from kerasnorm.surgery import find_norms


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """File of a tiny compiled network with one batch norm."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(6, 3, use_bias=False),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy")
    file = tmp_path_factory.mktemp("models") / "model.keras"
    model.save(file)
    return file


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Folder of 5 red and 5 blue images."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for kind, channel in (("red", 0), ("blue", 2)):
        (folder / kind).mkdir()
        for number in range(5):
            pixels = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    return folder


def call(capsys, *words):
    status = command_line.main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def infer(file, x):
    model = keras.saving.load_model(file)
    return keras.ops.convert_to_numpy(model(x, training=False)), model


def images():
    return np.random.default_rng(1).uniform(0, 255, (4, 16, 16, 3)).astype("float32")


def test_swap_writes_a_new_model_and_says_what_it_did(capsys, saved, tmp_path):
    output = tmp_path / "group.keras"
    before = saved.read_bytes()
    status, out, _ = call(capsys, "swap", saved, output, "--to", "group", "--groups", 2)
    assert status == 0
    assert "bn: batch -> group, 6 channels" in out
    assert out.splitlines()[-1] == str(output)
    norm = keras.saving.load_model(output).get_layer("bn")
    assert isinstance(norm, GroupNorm)
    assert norm.groups == 2
    assert "Train the new model before you use it" in out
    assert saved.read_bytes() == before


@pytest.mark.thorough
def test_swap_to_none_takes_its_scales_from_images(capsys, saved, photos, tmp_path):
    outputs = {}
    for name, flags in {"images": ["--data", photos], "nothing": []}.items():
        output = tmp_path / f"{name}.keras"
        status, _, err = call(capsys, "swap", saved, output, "--to", "none", *flags)
        assert status == 0, err
        outputs[name], model = infer(output, images())
        assert not find_norms(model)
    assert not np.allclose(outputs["images"], outputs["nothing"], atol=1e-3)


def test_fold_keeps_what_the_model_predicts(capsys, saved, tmp_path):
    status, out, _ = call(capsys, "fold", saved, tmp_path / "folded.keras")
    assert status == 0
    assert "1 norms folded, 0 left; on noise" in out
    expected, _ = infer(saved, images())
    folded, model = infer(tmp_path / "folded.keras", images())
    assert not find_norms(model)
    np.testing.assert_allclose(folded, expected, atol=1e-5)


def test_recalibrate_takes_the_moments_of_all_images(capsys, saved, photos, tmp_path):
    output = tmp_path / "new.keras"
    flags = ["--data", photos, "--batch-size", 5]
    assert call(capsys, "recalibrate", saved, output, *flags)[0] == 0
    model = keras.saving.load_model(output)
    files = sorted(photos.glob("*/*.png"))
    x = np.stack([np.asarray(Image.open(file)) for file in files]).astype("float32")
    features = keras.ops.convert_to_numpy(model.layers[0](x))
    norm = model.get_layer("bn")
    np.testing.assert_allclose(norm.moving_mean, features.mean((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, features.var((0, 1, 2)), rtol=1e-3)


@pytest.fixture(scope="module")
def normless(tmp_path_factory):
    """File of a network with code inside and without a batch norm."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Lambda(lambda x: x / 255),
            keras.layers.LayerNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy")
    file = tmp_path_factory.mktemp("models") / "model.keras"
    model.save(file)
    return file


COMMANDS = {
    "swap": ["--to", "group"],
    "fold": [],
    "recalibrate": ["--data", "{photos}"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_code_inside_a_model_runs_only_if_trusted(
    capsys, normless, photos, tmp_path, name
):
    output = tmp_path / "new.keras"
    flags = [flag.format(photos=photos) for flag in COMMANDS[name]]
    status, _, err = call(capsys, name, normless, output, *flags)
    assert status == 1 and "if you trust its source, add --trust" in err
    status, out, err = call(capsys, name, normless, output, *flags, "--trust")
    if name == "swap":
        assert status == 0 and "layer_channels -> group, 3 channels" in out
    else:
        assert status == 1 and "batch norm" in err and not output.exists()


def test_doctor_prints_the_examination_as_json(capsys, saved, photos):
    flags = ["--train", photos, "--validation", photos, "--json"]
    status, out, _ = call(capsys, "doctor", saved, *flags)
    assert status == 0
    assert {"verdict", "findings", "budget"} <= set(json.loads(out))


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (
            ["heal"],
            2,
            "expected a command, one of train, evaluate, predict, search",
        ),
        (["swap", "{saved}", "new.keras", "--to", "grup"], 2, "'grup'"),
        (["swap", "{saved}", "new.h5", "--to", "group"], 2, "ends in .keras"),
        (["swap", "{saved}", "{saved}", "--to", "group"], 2, "a new file"),
        (["fold", "missing.keras", "new.keras"], 2, "missing.keras"),
        (["recalibrate", "{saved}", "new.keras", "--data", "nowhere"], 2, "nowhere"),
        (["doctor", "nowhere"], 2, "nowhere"),
        (
            ["recalibrate", "{saved}", "n.keras", "--data", ".", "--samples", "-5"],
            2,
            "--samples 1 or more, received -5",
        ),
        (
            ["recalibrate", "{saved}", "n.keras", "--data", ".", "--batch-size", "0"],
            2,
            "--batch-size 1 or more, received 0",
        ),
        (["swap", "{saved}", "n.keras", "--to", "group", "--groups", "0"], 2, "groups"),
        (["fold", "{saved}", "none/n.keras"], 2, "none/n.keras"),
        (["fold", "s3://bucket/m.keras", "n.keras"], 2, "s3://bucket/m.keras"),
        (["doctor", "{saved}", "--fail-on", "panic"], 2, "'panic'"),
        (["doctor", "{saved}", "--html", "none/page.html"], 2, "none/page.html"),
    ],
)
def test_wrong_use_is_one_sentence(
    capsys, saved, tmp_path, monkeypatch, words, status, message
):
    monkeypatch.chdir(tmp_path)
    found = call(capsys, *[word.format(saved=saved) for word in words])
    assert found[0] == status
    assert message in found[2]
    assert len(found[2].strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command_and_without_words_prints_help(capsys):
    for words in ([], ["--help"]):
        assert call(capsys, *words)[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "kerasnorm"], capture_output=True, text=True, check=True
    )
    assert "commands:" in done.stdout
