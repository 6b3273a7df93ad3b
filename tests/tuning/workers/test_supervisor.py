"""The supervisor with processes that do nothing, so that this is quick."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from kerasnorm.data import locks
from tests.tuning.conftest import make_plan
from tuning.plan import SearchDirectory, write_json
from tuning.workers import child_processes, supervisor, worker_processes

STAND_IN = "tests.tuning.workers.stand_in_process"
ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def team(tmp_path, monkeypatch):
    """Return a function that makes a supervisor of stand-ins, and its directory."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(worker_processes.Chief, "module", STAND_IN)
    monkeypatch.setattr(worker_processes.Worker, "module", STAND_IN)
    directory = SearchDirectory(tmp_path)
    directory.workers.mkdir()
    lock = locks.take(tmp_path / ".lock")
    behave(tmp_path, "sleep")

    def make(deadline_minutes=None, **changes):
        plan = make_plan(**changes)
        directory.write_plan(plan)
        site = worker_processes.Host(
            *(directory, "127.0.0.1", child_processes.free_port("127.0.0.1")),
            *(lock.fileno(), [0], []),
        )
        return supervisor.Supervisor(
            plan,
            site,
            ["worker0", "worker1"],
            deadline_minutes=deadline_minutes,
            say=said.append,
        )

    said: list[str] = []
    yield make, tmp_path, said
    lock.close()


def behave(folder, word):
    """Tell the stand-ins what to do; they never read half a word."""
    aside = folder / ".behaviour"
    aside.write_text(word)
    aside.replace(folder / "behaviour")


def pids(folder, name):
    file = folder / "workers" / f"{name}.pids"
    return [int(line) for line in file.read_text().split()] if file.is_file() else []


def wait_for(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def meanwhile(action):
    """Do something while the supervisor is running in the main thread."""
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def end_search(folder, reason="all trials are done"):
    write_json(
        folder / "keras_tuner" / "oracle.json",
        {"ended_because": reason, "ongoing_trials": {}, "trials": []},
    )
    behave(folder, "end")


def none_left(folder):
    names = ("chief", "worker0", "worker1")
    return not any(psutil.pid_exists(p) for name in names for p in pids(folder, name))


@pytest.mark.parametrize("victim", ["chief", "worker0"])
def test_a_killed_process_is_replaced(team, monkeypatch, victim):
    make, folder, said = team
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)

    def kill():
        wait_for(lambda: all(pids(folder, n) for n in ("chief", "worker0", "worker1")))
        os.kill(pids(folder, victim)[0], signal.SIGKILL)
        wait_for(lambda: len(pids(folder, victim)) == 2)
        end_search(folder)

    thread = meanwhile(kill)
    content = make().run()
    thread.join()
    assert content["status"] == "completed"
    assert any(victim.rstrip("0") in line and "SIGKILL" in line for line in said)
    assert none_left(folder)


def test_a_hanging_worker_is_replaced(team, monkeypatch):
    make, folder, said = team
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)

    def stop():
        wait_for(lambda: pids(folder, "worker0"))
        os.kill(pids(folder, "worker0")[0], signal.SIGSTOP)
        wait_for(lambda: len(pids(folder, "worker0")) > 1)
        end_search(folder)

    thread = meanwhile(stop)
    # Longer than starting Python takes on a busy machine.
    content = make(hang_minutes=0.15).run()
    thread.join()
    assert content["status"] == "completed"
    assert any("no progress" in line for line in said)
    assert none_left(folder)


@pytest.mark.thorough
def test_a_chief_that_answers_stays_and_one_that_hangs_is_replaced(team, monkeypatch):
    make, folder, said = team
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)
    monkeypatch.setattr(supervisor, "CHIEF_SILENCE_SECONDS", 6.0)
    monkeypatch.setattr(supervisor, "PROBE_SECONDS", 1.0)
    stayed = []

    def stop():
        wait_for((folder / "asked").exists)
        before = pids(folder, "chief")
        time.sleep(8)
        stayed.append(pids(folder, "chief") == before)
        os.kill(before[-1], signal.SIGSTOP)
        wait_for(lambda: len(pids(folder, "chief")) > len(before))
        end_search(folder)

    thread = meanwhile(stop)
    content = make().run()
    thread.join()
    assert stayed == [True]
    assert content["status"] == "completed"
    assert "the chief does not answer; it is replaced" in said
    assert none_left(folder)


def test_a_chief_that_cannot_begin_ends_the_search(team, monkeypatch):
    make, folder, _ = team
    monkeypatch.setattr(supervisor, "MOST_SHORT_LIVES", 2)
    behave(folder, "no chief")
    content = make().run()
    assert content["status"] == "failed"
    assert content["reason"] == "the chief cannot serve: the port is taken"
    assert none_left(folder)


def test_too_many_failures_end_the_search_as_failed(team, monkeypatch):
    make, folder, _ = team
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)
    thread = meanwhile(lambda: end_search(folder, "5 trials in a row failed"))
    content = make().run()
    thread.join()
    assert (content["status"], content["reason"]) == (
        *("failed", "5 trials in a row failed"),
    )


def test_a_deadline_ends_the_search(team):
    make, folder, _ = team
    content = make(deadline_minutes=0.02).run()
    assert (content["status"], content["best"]) == ("stopped", None)
    assert "deadline of 0.02 minutes" in content["reason"]
    assert none_left(folder)


def test_a_signal_ends_the_search_and_its_processes(team):
    make, folder, _ = team

    def interrupt():
        wait_for(lambda: pids(folder, "worker1"))
        os.kill(os.getpid(), signal.SIGTERM)

    thread = meanwhile(interrupt)
    content = make().run()
    thread.join()
    assert content["status"] == "interrupted"
    assert none_left(folder)


def test_workers_that_cannot_begin_end_the_search(team, monkeypatch):
    make, folder, _ = team
    monkeypatch.setattr(supervisor, "MOST_SHORT_LIVES", 2)
    behave(folder, "crash")
    content = make().run()
    assert content["status"] == "failed"
    assert "cannot begin to work: the disk is full" in content["reason"]
    assert none_left(folder)


def test_deaths_at_the_same_place_are_counted(tmp_path):
    site = worker_processes.Host(
        *(SearchDirectory(tmp_path), "127.0.0.1", 1, 0, [0], [])
    )
    worker = worker_processes.Worker(site, "worker0", 0, 1)
    counts = []
    for place in ("epoch 1", "epoch 1", "epoch 2", "epoch 2", "epoch 2"):
        sign = {"trial": "3", "place": place, "time": time.time()}
        write_json(site.directory.heartbeat_file("worker0"), sign)
        worker.note_death()
        counts.append(worker.deaths)
    assert counts == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("trial, expected", [(None, [1, 2]), ("3", [0, 0])])
def test_who_dies_while_asking_has_not_begun_to_work(
    tmp_path, monkeypatch, trial, expected
):
    monkeypatch.setattr(child_processes, "start", lambda *arguments: None)
    site = worker_processes.Host(
        *(SearchDirectory(tmp_path), "127.0.0.1", 1, 0, [0], [])
    )
    worker = worker_processes.Worker(site, "worker0", 0, 1)
    counts = []
    for _ in expected:
        worker.start()
        sign = {"trial": trial, "place": "asks for a trial", "time": time.time()}
        write_json(site.directory.heartbeat_file("worker0"), sign)
        worker.note_death()
        counts.append(worker.short_lives)
    assert counts == expected


def test_a_sign_of_the_process_before_is_none_of_its_successor(tmp_path, monkeypatch):
    monkeypatch.setattr(child_processes, "start", lambda *arguments: None)
    site = worker_processes.Host(
        *(SearchDirectory(tmp_path), "127.0.0.1", 1, 0, [0], [])
    )
    worker = worker_processes.Worker(site, "worker0", 0, 1)
    # A clock that was set back since: the old sign seems to come from the future.
    sign = {"trial": "3", "place": "epoch 1", "time": time.time() + 3600}
    write_json(site.directory.heartbeat_file("worker0"), sign)
    counts = []
    for _ in range(2):
        worker.start()
        worker.note_death()
        counts.append(worker.short_lives)
    assert counts == [1, 2]


def test_children_do_not_outlive_a_killed_parent(tmp_path):
    program = (
        "import pathlib, time\n"
        "from tuning.workers import child_processes\n"
        f"child_processes.start('{STAND_IN}', ['{tmp_path}'],"
        f" pathlib.Path('{tmp_path}/log'),"
        " {'KERASTUNER_TUNER_ID': 'worker0'}, ())\n"
        "time.sleep(600)\n"
    )
    (tmp_path / "workers").mkdir()
    behave(tmp_path, "sleep")
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    wait_for(lambda: pids(tmp_path, "worker0"))
    parent.kill()
    parent.wait()
    wait_for(lambda: none_left(tmp_path), 10)


@pytest.mark.parametrize(
    "cores, places, expected",
    [
        (4, 2, [[0, 1], [2, 3]]),
        (5, 2, [[0, 1], [2, 3, 4]]),
        (2, 2, [[0], [1]]),
        (2, 4, [[0], [1], [0], [1]]),
    ],
)
def test_workers_share_the_processors(cores, places, expected):
    numbers = list(range(cores))
    found = [
        child_processes.cores_of(numbers, place, places) for place in range(places)
    ]
    assert found == expected


def test_every_worker_has_a_gpu_of_its_own(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        child_processes, "start", lambda *a: seen.append(a[3]["CUDA_VISIBLE_DEVICES"])
    )
    site = worker_processes.Host(
        *(SearchDirectory(tmp_path), "127.0.0.1", 1, 0, [0], ["0", "1"])
    )
    for place in range(3):
        worker_processes.Worker(site, f"worker{place}", place, 3).start()
    assert seen == ["0", "1", "0"]


@pytest.mark.parametrize("visible, found", [("", []), ("-1", []), ("1,5", ["1", "5"])])
def test_gpus_are_those_that_the_user_shows(monkeypatch, visible, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert child_processes.gpus() == found


def test_two_searches_do_not_share_a_directory(tmp_path):
    first = locks.take(tmp_path / ".lock")
    assert locks.take(tmp_path / ".lock") is None
    first.close()
    second = locks.take(tmp_path / ".lock")
    assert second is not None
    second.close()
