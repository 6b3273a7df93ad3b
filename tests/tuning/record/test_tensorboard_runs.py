"""Names of the runs that TensorBoard finds in the folder a search names."""

import pathlib

import pytest
from tensorboard.backend.event_processing import io_wrapper

from kerasnorm.callbacks.event_files_tf import EventFile
from tests.tuning.conftest import StandIn, make_plan
from tuning.plan import SearchDirectory
from tuning.record import hparams_tf
from tuning.record.tensorboard_runs import logdir

# The fixture `begin` puts something else there.
write_session = hparams_tf.write_session
PLANS = {
    "random": make_plan(trials=2),
    "promoted": make_plan(algorithm="hyperband", trials=12),
}


class WithCurves(StandIn):
    """Leaves the two event files of a training, too."""

    def __call__(self, settings, hooks):
        found = super().__call__(settings, hooks)
        for split in ("train", "validation"):
            EventFile(found.directory / "tensorboard" / split).close()
        return found


def names(folder):
    """Return the names that TensorBoard gives to the runs below a folder."""
    return {
        pathlib.Path(path).relative_to(folder).as_posix()
        for path in io_wrapper.GetLogdirSubdirectories(str(folder))
    }


def expected(directory):
    trials = [path.stem for path in (directory.path / "trials").iterdir()]
    parts = ("", "/train", "/validation")
    return {f"trial_{trial}{part}" for trial in trials for part in parts}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_runs_are_trials_and_their_parts(plan, begin, tmp_path, monkeypatch):
    search = begin(plan, WithCurves())
    monkeypatch.setattr(hparams_tf, "write_session", write_session)
    search.search()
    directory = SearchDirectory(tmp_path)
    assert len(expected(directory)) >= 6
    assert names(logdir(directory)) == expected(directory)
    # A search may be moved as a whole.
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-moved")
    moved = SearchDirectory(tmp_path.rename(elsewhere))
    assert names(logdir(moved)) == expected(moved)
    tmp_path.mkdir()


def test_a_search_that_goes_on_keeps_its_names(begin, tmp_path):
    begin(make_plan(trials=2), WithCurves()).search()
    directory = SearchDirectory(tmp_path)
    before = names(logdir(directory))
    begin(make_plan(trials=3), WithCurves()).search()
    after = names(logdir(directory))
    assert before < after and len(after) == 6


def test_without_links_the_search_directory_itself_is_named(
    begin, tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(pathlib.Path, "symlink_to", refuse)
    begin(make_plan(trials=2), WithCurves()).search()
    assert logdir(SearchDirectory(tmp_path)) == tmp_path
    assert len(names(tmp_path)) == 4


def test_curves_and_sessions_lie_apart(begin, tmp_path, monkeypatch):
    search = begin(make_plan(trials=1), WithCurves())
    monkeypatch.setattr(hparams_tf, "write_session", write_session)
    search.search()
    (run,) = (tmp_path / "cats_dogs").iterdir()
    assert names(run / "tensorboard") == {"train", "validation"}
