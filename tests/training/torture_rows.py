"""Kills trainings of every kind by SIGKILL, resumes them, and compares the ends.

python -m tests.training.torture_rows              norms, layers, optimizers, wrappers
python -m tests.training.torture_rows --large      every model builder instead
python -m tests.training.torture_rows "norm none"  rows whose names hold the text

The rows are those of `tests.callbacks.checkpoint_rows`. Each program is a process of
its own, forked after TensorFlow was imported and before it was used.
"""

import argparse
import os
import pathlib
import pickle
import signal
import sys
import tempfile

from tests.callbacks import test_checkpoint_rows as table
from tests.callbacks.checkpoint_rows import LARGE, NESTS, SMALL, Row
from tests.callbacks.test_checkpoint import Kill
from tests.training.torture import exit_status

KILLED, CRASHED = -signal.SIGKILL, 70


class KillProcess(Kill):
    """Sends SIGKILL to its own process at one moment."""

    def _at(self, hook, batch=None):
        if self.moment == (hook, self.epoch, batch):
            os.kill(os.getpid(), signal.SIGKILL)


def train(row: Row, folder: pathlib.Path, moment: tuple | None = None) -> int:
    """Train in a process of its own; return its exit status."""
    pid = os.fork()
    if pid:
        return exit_status(pid)
    status = CRASHED
    try:
        found = table.train(row, folder, moment, KillProcess)
        folder.with_suffix(".pickle").write_bytes(pickle.dumps(found))
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def lost(row: Row, folder: pathlib.Path) -> str | None:
    """Kill one training at every moment; say what is not as without, None if nothing.

    Args:
        row: The kind of training.
        folder: Empty folder.
    """
    expected = {"unbroken": 0} | {str(moment): KILLED for moment in table.MOMENTS}
    received = {"unbroken": train(row, folder / "unbroken")}
    for moment in table.MOMENTS:
        received[str(moment)] = train(row, folder / "killed", moment)
    received["resumed"], expected["resumed"] = train(row, folder / "killed"), 0
    if received != expected:
        return f"expected exit statuses {expected}, received {received}"
    ends = [
        pickle.loads((folder / f"{name}.pickle").read_bytes())
        for name in ("unbroken", "killed")
    ]
    try:
        table.assert_equal(*ends)
    except AssertionError as error:
        return " ".join(str(error).split())[:300]
    return None


def main(argv: list[str] | None = None) -> int:
    """Run the rows and print one line each; return how many lost something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of rows")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args(argv)
    rows = LARGE if options.large else [*SMALL, *NESTS]
    names = options.names or [""]
    rows = [row for row in rows if any(name in row.name for name in names)]
    if not rows:
        parser.error(f"expected parts of names of rows, received {options.names}")
    failures = 0
    for row in rows:
        with tempfile.TemporaryDirectory() as folder:
            difference = lost(row, pathlib.Path(folder))
        failures += difference is not None
        print(f"{row.name}: {difference or 'equal'}", flush=True)
    kills = len(rows) * len(table.MOMENTS)
    print(f"{len(rows)} rows, {kills} kills, {failures} rows with something lost")
    return failures


if __name__ == "__main__":
    sys.exit(main())
