"""Python functions that TensorFlow's threads call, ended before the interpreter is."""

import atexit
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

# No call for so many seconds: the buffers are full, no more calls will come.
QUIET_SECONDS = 0.1
# A program has to end, whatever happens.
LONGEST_WAIT = 20.0


class RunningCalls:
    """Counts calls that are running, and waits for the last one at exit."""

    def __init__(self) -> None:
        self.is_ending = False
        self._running = 0
        self._last_end = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._running -= 1
            self._last_end = time.monotonic()

    def end(self) -> None:
        """Answer no more calls properly, and wait until none comes."""
        self.is_ending = True
        latest = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < latest and (
            self._running or time.monotonic() - self._last_end < QUIET_SECONDS
        ):
            time.sleep(QUIET_SECONDS / 10)


CALLS = RunningCalls()
atexit.register(CALLS.end)


def safe_at_exit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function for `tf.numpy_function`, so that a program can end meanwhile.

    A thread of TensorFlow that calls Python while the interpreter shuts down never
    returns, and the dataset's iterator, which waits for it, keeps the program from
    ending: that happens to programs with an iterator in a global variable, or in the
    traceback of an error. Here, once the program ends, calls get the last answer
    again, which fills the dataset's buffers at once, and the end waits for silence.

    Args:
        function: The function; its results must fit each other's place.

    Returns:
        A function of the same arguments.
    """
    last: list[Any] = []

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with CALLS:
            if CALLS.is_ending and last:
                return last[0]
            answer = function(*arguments)
            last[:] = [answer]
            return answer

    return call
