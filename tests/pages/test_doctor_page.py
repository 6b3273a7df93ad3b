"""The doctor's page in a browser: figures of both splits, direction of each part."""

import itertools

import pytest

from kerasnorm.doctor import Examination, Finding
from kerasnorm.doctor.cells import CELLS, PARTS
from kerasnorm.doctor.loss_matrix.budget import GapBudget
from kerasnorm.training.report.html_file import write_report
from tests.training.report_samples import make_record

pytestmark = [pytest.mark.thorough, pytest.mark.browser]
DIRECTIONS = {1: "→ worse", -1: "← better", 0: "no change"}
LONG = "a/very/long/path/" * 20 + "x" * 200
# Every sign of two parts, and losses of all sizes.
ROWS = list(itertools.product(DIRECTIONS, DIRECTIONS, [0.05, 0.5, 400.0]))


def make_budget(first, second, size):
    values = dict(
        zip(PARTS, (first * size, second * size / 3, size / 2, 0.0), strict=True)
    )
    around = {n: (v - size / 4, v + size / 4) for n, v in values.items()}
    start = 2 * size
    return GapBudget(
        values, {**around, "gap": (0.0, 1.0)}, start, start + sum(values.values())
    )


def make_examination(budget=None, text="short"):
    scores = {
        cell: {"accuracy": 0.7, "hard_label_loss": 0.4, "confidence": 0.8}
        for cell in CELLS
    }
    evidence = {"training_accuracy": 0.123, "interval": [-0.1, 0.2], "layer": text}
    finding = Finding("overfitting", "error", text, evidence, text)
    return Examination(
        (finding,) * 2,
        budget or make_budget(1, -1, 0.5),
        dict.fromkeys(CELLS, 0.6),
        {"scores": scores},
        (text,),
        3.0,
        "12.0 points remain.",
        {"file": f"{text}.keras", "date": "2026-01-02", "versions": "kerasnorm 0"},
    )


def save(examination, tmp_path):
    file = tmp_path / "doctor.html"
    file.write_text(examination.to_html(), encoding="utf-8")
    return file


def test_every_part_says_and_shows_its_direction(window, tmp_path):
    for first, second, size in ROWS:
        budget = make_budget(first, second, size)
        page = window.show(save(make_examination(budget), tmp_path)).page
        window.check()
        said = page.locator(".kn-value").all_inner_texts()[1:-1]
        signs = [(value > 0) - (value < 0) for value in budget.values()]
        assert len(said) == len(signs)
        assert all(DIRECTIONS[s] in text for s, text in zip(signs, said, strict=True))
        # A bar that is better ends left of where the one before it ended.
        boxes = [bar.bounding_box() for bar in page.locator(".kn-bar").all()]
        end = boxes[0]["x"] + boxes[0]["width"]
        for sign, box in zip(signs, boxes[1:-1], strict=True):
            left, right = box["x"], box["x"] + box["width"]
            if sign:
                assert (left if sign > 0 else right) == pytest.approx(end, abs=2)
            if box["width"] > 10:
                end = right if sign > 0 else left
            elif sign:
                break
        # On a phone the bars have the whole width.
        if window.width < 500:
            track = page.locator(".kn-track").first.bounding_box()
            assert track["width"] > 0.85 * window.width


@pytest.mark.parametrize("text", ["short", LONG, "<script>alert(1)</script>"])
def test_the_page_says_what_was_examined_on_both_splits(window, tmp_path, text):
    page = window.show(save(make_examination(text=text), tmp_path)).page
    window.check()
    facts = page.locator(".kn-facts dt").all_inner_texts()
    assert facts == ["file", "date", "versions"]
    table = page.locator(".kn-splits").first
    rows = [" ".join(t.split()) for t in table.locator("tr").all_inner_texts()]
    assert rows[0] == "training validation difference"
    assert rows.count("loss 0.6000 0.6000 0.0000") == 2
    assert rows.count("accuracy 70.0% 70.0% 0.0 points") == 2
    assert "12.0 points remain." in page.inner_text("body")


def test_the_budget_can_be_read_in_the_report_of_a_run(window, tmp_path):
    fragment = make_examination().to_html(fragment=True)
    record = make_record(examination_html=fragment)
    page = window.show(write_report(record, tmp_path)).page
    window.check()
    sizes = page.evaluate(
        "[...document.querySelectorAll('.kn-part, .kn-part *')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
