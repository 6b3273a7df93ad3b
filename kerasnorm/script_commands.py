"""`kerasnorm lint` and `kerasnorm run`: for scripts that people already have."""

import pathlib
import sys
from typing import Any

from kerasnorm.data.sources import remote
from kerasnorm.lint.errors import UnreadableError
from kerasnorm.training.commands.command_line import in_one_sentence
from kerasnorm.training.settings import parsing
from kerasnorm.training.system import paths, streams

FAILURE, ERRORS = 1, 3
OUTPUT = "kerasnorm_run"
# Flags of `run` that are followed by a value.
VALUED = ("--output", "--seconds", "--fits", "--config")


def lint(words: list[str]) -> int:
    """Say what in scripts would harm a training, without running them."""
    parser = parsing.Parser(
        prog="kerasnorm lint",
        description="Say what in scripts and notebooks would harm a training; nothing "
        "is run. The exit status is 3 if there is an error among the findings.",
    )
    parser.add_value("--debug", bool, "Show tracebacks.")
    parser.add_path("files", "Scripts (.py) and notebooks (.ipynb).", nargs="+")
    parser.add_value("--json", bool, "Print JSON.")
    options = parser.parse(words)
    from kerasnorm.lint.check import LintFinding, check_file

    findings: list[LintFinding] = []
    failed = 0
    for file in options.files:
        try:
            report = check_file(paths.fetched(file, "files"))
        except (UnreadableError, IsADirectoryError) as error:
            said = error if isinstance(error, UnreadableError) else _is_folder(file)
            print(f"error: {said}", file=sys.stderr)
            failed += 1
            continue
        findings += report.findings
        for note in report.notes:
            print(f"note: {note}", file=sys.stderr)
    counts = {
        severity: sum(finding.severity == severity for finding in findings)
        for severity in ("error", "warning", "info")
    }
    if options.json:
        values = [finding.to_dict() for finding in findings]
        streams.print_json({"findings": values, "counts": counts, "unread": failed})
    else:
        for finding in findings:
            print(finding)
        read = len(options.files) - failed
        plural = {"error": "errors", "warning": "warnings"}
        told = ", ".join(
            f"{count} {name if count == 1 else plural.get(name, name)}"
            for name, count in counts.items()
        )
        print(f"{read} {'file' if read == 1 else 'files'} read: {told}")
    if failed:
        return FAILURE
    return ERRORS if counts["error"] else 0


def _is_folder(file: str) -> str:
    return f"expected a script, received the folder {file}: name the files in it"


def run(words: list[str]) -> int:
    """Run a script unchanged and watch its trainings."""
    found: list[Any] = []

    def parse() -> None:
        own, script, arguments = _divided(words)
        parser = parsing.Parser(
            prog="kerasnorm run",
            description="Run a script unchanged and watch every `fit`: a preflight "
            "before, an examination after, one line on standard error, a page in "
            "--output. What follows the script is its own.",
        )
        parser.add_value("--debug", bool, "Show tracebacks.")
        parser.add_path("script", "A training script.", fetch=True)
        parser.add_path(
            "--output", "Folder for the pages.", check=paths.local, default=OUTPUT
        )
        parser.add_number(
            "--seconds", float, 1, "Time of an examination.", default=30.0
        )
        parser.add_number(
            "--fits", int, 1, "Trainings to look at; more only run.", default=20
        )
        options = parser.parse([*own, *script])
        found.append((options, arguments))

    failed = in_one_sentence(parse, debug="--debug" in words)
    if failed or not found:
        return failed
    [(options, arguments)] = found
    unsuited = _unsuited(options.script)
    if unsuited:
        print(f"error: {remote.as_given(unsuited)}", file=sys.stderr)
        return FAILURE
    from kerasnorm.watch.run_script import run_script
    from kerasnorm.watch.session import Session

    session = Session(
        pathlib.Path(options.script).stem,
        options.output,
        examination=options.seconds,
        fits=options.fits,
    )
    return run_script(options.script, arguments, session)


def _unsuited(script: str) -> str:
    """Return why a path is no script that can be run, nothing where it may be one."""
    if not pathlib.Path(script).is_file():
        return _is_folder(script)
    if pathlib.Path(script).suffix == ".ipynb":
        return (
            f"expected a script, received the notebook {script}: put %load_ext "
            "kerasnorm in its first cell and run it in Jupyter, or convert it with "
            "`jupyter nbconvert --to script`"
        )
    return ""


def _divided(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return our own flags, the script and its arguments."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        if words[place] == "--":
            return words[:place], words[place + 1 : place + 2], words[place + 2 :]
        takes_value = words[place] in VALUED
        place += 2 if takes_value else 1
    return words[:place], words[place : place + 1], words[place + 1 :]
