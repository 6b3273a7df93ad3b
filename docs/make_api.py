"""The public names as a page of the documentation.

python docs/make_api.py docs/api.md
"""

import importlib
import inspect
import pathlib
import sys

import kerasnorm

HEAD = """\
# Public names

<!-- Made by: python docs/make_api.py docs/api.md -->

`help(NAME)` prints arguments, shapes, errors, an example and the paper.
"""
# A value has no docstring of its own.
VALUES = {"CODES": "Every code of a finding, with what it means."}


def page() -> str:
    """Return the page: a table of names for each subpackage."""
    parts = [HEAD]
    for subpackage in sorted(set(kerasnorm.__all__) - {"__version__"}):
        module = importlib.import_module(f"kerasnorm.{subpackage}")
        names = sorted(module.__all__, key=str.casefold)
        parts.append(f"\n## `kerasnorm.{subpackage}`\n\n")
        parts.append("| name | what it is | module |\n| --- | --- | --- |\n")
        parts += [_row(module, name) for name in names]
    return "".join(parts)


def _row(module: object, name: str) -> str:
    value = getattr(module, name)
    if name in VALUES:
        return f"| `{name}` | {VALUES[name]} | |\n"
    first = (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")
    return f"| `{name}` | {first} | `{value.__module__}` |\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(page(), encoding="utf-8")
