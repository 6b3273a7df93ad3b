"""Trainings on pictures of other sizes resume, and leave a model of one size."""

import os
import signal

import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from kerasnorm.training import (  # noqa: E402
    Settings,
    assemble,
    interruption,
    progress,
    resolution,
    run,
)
from tests.training import torture, torture_compare  # noqa: E402


def test_sides_grow_to_the_full_one():
    sides = [resolution.side_at(share / 100, 80) for share in range(101)]
    assert sides == sorted(sides)
    assert (sides[0], sides[50], sides[100]) == (48, 64, 80)
    assert resolution.side_at(0.0, 16) == 16
    assert [resolution.side_at(share, 48) for share in (0, 0.5, 1)] == [32, 40, 48]
    assert all(resolution.side_at(0.9, side) == side for side in (17, 100))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "sizes", [{"progressive": True}, {"train_size": 32, "crop_area": 0.5}]
)
def test_a_run_of_several_sizes_resumes_as_if_nothing_had_been(
    sizes, tmp_path, monkeypatch
):
    monkeypatch.setattr(assemble, "build_model", torture.tiny_model)
    torture.draw_pictures(tmp_path / "data")
    settings = Settings(
        app="test",
        data=str(tmp_path / "data"),
        runs=str(tmp_path / "runs"),
        image_size=48,
        batch_size=16,
        epochs=3,
        **sizes,
        quiet=True,
        examine=False,
        preflight=False,
    )
    whole = run(settings.replace(name="whole")).directory
    assert keras.saving.load_model(whole / "model.keras").input_shape == (
        None,
        48,
        48,
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
