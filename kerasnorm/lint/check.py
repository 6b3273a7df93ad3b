"""Applies all rules to a script."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kerasnorm.codes import SEVERITIES
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.rules.table import RULES, RuleRow
from kerasnorm.lint.script import Script
from kerasnorm.lint.source import EVERYTHING, Place, Source, read_source
from kerasnorm.lint.trace.values import Value


@dataclass(frozen=True)
class LintFinding:
    """Something in a script that would harm a training.

    Args:
        file: The script.
        place: Where in it.
        rule: Name of the rule.
        code: The cause, one of `kerasnorm.codes.CODES`.
        severity: `"info"`, `"warning"` or `"error"`.
        summary: One sentence: what the script does and what follows.
        remedy: What to do.
    """

    file: str
    place: Place
    rule: str
    code: str
    severity: str
    summary: str
    remedy: str

    def __str__(self) -> str:
        head = f"{self.file}:{self.place}: {self.severity} {self.code} [{self.rule}]"
        return f"{head}\n  {self.summary}\n  remedy: {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "file": self.file,
            "line": self.place.line,
            "cell": self.place.cell,
            "rule": self.rule,
            "code": self.code,
            "severity": self.severity,
            "summary": self.summary,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class LintReport:
    """What was found in a script.

    Args:
        findings: In the order of the script.
        notes: What could not be read or followed.
    """

    findings: tuple[LintFinding, ...]
    notes: tuple[str, ...] = ()


def check_file(file: str) -> LintReport:
    """Read a script or notebook and say what would harm a training.

    Args:
        file: A path.

    Raises:
        UnreadableError: If it is no Python 3.
        OSError: If it cannot be read.
    """
    return check_source(read_source(file))


def check_source(source: Source) -> LintReport:
    """Say what in a script would harm a training.

    Args:
        source: A script that has been read.
    """
    script = Script(source)
    found: dict[tuple, LintFinding] = {}
    for row in RULES.values():
        for finding in _apply(row, script):
            found.setdefault((finding.rule, finding.place), finding)
    notes = list(source.notes)
    if not script.is_whole:
        notes.append(f"{source.file} is too long to be followed to its end")
    return LintReport(
        tuple(sorted(found.values(), key=_order)),
        tuple(notes),
    )


def _order(finding: LintFinding) -> tuple:
    return (
        -SEVERITIES.index(finding.severity),
        finding.place.cell or 0,
        finding.place.line,
        finding.rule,
    )


def _apply(row: RuleRow, script: Script) -> Iterator[LintFinding]:
    source = script.source
    for found in row.check(script):
        first, last_line = _lines(found)
        ignored: set[str] = set()
        for line in range(first, last_line + 1):
            ignored |= source.ignored.get(line, set())
        if ignored & {EVERYTHING, row.name, row.code}:
            continue
        yield LintFinding(
            source.file,
            source.place(first),
            row.name,
            row.code,
            found.severity or row.severity,
            found.summary,
            row.remedy,
        )


def _lines(found: Found) -> tuple[int, int]:
    node: ast.AST | None = (
        found.where.node if isinstance(found.where, Value) else found.where
    )
    first = getattr(node, "lineno", 1)
    return first, getattr(node, "end_lineno", None) or first
