"""Kills trainings in many ways, resumes them, and compares with an unbroken one.

python -m tests.training.torture            all scenarios, 20 random moments
python -m tests.training.torture --short    the few that the test suite runs

Every killed program is a real process that receives SIGKILL, forked from this one
after TensorFlow has been imported and before it has been used: importing it again for
each of them would take longer than all the trainings.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import rich.console
import rich.table

SETTINGS = {
    "app": "torture",
    "image_size": 16,
    "batch_size": 8,
    "epochs": 4,
    "patience": 2,
    "model": "convnet",
    "width": 4,
    "agc": 0.1,
    "lookahead": True,
    "norm": "batch",
    "dropout": 0.3,
    "mixup": 0.2,
    "deterministic": True,
    "examine": False,
    "quiet": True,
}


@dataclasses.dataclass
class Result:
    """What came of one scenario.

    Args:
        scenario: Its name.
        kills: Programs killed, and programs ended by a signal they may handle.
        differences: What is not as in the unbroken training; empty if all is well.
    """

    scenario: str
    kills: int
    differences: list[str]


class Torture:
    """The unbroken training, and the means to break others of its kind.

    Args:
        folder: Empty folder for data and runs.
        short: Whether to take a tiny model, which is traced in a second.
    """

    def __init__(self, folder: pathlib.Path, short: bool) -> None:
        self.folder = folder
        self.short = short
        self.log = folder / "output.txt"
        draw_images(folder / "data")
        began = time.monotonic()
        self.run("unbroken")
        self.seconds = time.monotonic() - began
        self.unbroken = self.path("unbroken")

    def path(self, name: str) -> pathlib.Path:
        """Return a run directory."""
        return self.folder / "runs" / "torture" / name

    def start(self, name: str, prepare: Callable[[], None] | None = None) -> int:
        """Start or resume a training in a process of its own; return its id."""
        pid = os.fork()
        if pid:
            return pid
        status = 70
        try:
            with self.log.open("a") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            status = self._train(name, prepare)
        except SystemExit as exit:
            status = exit.code if isinstance(exit.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _train(self, name: str, prepare: Callable[[], None] | None) -> int:
        from kerasnorm.training import (
            build,
            runner,
        )
        from kerasnorm.training.loop import fitting
        from kerasnorm.training.settings import Settings

        fitting.CHECKPOINT_SECONDS = 0.02
        if self.short:
            build.build_model = tiny_model
        if prepare is not None:
            prepare()
        settings = Settings(
            data=str(self.folder / "data"),
            runs=str(self.folder / "runs"),
            name=name,
            **SETTINGS,
        )
        begun = (self.path(name) / "settings.yaml").is_file()
        runner.run(settings.replace(resume=str(self.path(name))) if begun else settings)
        return 0

    def run(self, name: str) -> None:
        """Train to the end."""
        status = exit_status(self.start(name))
        if status != 0:
            raise RuntimeError(
                f"expected the training to end well, received status {status}:\n"
                + self.log.read_text()[-3000:]
            )

    def kill_after(self, name: str, seconds: float) -> int:
        """Kill a training after some time; 0 if it was done before, else 1."""
        pid = self.start(name)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                if status != 0:
                    raise RuntimeError(self.log.read_text()[-3000:])
                return 0
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return 1

    def kill_at(self, name: str, moment: str) -> int:
        """Kill a training when it reaches a moment of `MOMENTS`; return 1."""
        reader, writer = os.pipe()
        pid = self.start(name, lambda: MOMENTS[moment](Reached(writer)))
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            reached = stream.read(1)
        if not reached:
            os.waitpid(pid, 0)
            raise RuntimeError(f"never came to {moment}:\n" + self.log.read_text())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return 1

    def end_politely(self, name: str, number: int) -> int:
        """Send a signal in the midst of an epoch; return 1."""
        stop = in_callback("on_train_batch_end", 4)
        pid = self.start(name, lambda: stop(lambda: os.kill(os.getpid(), number)))
        status = exit_status(pid)
        if status != 128 + number:
            raise RuntimeError(f"expected status {128 + number}, received {status}")
        return 1

    def result(self, scenario: str, name: str, kills: int) -> Result:
        """Train to the end and compare."""
        from tests.training import torture_compare

        self.run(name)
        differences = torture_compare.differences(self.unbroken, self.path(name))
        return Result(scenario, kills, differences)


class Reached:
    """Tells the parent that a moment has come, and waits to be killed there."""

    def __init__(self, writer: int) -> None:
        self.writer = writer

    def __call__(self) -> None:
        """Wait for the end."""
        os.write(self.writer, b"!")
        time.sleep(1e6)


def in_checkpoint_write(reached: Reached, count: int = 3) -> None:
    """Stop with half of a checkpoint written."""
    from kerasnorm.callbacks import checkpoint_files

    write, calls = np.savez, []

    def half(stream, **arrays):
        write(stream, **arrays)
        calls.append(1)
        if len(calls) == count:
            stream.truncate(stream.tell() // 2)
            stream.flush()
            reached()

    checkpoint_files.np.savez = half


def before_old_checkpoints_go(reached: Reached, count: int = 4) -> None:
    """Stop between the renaming of the new checkpoint and the removal of the old."""
    from kerasnorm.callbacks import checkpoint_files

    sync, calls = checkpoint_files._sync_names, []

    def stop(folder):
        sync(folder)
        calls.append(1)
        if len(calls) == count:
            reached()

    checkpoint_files._sync_names = stop


def in_callback(hook: str, count: int) -> Callable[[Reached], None]:
    """Stop when a hook of the progress lines, the last callback, is called."""

    def prepare(reached: Reached) -> None:
        from kerasnorm.training.loop import progress

        calls = []

        def stop(self, *args, **kwargs):
            calls.append(1)
            if len(calls) == count:
                reached()

        setattr(progress.ProgressLines, hook, stop)

    return prepare


def in_report(reached: Reached) -> None:
    """Stop after training, when the report is to be written."""
    from kerasnorm.training.report import results

    results.write_report = lambda *args: reached()


def in_history(reached: Reached) -> None:
    """Stop with the history ahead of the checkpoint by an epoch."""
    from kerasnorm.callbacks import tensorboard_tf

    tensorboard_tf.TensorBoard.on_epoch_end = lambda *args: reached()


MOMENTS: dict[str, Callable[[Reached], None]] = {
    "in the first batch": in_callback("on_train_batch_begin", 1),
    "between batches": in_callback("on_train_batch_end", 3),
    "in validation": in_callback("on_test_batch_end", 2),
    "half a checkpoint written": in_checkpoint_write,
    "old checkpoints not yet removed": before_old_checkpoints_go,
    "history written, checkpoint not": in_history,
    "at the end of an epoch": in_callback("on_epoch_end", 1),
    "in the report": in_report,
}


def tiny_model(settings, num_classes, **options):
    """Return a model with all that has state, which is traced quickly."""
    import keras

    side = None if settings.progressive_resizing else settings.image_size
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def draw_images(folder: pathlib.Path) -> None:
    """Write two classes of small noisy images."""
    import PIL.Image

    draw = np.random.default_rng(0)
    for shade, name in ((100, "cat"), (140, "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            noise = draw.normal(shade, 40, (16, 16, 3)).clip(0, 255)
            image = PIL.Image.fromarray(noise.astype(np.uint8))
            image.save(folder / name / f"{number}.png")


def exit_status(pid: int) -> int:
    """Wait for a process; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def at_random_moments(torture: Torture, kills: int, seed: int) -> Result:
    """Kill at random moments; a run that ends before its next kill is compared."""
    draw = random.Random(seed)
    done, runs, differences = 0, 0, []
    while done < kills:
        runs += 1
        name = f"random-{runs}"
        # A run gets several kills, and hours of them would only hit its start.
        for _ in range(min(4, kills - done)):
            done += torture.kill_after(name, draw.uniform(0.2, 1.1) * torture.seconds)
        differences += torture.result("", name, 0).differences
    return Result("random moments", done, differences)


def at_known_moments(torture: Torture, moments: list[str]) -> Result:
    """Kill one run at one moment after the other."""
    kills = sum(torture.kill_at("known", moment) for moment in moments)
    return torture.result(", ".join(moments), "known", kills)


def newest_damaged(torture: Torture, name: str = "damaged") -> Result:
    """Kill, then cut the newest checkpoint in half."""
    from kerasnorm.callbacks import checkpoint_files

    kills = torture.kill_at(name, "at the end of an epoch")
    newest = checkpoint_files.list_files(torture.path(name) / "checkpoint")[-1]
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    return torture.result("newest checkpoint cut in half", name, kills)


def signals(torture: Torture) -> Result:
    """End one run by SIGTERM and then by SIGINT."""
    kills = sum(
        torture.end_politely("signals", number)
        for number in (signal.SIGTERM, signal.SIGINT)
    )
    return torture.result("SIGTERM, then SIGINT", "signals", kills)


def main(argv: list[str] | None = None) -> int:
    """Run the scenarios; return 0 if nothing was lost, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kills", type=int, default=20, help="at random moments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    from kerasnorm.training.system import importing

    importing.import_keras()
    import kerasnorm.training.runner  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        torture = Torture(pathlib.Path(folder), options.short)
        results = list(scenarios(torture, options))
    if options.json:
        print(json.dumps([dataclasses.asdict(result) for result in results]))
    else:
        print_table(results)
    return int(any(result.differences for result in results))


def scenarios(torture: Torture, options: argparse.Namespace):
    """Yield the results, one scenario after the other."""
    if options.short:
        known = ["between batches", "half a checkpoint written", "in the report"]
        yield at_known_moments(torture, known)
        return
    for moment in MOMENTS:
        kills = torture.kill_at(moment, moment)
        yield torture.result(moment, moment, kills)
    yield at_known_moments(torture, list(MOMENTS))
    yield newest_damaged(torture)
    yield signals(torture)
    yield at_random_moments(torture, options.kills, options.seed)


def print_table(results: list[Result]) -> None:
    """Print what the issue asks for."""
    table = rich.table.Table()
    for heading in ("scenario", "kills", "same history, weights, curves"):
        table.add_column(heading)
    for result in results:
        verdict = "yes" if not result.differences else "; ".join(result.differences)
        table.add_row(result.scenario, str(result.kills), verdict)
    kills = sum(result.kills for result in results)
    lost = sum(bool(result.differences) for result in results)
    table.add_section()
    table.add_row("all", str(kills), f"{lost} with something lost")
    rich.console.Console().print(table)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
