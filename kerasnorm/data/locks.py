"""Lock files: they keep two processes from changing the same folder."""

import os
import pathlib
import time
from typing import IO, Any

WAIT_SECONDS = 0.1


def take(
    file: pathlib.Path, seconds: float = 0.0, *, shared: bool = False
) -> IO[Any] | None:
    """Take hold of a lock file for as long as it stays open here or in a child.

    The operating system takes the lock back from a process that crashes. Where the file
    system knows no locks, nobody is kept out.

    Args:
        file: The file; made if needed.
        seconds: How long to wait for others.
        shared: Whether others may hold it as well who share it, too. Windows knows no
            such locks: nobody is kept out, and open files cannot be removed there.

    Returns:
        The open file, or None if others keep it.
    """
    limit = time.monotonic() + seconds
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a")
        is_locked = _lock(stream, shared)
        if is_locked and _is_still(file, stream):
            return stream
        stream.close()
        if is_locked:
            # Who had it has removed it: there may be another file by now.
            continue
        if time.monotonic() >= limit:
            return None
        time.sleep(WAIT_SECONDS)


def _is_still(file: pathlib.Path, lock: IO[Any]) -> bool:
    """Say whether a lock file was not removed before it was locked."""
    try:
        return os.path.samestat(os.stat(file), os.fstat(lock.fileno()))
    except FileNotFoundError:
        return False


def _lock(stream: IO[Any], shared: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        return shared or _lock_on_windows(stream)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A network file system without locks.
        return True
    return True


def _lock_on_windows(stream: IO[Any]) -> bool:
    import msvcrt

    lock: Any = msvcrt
    try:
        stream.seek(0)
        lock.locking(stream.fileno(), lock.LK_NBLCK, 1)
    except OSError:
        return False
    return True
