"""How far something long has come: a bar with the time left, on standard error."""

import sys
import time
from types import TracebackType
from typing import Any

#: What is done sooner needs no bar.
SECONDS = 2.0


class Progress:
    """A bar that appears in a terminal once something takes more than two seconds.

    Args:
        what: What is done, in a few words.
        quiet: Whether to show nothing.
        seconds: When the bar appears.

    Example:
        >>> with Progress("decoding images") as progress:
        ...     for done in range(100):
        ...         progress(done + 1, 100)
    """

    def __init__(
        self, what: str, *, quiet: bool = False, seconds: float = SECONDS
    ) -> None:
        self.what = what
        self.is_shown = not quiet and _is_terminal()
        self._appears = time.monotonic() + seconds
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """Move the bar.

        Args:
            done: How much is done.
            total: Of how much; None while it is not known.
        """
        if not self.is_shown or time.monotonic() < self._appears:
            return
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=total)
        self._bar.update(self._task, completed=done, total=total)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _new_bar() -> Any:
    from rich import console, progress

    return progress.Progress(
        *progress.Progress.get_default_columns(),
        progress.MofNCompleteColumn(),
        # On stderr, so that JSON on stdout stays JSON.
        console=console.Console(stderr=True),
        transient=True,
    )
