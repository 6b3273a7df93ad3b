"""Standard streams that commands can rely on: closed, full or of few letters."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # `--help` does without it, and is quicker.
    import rich.console
    import rich.table

NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
# Columns that no table needs.
WIDEST = 10_000


class Lasting:
    """A stream whose reader may go and whose disk may be full: writing continues.

    Args:
        stream: A text stream of this process.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text; once the stream is lost, nowhere."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Pass on what has been written."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self.lost is not None:
            return
        try:
            action()
        except OSError as error:
            self.lost = error
            # What waits in the buffer would be tried again, at the latest at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def lasting() -> Iterator[Lasting]:
    """Make the standard streams last while a command runs; yield that of output.

    Letters that the encoding of a stream lacks are written as escapes.
    """
    reopen_closed()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    output = Lasting(sys.stdout)
    sys.stdout, sys.stderr = output, Lasting(sys.stderr)
    try:
        yield output
    finally:
        output.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def reopen_closed() -> None:
    """Open closed standard streams to nowhere.

    Otherwise the next file that is opened takes the number of a closed one, and
    whatever writes to that number writes into the file.
    """
    for name, number in NUMBERS.items():
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def console(*, quiet: bool = False, stderr: bool = False) -> "rich.console.Console":
    """Return a console that prints what it is given as it is.

    Names of files and classes may look like markup, emoji codes or long lines, and
    hold tabs.

    Args:
        quiet: Whether to print nothing.
        stderr: Whether to print to standard error.
    """
    import rich.console
    import rich.segment

    class AsItIs(rich.console.Console):
        def print(self, *objects: Any, **options: Any) -> None:
            if all(isinstance(text, str) for text in objects):
                line = rich.segment.Segment(" ".join(objects) + "\n")
                objects = (rich.segment.Segments([line]),)
            super().print(*objects, **options)

    return AsItIs(
        quiet=quiet,
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


def print_table(table: "rich.table.Table", *, quiet: bool = False) -> None:
    """Print a table whole, beyond the edge of a narrow terminal if need be.

    Args:
        table: The table.
        quiet: Whether to print nothing.
    """
    terminal = console(quiet=quiet)
    width = terminal.width
    terminal.width = WIDEST
    terminal.width = max(width, terminal.measure(table).maximum)
    terminal.print(table)


def one_line(text: str) -> str:
    """Return a text whose tabs, line ends and other controls are escapes.

    Args:
        text: Such as the name of a file.
    """
    return "".join(
        ascii(letter)[1:-1] if ord(letter) < 32 or ord(letter) == 127 else letter
        for letter in text
    )


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON that is whole in any encoding.

    Args:
        value: Plain values.
        indent: Spaces a level; None for one line.
    """
    # An escape of the stream is none of JSON.
    encoding = str(getattr(sys.stdout, "encoding", "ascii")).lower()
    ascii_only = encoding.replace("-", "") not in ("utf8", "utf16", "utf32")
    print(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
