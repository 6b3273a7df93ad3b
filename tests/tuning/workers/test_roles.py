"""What a search command starts and what it says in the end, without processes."""

import pytest

from tests.tuning.conftest import StandIn, make_plan
from tuning import search
from tuning.plan import SearchDirectory, write_json
from tuning.record import search_summary
from tuning.workers import roles


@pytest.fixture
def started(monkeypatch):
    """Return what would have been started: the site and the names of the workers."""
    caught = []

    class Caught:
        def __init__(self, plan, site, names, **options):
            caught.append((site, names))
            self.plan, self.directory = plan, site.directory

        def run(self):
            return search_summary.compose(
                self.plan, self.directory, "stopped", "that is all"
            )

    monkeypatch.setattr(roles.supervisor, "Supervisor", Caught)
    # The drawn images would be drawn.
    monkeypatch.setattr(search, "_check_data", lambda plan: None)
    return caught


def begin_search(tmp_path, *flags):
    words = ["--app", "cats_dogs", "--directory", str(tmp_path / "new"), *flags]
    return search.main(words)


def test_a_chief_listens_here_only_unless_told_otherwise(started, tmp_path, capsys):
    begin_search(tmp_path, "--workers", "3")
    ((site, names),) = started
    assert site.host == "127.0.0.1"
    assert names == ["worker0", "worker1", "worker2"]
    assert "warning" not in capsys.readouterr().err


def test_a_chief_alone_has_no_workers_and_warns_of_strangers(started, tmp_path, capsys):
    begin_search(tmp_path, "--role", "chief", "--address", "0.0.0.0:9123")
    ((site, names),) = started
    assert (site.host, site.port, names) == ("0.0.0.0", 9123, [])
    assert "neither password nor encryption" in capsys.readouterr().err


@pytest.mark.parametrize(
    "status, exit_status",
    [("completed", 0), ("stopped", 0), ("failed", 1), ("interrupted", 130)],
)
def test_the_last_line_is_the_best_run(begin, tmp_path, capsys, status, exit_status):
    tuner = begin(make_plan(trials=2))
    tuner.search()
    content = search_summary.compose(
        tuner.plan, tuner.search_directory, status, "it is so"
    )
    found = roles.finish(
        content, tuner.search_directory, roles.make_printer(quiet=False)
    )
    assert found == exit_status
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == content["best"]["run_directory"]
    assert ("--resume" in out) == (status in ("stopped", "interrupted"))


def test_a_search_without_a_result_is_a_failure(begin, capsys):
    def fails(settings):
        raise RuntimeError("the loss became NaN")

    tuner = begin(make_plan(trials=2), StandIn(fails))
    tuner.search()
    content = search_summary.compose(tuner.plan, tuner.search_directory, "completed")
    # What a worker writes into its log.
    capsys.readouterr()
    assert roles.finish(content, tuner.search_directory, print) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no trial has been completed; the last failed because the loss" in error


def test_a_completed_search_is_not_begun_again(begin, started, tmp_path, capsys):
    tuner = begin(make_plan(trials=2))
    tuner.search()
    directory = SearchDirectory(tmp_path)
    content = search_summary.compose(tuner.plan, directory, "completed", "all are done")
    write_json(directory.search_file, content)
    assert search.main(["--resume", "--directory", str(tmp_path)]) == 0
    assert not started
    assert "more --trials let it continue" in capsys.readouterr().out
