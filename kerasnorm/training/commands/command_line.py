"""The command line every app has: train, evaluate a run, predict with a run."""

import re
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence

from kerasnorm.data.errors import problem_of
from kerasnorm.data.sources import remote
from kerasnorm.training.app import App, parse_with_defaults
from kerasnorm.training.settings import parsing
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import backend, paths, streams

USAGE_STATUS = 2
FAILURE_STATUS = 1
INTERRUPTED_STATUS = 130
ACCEPT_CHANGES = "Continue although the run's own images have changed."


def main(app: App, argv: Sequence[str] | None = None) -> int:
    """Run the command line of an app.

    Args:
        app: The app.
        argv: Words after `python -m apps.NAME`; those of this process if None.

    Returns:
        Exit status: 0, 1 for a failure, 2 for wrong usage.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    others = {"evaluate": evaluate_command, "predict": predict_command}
    other = others.get(words[0]) if words else None

    def command() -> None:
        if other is None:
            train_command(app, words)
        else:
            other(f"{app.command} {words[0]}", words[1:])

    return in_one_sentence(command, debug="--debug" in words, keeps_files=other is None)


def in_one_sentence(
    command: Callable[[], None], debug: bool, *, keeps_files: bool = False
) -> int:
    """Call a command and turn its errors into one sentence and an exit status.

    Standard output may be closed, full or left by its reader: the command does its
    work to the end all the same.

    Args:
        command: The command.
        debug: Whether to show the traceback as well.
        keeps_files: Whether the result lies in files, so that nothing has failed
            where only what was printed is lost.
    """
    with streams.lasting() as output:
        try:
            status = _status_of(command, debug)
        except SystemExit as left:
            # After `--help` and `--print_config`, whose result is what they print.
            status, keeps_files = int(left.code or 0), False
        output.flush()
        if status or output.lost is None:
            return status
        # Whoever stops reading has seen enough.
        whole = keeps_files or isinstance(output.lost, BrokenPipeError)
        print(
            f"{'note' if whole else 'error'}: standard output could not be written to "
            f"the end: {output.lost.strerror}; the work itself is done",
            file=sys.stderr,
        )
        return 0 if whole else FAILURE_STATUS


def _status_of(command: Callable[[], None], debug: bool) -> int:
    try:
        command()
    except UsageError as error:
        return _complain(error, USAGE_STATUS, debug)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED_STATUS
    except Exception as error:
        return _complain(error, FAILURE_STATUS, debug)
    return 0


def train_command(app: App, words: Sequence[str]) -> None:
    """Train as the flags say; the last line printed is the run directory.

    Args:
        app: The app.
        words: The flags.
    """
    settings, defaults = parse_with_defaults(app, words)
    from kerasnorm.training.system import importing

    importing.import_keras()
    from kerasnorm.training import runner
    from kerasnorm.training.loop import hooks

    command = f"{app.command} {shlex.join(words)}".rstrip()
    print(
        runner.run(settings, hooks.Hooks(defaults=defaults, command=command)).directory
    )


def evaluate_command(prog: str, words: Sequence[str]) -> None:
    """Print loss and accuracy of a finished run on its own or other images.

    Args:
        prog: What the user typed before them.
        words: Run directory and flags.
    """
    parser = parsing.Parser(
        prog=prog,
        description="Loss and accuracy of a finished run, as JSON.",
    )
    parser.add_path("run_directory", "What the training printed last.", fetch=True)
    parser.add_path(
        "--data",
        "Folder of class folders (or one with train/ and validation/, of which the "
        "latter is taken), or tfds:NAME. Without it, or with the folder that the run "
        "was trained on, the run's own validation images.",
    )
    parser.add_value("--accept_changes", bool, ACCEPT_CHANGES)
    _add_common(parser)
    options = parser.parse(words)
    from kerasnorm.training.system import importing

    importing.import_keras(options.backend)
    from kerasnorm.training.commands import inference

    result = inference.evaluate_run(
        options.run_directory, options.data, accept_changes=options.accept_changes
    )
    for note in result.pop("notes"):
        print(note, file=sys.stderr)
    for path, reason in result.pop("rejected"):
        print(f"left out {path}: {reason}", file=sys.stderr)
    streams.print_json(result, indent=None if options.json else 2)


def predict_command(prog: str, words: Sequence[str]) -> None:
    """Print label and probability of images.

    Args:
        prog: What the user typed before them.
        words: Run directory, files or folders, and flags.
    """
    parser = parsing.Parser(
        prog=prog,
        description="What a finished run says of images: path, label, probability.",
    )
    parser.add_path("run_directory", "What the training printed last.", fetch=True)
    parser.add_path("paths", "Image files, or folders of them.", nargs="+")
    parser.add_path(
        "--explain",
        "New folder for images that show what in each spoke for its label (Grad-CAM).",
        check=paths.empty_folder,
    )
    _add_common(parser)
    options = parser.parse(words)
    from kerasnorm.training.system import importing

    importing.import_keras(options.backend)
    from kerasnorm.training.commands import inference

    predictions, rejected, notes = inference.predict_run(
        options.run_directory, options.paths, options.explain
    )
    for note in notes:
        print(streams.one_line(note), file=sys.stderr)
    for path, reason in rejected:
        print(f"left out {path}: {reason}", file=sys.stderr)
    if options.json:
        streams.print_json(predictions)
        return
    for found in predictions:
        path = streams.one_line(found["path"])
        label = streams.one_line(found["label"])
        print(f"{path}\t{label}\t{found['probability']:.4f}")


def _add_common(parser: parsing.Parser) -> None:
    backend.add_flag(parser)
    parser.add_value("--json", bool, "Print JSON.")
    parser.add_value("--debug", bool, "Show the traceback of an error.")


def _complain(error: Exception, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    # Spaces and tabs may belong to the name of a file.
    said = str(error)
    if isinstance(error, OSError) and error.strerror:
        # Python's own text begins with a number.
        file = "" if error.filename is None else f"{error.filename} cannot be used: "
        said = file + problem_of(error)
    sentence = re.sub(r"\s*[\r\n]\s*", " ", remote.as_given(said.strip()))
    print(f"error: {sentence or type(error).__name__}", file=sys.stderr)
    return status
