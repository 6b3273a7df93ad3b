"""Files whose label is wrong come first in the list of suspects."""

import csv

import numpy as np
import pytest
from PIL import Image

from kerasnorm.command_line import main
from kerasnorm.data import DataError
from kerasnorm.models.weights import published
from kerasnorm.training.commands import suspect_labels

FILES, WRONG = 60, 4
CLASSES = ("rows", "stripes")


def image(kind, seed):
    """Return stripes across or along, of a drawn width, place, colour and noise."""
    draw = np.random.default_rng(seed)
    phase, width = draw.uniform(0, 6), draw.uniform(2, 4)
    wave = np.sin(np.arange(64) / width + phase)[:, None] * np.ones(64)
    wave = wave if kind == "rows" else wave.T
    colour = draw.uniform(30, 90, 3)
    values = 128 + wave[..., None] * colour + draw.normal(0, 40, (64, 64, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Two classes in two parts, in each of which some files lie in the wrong folder."""
    for part, offset in (("train", 0), ("validation", 1000)):
        for number, kind in enumerate(CLASSES):
            place = tmp_path / "data" / part / kind
            place.mkdir(parents=True)
            for seed in range(FILES // 2):
                is_wrong = part == "train" and seed < WRONG
                shown = CLASSES[1 - number] if is_wrong else kind
                name = f"{'wrong' if is_wrong else 'right'}{seed}.png"
                image(shown, offset + 100 * number + seed).save(place / name)
    return tmp_path / "data"


JUDGES = [
    pytest.param(False, id="kernel"),
    pytest.param(
        True,
        id="network",
        marks=[
            pytest.mark.thorough,
            pytest.mark.skipif(
                not published.is_installed(suspect_labels.NETWORK),
                reason="kerasnorm[pretrained] is not installed",
            ),
        ],
    ),
]


@pytest.mark.parametrize("is_pretrained", JUDGES)
def test_wrong_labels_come_first(folder, tmp_path, monkeypatch, capsys, is_pretrained):
    if not is_pretrained:
        monkeypatch.setattr(published, "is_installed", lambda name: False)
    file = tmp_path / "suspects.csv"
    words = ["scan", str(folder), "--suspect-labels", str(file), "--quiet"]
    assert main(words) == 0
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == suspect_labels.COLUMNS
    first = rows[: 2 * WRONG]
    assert all("wrong" in row["path"] for row in first)
    assert all({row["label"], row["suggested"]} == set(CLASSES) for row in rows)
    assert all(f"/{row['label']}/" in row["path"] for row in rows)
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True) and 0 < scores[-1] <= scores[0] <= 1
    assert f"{len(rows)} of {2 * FILES} labels are doubtful" in capsys.readouterr().err


def test_a_class_of_one_image_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "is_installed", lambda name: False)
    for kind, count in zip(CLASSES, (1, 5), strict=True):
        (tmp_path / kind).mkdir()
        for seed in range(count):
            image(kind, seed).save(tmp_path / kind / f"{seed}.png")
    with pytest.raises(DataError, match="two images of every class"):
        suspect_labels.find_suspects(tmp_path)


def test_many_images_are_judged_in_parts(folder, monkeypatch):
    monkeypatch.setattr(published, "is_installed", lambda name: False)
    monkeypatch.setattr(suspect_labels, "KERNEL_IMAGES", 50)
    suspects, _ = suspect_labels.find_suspects(folder)
    assert all("wrong" in suspect.path for suspect in suspects[: 2 * WRONG])
