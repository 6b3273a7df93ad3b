"""Processes that do not outlive their parent, do not fight, and can be told apart."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

PARENT_SECONDS = 0.5
PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process as soon as its parent has ended, even by SIGKILL.

    Call it first of all in a child.

    Args:
        parent: Process id of the parent.
    """
    if sys.platform == "linux":
        # At once, and also for a process that is stuck in C code.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def stay_on(cores: str) -> None:
    """Keep this process and all its threads on some processors.

    TensorFlow, NumPy and the decoding of images make as many threads as they may
    use processors; so this bounds them all.

    Args:
        cores: Numbers of processors with commas between; nothing for all.
    """
    if not cores:
        return
    numbers = {int(core) for core in cores.split(",")}
    os.environ["OMP_NUM_THREADS"] = str(len(numbers))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, numbers)


def usable_cores() -> list[int]:
    """Return the numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpus() -> list[str]:
    """Return what `CUDA_VISIBLE_DEVICES` calls the GPUs that may be used.

    TensorFlow is not asked: whoever imports it takes hold of the GPUs.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return [name for name in names if name not in ("", "-1")]
    try:
        found = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return found.stdout.split()


def cores_of(cores: list[int], place: int, places: int) -> list[int]:
    """Return the processors of one worker out of several.

    Args:
        cores: All processors.
        place: Number of the worker, counted from 0.
        places: How many workers there are.

    Returns:
        Neighbouring processors; one each, shared, where workers outnumber them.
    """
    if places >= len(cores):
        return [cores[place % len(cores)]]
    first = place * len(cores) // places
    return cores[first : (place + 1) * len(cores) // places]


def free_port(host: str) -> int:
    """Return a port that nobody listens on just now.

    Args:
        host: Address of this machine.
    """
    with socket.socket() as trial:
        trial.bind((host, 0))
        port: int = trial.getsockname()[1]
        return port


def start(
    module: str,
    arguments: list[str],
    log: pathlib.Path,
    environment: dict[str, str],
    kept_open: tuple[int, ...],
) -> "subprocess.Popen[bytes]":
    """Start a Python module as a child in a session of its own.

    A signal from the terminal then reaches only the parent, which passes it on in its
    own time.

    Args:
        module: The module.
        arguments: Words of its command line.
        log: Where its output is added.
        environment: What differs from the environment of this process.
        kept_open: Open files that the child keeps, such as a lock.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            start_new_session=True,
            pass_fds=kept_open,
        )


def end(children: list["subprocess.Popen[bytes]"], seconds: float) -> None:
    """Ask children to end, and end by force those that do not.

    Args:
        children: The children; some may have ended.
        seconds: How long to wait.
    """
    alive = [child for child in children if child.poll() is None]
    for child in alive:
        child.terminate()
        # A stopped process takes no signal but this one.
        child.send_signal(signal.SIGCONT)
    limit = time.monotonic() + seconds
    for child in alive:
        try:
            child.wait(max(limit - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
