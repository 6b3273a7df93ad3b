"""A lock file keeps others out, also where its last owner removes it."""

import threading

import pytest

from kerasnorm.data import locks


def test_a_lock_is_had_once_and_shared_by_those_who_share_it(tmp_path):
    file = tmp_path / "new" / ".lock"
    with locks.take(file):
        assert locks.take(file) is None
        assert locks.take(file, shared=True) is None
    with locks.take(file, shared=True), locks.take(file, shared=True):
        assert locks.take(file) is None
    locks.take(file).close()


@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_removed_lock_file_keeps_nobody_out_or_in(
    tmp_path, monkeypatch, is_made_again
):
    file, lock = tmp_path / ".lock", locks._lock
    removed, held = [], []

    def remove_before(stream, shared):
        # As its owner does between our opening it and our locking it.
        if not removed:
            removed.append(file.unlink())
            if is_made_again:
                held.append(file.open("a"))
                assert lock(held[0], False)
        return lock(stream, shared)

    monkeypatch.setattr(locks, "_lock", remove_before)
    taken = locks.take(file)
    assert (taken is None) == is_made_again
    monkeypatch.setattr(locks, "_lock", lock)
    assert locks.take(file) is None


def test_of_many_that_remove_their_lock_one_at_a_time_has_it(tmp_path):
    file, inside, most = tmp_path / ".lock", [], []

    def work():
        for _ in range(20):
            with locks.take(file, 30.0):
                inside.append(0)
                most.append(len(inside))
                inside.pop()
                # The file is the next one's as soon as it is removed.
                file.unlink()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (80, 1)
