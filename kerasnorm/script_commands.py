"""`kerasnorm lint` and `kerasnorm run`: for scripts that people already have."""

import sys

from kerasnorm.lint.errors import UnreadableError
from kerasnorm.training.settings import parsing
from kerasnorm.training.system import paths, streams

FAILURE, ERRORS = 1, 3


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
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        print(f"{read} {'file' if read == 1 else 'files'} read: {told}")
    if failed:
        return FAILURE
    return ERRORS if counts["error"] else 0


def _is_folder(file: str) -> str:
    return f"expected a script, received the folder {file}: name the files in it"
