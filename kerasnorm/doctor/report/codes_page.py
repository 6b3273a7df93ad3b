"""The codes as a page of the documentation.

python -m kerasnorm.doctor.report.codes_page docs/codes.md
"""

import pathlib
import sys

from kerasnorm.codes import TABLE

HEAD = """\
# Codes of the doctor and of lint

<!-- Made by: python -m kerasnorm.doctor.report.codes_page docs/codes.md -->

What a finding's `code` can be, how serious it can get, and what decides. The letters
are those of the [loss matrix](doctor.md#the-loss-matrix).
"""
TITLES = {
    "examine": "doctor.examine",
    "preflight": "doctor.preflight",
    "lint": "kerasnorm lint",
}


def page() -> str:
    """Return the page: a table for `examine`, one for `preflight`, one for `lint`."""
    parts = [HEAD]
    for name, title in TITLES.items():
        parts.append(f"\n## `{title}`\n\n")
        parts.append("| code | meaning | severity up to | decided by | remedy |\n")
        parts.append("| --- | --- | --- | --- | --- |\n")
        parts += [
            f"| `{code}` | {values.meaning} | {values.severity} | {decided_by} | "
            f"{values.remedy} |\n"
            for code, values in TABLE.items()
            if (decided_by := getattr(values, name))
        ]
    return "".join(parts)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(page(), encoding="utf-8")
