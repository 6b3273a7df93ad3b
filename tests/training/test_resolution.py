"""Trainings on images of other sizes resume, and leave a model of one size."""

import os
import signal

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from kerasnorm.training import Settings, build, run  # noqa: E402
from kerasnorm.training.commands.inference import evaluate_run  # noqa: E402
from kerasnorm.training.inputs.loading import load_data  # noqa: E402
from kerasnorm.training.loop import interruption, progress  # noqa: E402
from kerasnorm.training.settings import resolution  # noqa: E402
from tests.training import torture, torture_compare  # noqa: E402

SIDE = 48


def make_settings(folder, **changes):
    torture.draw_images(folder / "data")
    kept = {"image_size": SIDE, "batch_size": 16, "preflight": False, "examine": False}
    return Settings(
        app="test",
        data=str(folder / "data"),
        runs=str(folder / "runs"),
        quiet=True,
        **kept | changes,
    )


def test_sides_grow_to_the_full_one():
    sides = [resolution.side_at(fraction / 100, 80) for fraction in range(101)]
    assert sides == sorted(sides)
    assert (sides[0], sides[50], sides[100]) == (48, 64, 80)
    assert resolution.side_at(0.0, 16) == 16
    assert [resolution.side_at(fraction, 48) for fraction in (0, 0.5, 1)] == [
        32,
        40,
        48,
    ]
    assert all(resolution.side_at(0.9, side) == side for side in (17, 100))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "sizes",
    [
        {"progressive_resizing": True},
        {"train_size": 32, "crop_area": 0.5},
        {"progressive_resizing": True, "center_crop": 0.7},
    ],
)
def test_a_run_of_several_sizes_resumes_as_if_nothing_had_been(
    sizes, tmp_path, monkeypatch
):
    monkeypatch.setattr(build, "build_model", torture.tiny_model)
    settings = make_settings(tmp_path, epochs=3, **sizes)
    whole = run(settings.replace(name="whole")).directory
    assert keras.saving.load_model(whole / "model.keras").input_shape == (
        None,
        SIDE,
        SIDE,
        3,
    )
    calls = []

    def interrupt(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(progress.ProgressLines, "on_train_batch_end", interrupt)
        with pytest.raises(interruption.Interrupted):
            run(settings.replace(name="broken"))
    broken = str(tmp_path / "runs" / "test" / "broken")
    again = run(settings.replace(name="broken", resume=broken)).directory
    for one, other in zip(
        torture_compare.history(whole), torture_compare.history(again), strict=True
    ):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)


@pytest.mark.parametrize(
    "sizes", [{}, {"progressive_resizing": True}, {"train_size": 49}]
)
def test_history_report_and_model_judge_by_the_same_middle(sizes, tmp_path):
    # The odd side leaves unequal margins: 8 before the middle and 9 behind it.
    settings = make_settings(
        tmp_path, epochs=1, image_size=49, center_crop=0.7, width=8, stages=2, **sizes
    )
    finished = run(settings)
    (row,) = torture_compare.history(finished.directory)
    assert float(row["val_loss"]) == pytest.approx(
        finished.report["validation_loss"], rel=1e-5
    )
    again = evaluate_run(finished.directory)
    assert again["loss"] == pytest.approx(finished.report["validation_loss"], rel=1e-5)

    model = keras.saving.load_model(finished.directory / "model.keras")
    images = load_data(settings).validation.images.astype("float32")
    assert settings.eval_size == 32
    outside = images.copy()
    outside[:, :8] = outside[:, -9:] = 0
    outside[:, :, :8] = outside[:, :, -9:] = 255
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), model.predict(outside, verbose=0)
    )
    inside = images.copy()
    inside[:, 8:12] = 0
    assert not np.allclose(
        model.predict(images, verbose=0), model.predict(inside, verbose=0), atol=1e-6
    )
