"""How far something long has come: a bar with the time left, on standard error."""

import contextlib
import contextvars
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

#: What is done sooner needs no bar.
SECONDS = 2.0
_IS_QUIET = contextvars.ContextVar("is_quiet", default=False)


@contextlib.contextmanager
def quietly(is_quiet: bool = True) -> Iterator[None]:
    """Show no bars in the `with` block.

    Args:
        is_quiet: Whether that is so; if not, nothing changes.
    """
    before = _IS_QUIET.set(is_quiet or _IS_QUIET.get())
    try:
        yield
    finally:
        _IS_QUIET.reset(before)


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
        self.is_shown = not (quiet or _IS_QUIET.get()) and _is_terminal()
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
        text = self.what
        self._bar.update(self._task, description=text, completed=done, total=total)

    def say(self, sentence: str) -> None:
        """Show what is done at this moment, where its length is not known.

        Args:
            sentence: What is done.
        """
        self.what = sentence
        self(0, None)


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
