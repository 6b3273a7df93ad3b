"""A study without training: its grid, what is skipped, its rows, figure and page."""

import dataclasses
import functools
import importlib
import pkgutil

import pytest

import apps
from apps import from_scratch_study
from kerasnorm.studies import command, rows
from kerasnorm.studies.data import StudyData
from kerasnorm.studies.study import Cell, Study
from kerasnorm.training.settings import Settings

STUDIES = [
    module.STUDY
    for found in pkgutil.iter_modules(apps.__path__)
    if isinstance(
        getattr(module := importlib.import_module(f"apps.{found.name}"), "STUDY", None),
        Study,
    )
]
SCALES = [(study, scale) for study in STUDIES for scale in study.scales]


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """Drawn data of few images, in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        StudyData, "folder", lambda self, *counts: str(tmp_path / "images")
    )
    monkeypatch.setattr(from_scratch_study, "counts_of", lambda data: (2000, 1000))


def fake_row(cell, accuracy=0.5):
    return {
        "data": cell.data,
        **cell.axes,
        "seed": cell.settings.seed,
        "accuracy": accuracy,
        "seconds": 61.0,
        "hardware": "2 cores",
        "recipe": cell.recipe,
    }


class Trainer:
    """Notes the cells it is asked for, and gives each a row."""

    def __init__(self, fails_at=""):
        self.cells, self.fails_at = [], fails_at

    def __call__(self, cell, folder, results):
        self.cells.append(cell)
        if self.fails_at and self.fails_at in cell.name:
            return False
        rows.add_row(results, fake_row(cell, 0.5 + 0.1 * cell.settings.seed))
        return True


def two_norms(scale, data, seed, rate=1e-3):
    earlier = Cell({"norm": "earlier", "batch": 2}, Settings(seed=seed), data.name)
    return [
        Cell(
            {"norm": norm, "batch": 2},
            Settings(seed=seed, norm=norm, learning_rate=rate, weights="cell"),
            data.name,
            earlier,
        )
        for norm in ("batch", "group")
    ]


STUDY = Study(
    name="two_norms",
    title="Two norms.",
    scales={"tiny": (0, 1)},
    grid=two_norms,
    lines="norm",
    x="batch",
    sentences=lambda table: [f"{len(table)} rows say so."],
)


def run(tmp_path, train, *words, study=STUDY):
    return command.main(study, ("--runs", str(tmp_path / "runs"), *words), train)


@pytest.mark.parametrize(
    ("study", "scale"), SCALES, ids=lambda value: getattr(value, "name", value)
)
def test_cells_of_a_grid_differ_and_can_be_run(study, scale, few_images):
    data, seeds = StudyData("p"), study.scales[scale]
    cells = [cell for seed in seeds for cell in study.grid(scale, data, seed)]
    assert len({cell.name for cell in cells}) == len(cells) > 1
    for cell in cells:
        assert {study.lines, study.x} <= set(cell.axes)
        # Where files lie decides nothing, which data they are does.
        moved = cell.settings.replace(data="elsewhere", runs="others")
        assert dataclasses.replace(cell, settings=moved).recipe == cell.recipe
        assert dataclasses.replace(cell, data="other").recipe != cell.recipe


def test_what_has_a_row_is_not_trained_again(tmp_path, capsys):
    first = Trainer(fails_at="group-2-seed1")
    assert run(tmp_path, first) == 1
    assert "norm group, batch 2, seed 1" in capsys.readouterr().err
    # The network that others start from has no file: this trainer writes none.
    assert [cell.axes["norm"] for cell in first.cells][:2] == ["earlier", "batch"]
    again = Trainer()
    assert run(tmp_path, again) == 0
    assert [cell.axes["norm"] for cell in again.cells] == ["earlier", "group"]
    folder = tmp_path / "runs" / "two_norms" / "tiny"
    assert len(rows.read_rows(folder / "results.csv")) == 6
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == str(folder)
    assert "batch  2      55.0%" in printed
    page = (folder / "report.html").read_text()
    assert "4 rows say so." in page
    assert "data:image/png;base64" in page
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_changed_recipe_is_trained_again(tmp_path):
    assert run(tmp_path, Trainer(), "--seeds", "1") == 0
    other = functools.partial(two_norms, rate=1e-5)
    again = Trainer()
    study = dataclasses.replace(STUDY, grid=other)
    assert run(tmp_path, again, "--seeds", "1", study=study) == 0
    assert [cell.axes["norm"] for cell in again.cells][-1] == "group"
    results = tmp_path / "runs" / "two_norms" / "tiny" / "results.csv"
    assert len(rows.read_rows(results)) == 5


@pytest.mark.parametrize(
    ("head", "tuned", "said"),
    [
        (0.9, 0.95, "Fine-tune everything with --norm-policy frozen"),
        (0.9, 0.85, "Train the classifier alone (--frozen)"),
        (0.5, 0.95, "Compare both starts on your own images"),
    ],
)
def test_sentences_follow_the_rows(head, tuned, said):
    accuracies = {
        from_scratch_study.SCRATCH: 0.6,
        from_scratch_study.FROZEN_HEAD: head,
        "frozen": tuned,
    }
    table = [
        {
            "start": s,
            "images": n,
            "seed": seed,
            "accuracy": a + 0.001 * seed * (s == "frozen"),
        }
        for s, a in accuracies.items()
        for n in (100, 500)
        for seed in (0, 1)
    ]
    assert any(one.startswith(said) for one in from_scratch_study.sentences(table))


def test_missing_data_are_said_in_one_sentence(tmp_path, capsys):
    words = ("--data", "cifar10:nothing.npz")
    assert run(tmp_path, Trainer(), *words, study=from_scratch_study.STUDY) == 2
    assert "which does not exist" in capsys.readouterr().err


def test_differences_are_of_pairs():
    table = [
        {"kind": kind, "seed": seed, "accuracy": value}
        for kind, seed, value in (
            ("a", 0, 0.5),
            ("b", 0, 0.4),
            ("a", 1, 0.7),
            ("b", 1, 0.5),
            ("a", 2, 0.9),
        )
    ]
    found = rows.differences(table, lambda row: row["kind"] == "a", ("seed",))
    assert found == pytest.approx([0.1, 0.2])
    # Of scipy: stats.t.interval(0.95, 1, 0.15, 0.05).
    assert rows.interval(found) == pytest.approx((0.15, -0.4853, 0.7853), abs=1e-4)
