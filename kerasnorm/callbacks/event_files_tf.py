"""TensorBoard's event files: written in an order it reads, and cut off at a step."""

import itertools
import os
import pathlib
import re
import socket
import time
from typing import Any

from tensorboard.backend.event_processing import event_file_loader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.text import summary_v2
from tensorboard.summary.writer import record_writer

EVENT_FILES = "events.out.tfevents.*"
_NUMBERS = itertools.count()


class EventFile:
    """A new event file, which TensorBoard reads after all others of its folder.

    TensorBoard reads the files of a folder in the order of their names, and names hold
    the time. Where the clock was set back, or another machine's is ahead, the new name
    gets a later time than the clock tells.

    Args:
        folder: Folder of one run; made if needed.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stamps = [re.search(r"tfevents\.(\d+)", p.name) for p in _files(folder)]
        stamp = max([int(time.time()), *(int(s[1]) + 1 for s in stamps if s)])
        name = f"{stamp:010d}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        self._stream = (folder / EVENT_FILES.replace("*", name)).open("wb")
        self._records = record_writer.RecordWriter(self._stream)
        self._write(event_pb2.Event(file_version="brain.Event:2"))

    def add(self, summary: Any, step: int) -> None:
        """Write one summary.

        Args:
            summary: TensorFlow's or TensorBoard's message.
            step: Its step.
        """
        own = summary_pb2.Summary.FromString(summary.SerializeToString())
        self._write(event_pb2.Event(step=step, summary=own))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())


def text_summary(tag: str, text: str) -> Any:
    """Return a text to add; names of files that are not UTF-8 become escapes.

    Args:
        tag: Its tag.
        text: Markdown.
    """
    return summary_v2.text_pb(tag, text.encode(errors="backslashreplace").decode())


def remove_events_from(folder: pathlib.Path, step: int) -> None:
    """Remove the points at and after a step from the event files of a folder.

    A file is replaced whole, never left half written; a record that a killed
    program cut off at the end of a file is dropped with it.

    Args:
        folder: Folder of one run; it need not exist.
        step: First step that is removed.
    """
    for path in _files(folder):
        # Without "tfevents" in its name TensorBoard does not read it.
        aside = path.with_name(f".{os.getpid()}.aside")
        removed = False
        with open(aside, "wb") as stream:
            records = record_writer.RecordWriter(stream)
            for record in event_file_loader.RawEventFileLoader(str(path)).Load():
                event = event_pb2.Event.FromString(record)
                if event.HasField("summary") and event.step >= step:
                    removed = True
                else:
                    records.write(record)
        if removed:
            os.replace(aside, path)
        else:
            aside.unlink()


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob(EVENT_FILES))
