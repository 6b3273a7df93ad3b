import os
import re

import numpy as np
import PIL.Image
import pytest

from kerasnorm.training.report import curves
from tests.marks import thorough
from tests.training.report_samples import make_history

NAN = float("nan")


def lines_of(history, best_epoch, panel):
    """Return {label: (x, y)} of what is drawn in one chart."""
    figure = curves.Figure()
    axes = figure.add_subplot()
    curves._draw(axes, panel, history, best_epoch)
    return axes, {line.get_label(): line.get_data() for line in axes.lines}


def test_image_is_written_and_nothing_is_left_beside_it(tmp_path):
    curves.write_curves(make_history(5), 3, tmp_path / "curves.png")
    assert os.listdir(tmp_path) == ["curves.png"]
    assert PIL.Image.open(tmp_path / "curves.png").size == (1620, 480)


@pytest.mark.parametrize(
    ("history", "best_epoch"),
    [
        ([], None),
        (make_history(1), 1),
        (make_history(4, loss=NAN, val_loss=NAN), None),
        (make_history(4, val_loss=float("inf")), None),
        thorough([{"epoch": 1, "loss": 0.5}], 1),
        thorough(make_history(3, accuracy=None), 2),
        (make_history(300), 280),
    ],
    ids=["none", "one", "nan", "infinite", "bare", "missing", "many"],
)
def test_every_history_can_be_drawn(tmp_path, history, best_epoch):
    curves.write_curves(history, best_epoch, tmp_path / "curves.png")
    assert len(curves.draw_charts(history, best_epoch)) <= len(curves.PANELS)


def test_training_and_validation_are_in_one_chart():
    _, lines = lines_of(make_history(3), 2, curves.PANELS[0])
    np.testing.assert_allclose(lines["training"], [[1, 2, 3], [0.7, 0.35, 0.7 / 3]])
    np.testing.assert_allclose(lines["validation"], [[1, 2, 3], [0.8, 0.4, 0.8 / 3]])


def test_best_epoch_is_marked():
    _, lines = lines_of(make_history(5), 4, curves.PANELS[1])
    assert list(lines["best: 4"][0]) == [4, 4]


def test_values_that_are_not_finite_leave_a_gap_and_a_cross():
    history = make_history(4)
    history[1]["val_loss"], history[2]["val_loss"] = NAN, float("inf")
    _, lines = lines_of(history, 1, curves.PANELS[0])
    np.testing.assert_array_equal(lines["not finite"][0], [2, 3])
    np.testing.assert_array_equal(
        np.isnan(lines["validation"][1]), [False, True, True, False]
    )


@pytest.mark.parametrize(("last", "scale"), [(1.0, "linear"), (1e6, "log")])
def test_exploding_loss_gets_a_logarithmic_axis(last, scale):
    history = make_history(4)
    history[-1]["val_loss"] = last
    axes, _ = lines_of(history, 1, curves.PANELS[0])
    assert axes.get_yscale() == scale


def test_accuracies_are_labelled_in_percent():
    panel = next(panel for panel in curves.PANELS if panel.title == "Accuracy")
    axes, _ = lines_of(make_history(4), 1, panel)
    assert axes.yaxis.get_major_formatter()(0.5) == "50%"


def test_chart_without_its_column_is_left_out():
    history = [{"epoch": 1, "loss": 0.5, "val_loss": 0.6}]
    assert [chart.title for chart in curves.draw_charts(history, 1)] == ["Loss"]


def test_chart_follows_the_colours_of_the_page():
    for chart in curves.draw_charts(make_history(3), 2):
        assert set(re.findall(r"#[0-9a-f]{6}", chart.svg)) <= {"#000000"}
        assert "var(--train)" in chart.svg


def test_charts_say_in_words_what_they_show():
    chart = curves.draw_charts(make_history(2), 1)[0]
    assert 'role="img"' in chart.svg
    assert "training: 0.7 at first, 0.35 at last" in chart.svg


def test_charts_share_no_names_and_are_the_same_for_the_same_run():
    charts = curves.draw_charts(make_history(3), 2)
    names = [set(re.findall(r'id="([^"]*)"', chart.svg)) for chart in charts]
    assert not names[0] & names[1] and not names[1] & names[2]
    assert charts == curves.draw_charts(make_history(3), 2)


def test_drawing_leaves_the_settings_of_matplotlib_alone(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    curves.write_curves(make_history(2), 1, tmp_path / "curves.png")
    curves.draw_charts(make_history(2), 1)
    assert dict(matplotlib.rcParams) == before
