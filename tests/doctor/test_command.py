"""`kerasnorm doctor` on model files and folders of images."""

import json
import re

import keras
import numpy as np
import pytest

from kerasnorm.command_line import main

pytest.importorskip("tensorflow")
L = keras.layers
FORMS = {
    "sparse_categorical_crossentropy": (2, "softmax"),
    "categorical_crossentropy": (2, "softmax"),
    "binary_crossentropy": (1, "sigmoid"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from PIL import Image

    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split in ("train", "validation"):
        for number in range(16):
            folder = root / split / ("dark" if number % 2 else "light")
            folder.mkdir(parents=True, exist_ok=True)
            low = 0 if number % 2 else 128
            values = generator.integers(low, low + 127, (12, 12, 3))
            Image.fromarray(values.astype("uint8")).save(folder / f"{number}.png")
    return [
        ["--train", str(root / "train")],
        ["--validation", str(root / "validation")],
    ]


def saved(folder, loss, *, variance=1.0):
    outputs, activation = FORMS[loss]
    norm = L.BatchNormalization()
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            L.Rescaling(1 / 255),
            norm,
            L.GlobalAveragePooling2D(),
            L.Dense(outputs, activation=activation),
        ]
    )
    model.compile("sgd", loss, jit_compile=False)
    norm.moving_variance.assign([variance] * 3)
    model.save(folder / "model.keras")
    return str(folder / "model.keras")


def call(capsys, *words):
    status = main(["doctor", *words])
    return status, capsys.readouterr().out


@pytest.mark.thorough
@pytest.mark.parametrize("loss", FORMS)
def test_labels_of_folders_take_the_form_of_the_loss(capsys, tmp_path, folders, loss):
    model = saved(tmp_path, loss)
    status, out = call(capsys, model, *folders[0], *folders[1], "--json")
    found = json.loads(out)
    assert status == 0 and found["losses"]["D"] > 0
    assert "label_mismatch" not in [f["code"] for f in found["findings"]]


def strictly(text):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.thorough
def test_a_proof_of_broken_statistics_is_strict_json(capsys, tmp_path, folders):
    model = saved(tmp_path, "binary_crossentropy", variance=-1.0)
    flags = [*folders[0], *folders[1], "--prove", "--json", "--ci", "--html"]
    status, out = call(capsys, model, *flags, str(tmp_path / "page.html"))
    proof = strictly(out)["proof"]
    assert status == 3 and proof["before"]["verdict"] == "broken_statistics"
    assert proof["before"]["validation_loss"] is proof["gain"] is None
    assert proof["after"]["validation_loss"] > 0
    assert keras.models.load_model(tmp_path / "model.repaired.keras")
    page = (tmp_path / "page.html").read_text()
    before, after = re.findall(r"<td>(?:before|after)</td>.*?</tr>", page, re.DOTALL)
    assert "not a number" in before and "broken_statistics" in before
    assert f"{proof['after']['validation_loss']:.4g}" in after
    assert proof["remedy"] in page and proof["repaired_model"] in page
