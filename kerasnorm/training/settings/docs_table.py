"""Writes docs/settings.md, the table of all settings, from their declarations.

python -m kerasnorm.training.settings.docs_table docs/settings.md
"""

import pathlib
import sys

from kerasnorm.model_kinds import MODEL_KINDS
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.settings.settings import DECLARED, FIELDS, SECTIONS
from kerasnorm.training.settings.spelling import flag_of

HEAD = """# Settings

<!-- Made by: python -m kerasnorm.training.settings.docs_table docs/settings.md -->

Each setting is a field of `kerasnorm.training.Settings`, a flag of an app (`image_size`
is `--image-size`; a switch that is on goes off by `--no-...`) and a key of the YAML
files that `--config` reads. Defaults are those of `Settings`; apps have their own, and
`--help` shows them.

A flag that the chosen model, norm or schedule does not use is refused; in a preset or a
file it is ignored.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for section, names in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts.append("| flag | default | values | meaning |\n| --- | --- | --- | --- |")
        # An app knows its name by itself.
        rows = [_row(name) for name in names if name != "app"]
        parts.append("\n".join(rows) + "\n")
    for title, meaning, kinds in (
        ("Norms", "normalizes over", NORM_KINDS),
        ("Networks", "is", MODEL_KINDS),
    ):
        parts.append(f"## {title}\n\n| name | {meaning} |\n| --- | --- |")
        rows = [f"| `{name}` | {kind.help} |" for name, kind in kinds.items()]
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts).rstrip() + "\n"


def _row(name: str) -> str:
    declared = DECLARED[name]
    meaning = [declared.help, declared.details]
    meaning += [
        f"Only with {flag_of(other)} {', '.join(usable)}."
        for other, usable in declared.conditions.items()
    ]
    if declared.only_with_weights:
        meaning.append("Only with --weights.")
    if declared.old_names:
        meaning.append(f"Earlier name: {', '.join(declared.old_names)}.")
    values = declared.values or _kind(name)
    cells = [
        f"`{flag_of(name)}`",
        f"`{_spelled(FIELDS[name].default)}`",
        values,
        " ".join(filter(None, meaning)),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _kind(name: str) -> str:
    kind = FIELDS[name].type
    return "on, off" if kind is bool else "text"


def _spelled(default: object) -> str:
    if default is None:
        return "null"
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(page(), encoding="utf-8")
