"""Errors for users have one form: what was expected, what was received, what to do."""

import ast
import collections
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted(
    file
    for part in ("kerasnorm", "apps", "tuning")
    for file in (ROOT / part).rglob("*.py")
)
# Those that reach users as they are. Others end up in a sentence of their catcher, or
# tell one part of the package something.
ERRORS = {
    *("ValueError", "TypeError", "RuntimeError", "NotImplementedError"),
    *("UsageError", "DataError"),
}
# Errors of another form, by subpackage; the numbers may only fall.
OTHERS = {"tuning": 1}


def errors_of(file):
    """Return line and text of each error that is made in a file, raised or returned."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        made = isinstance(node, ast.Call) and node.args
        if made and ast.unparse(node.func).split(".")[-1] in ERRORS:
            yield node.lineno, text_of(node.args[0])


def text_of(node):
    """Return what is written down of a message, an ellipsis for what is put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "..."


def has_the_form(text):
    """Say whether a message names what was expected and what was received."""
    if set(text) <= {"."}:
        # Made elsewhere.
        return True
    begins = text.startswith(("expected ", "Expected "))
    return begins and any(part in text for part in ("eceived", ", but ", "; but "))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("expected --epochs 1 or more, received ...", True),
        ("Expected a batch of images. Received: .... Give one.", True),
        ("expected a whole file in ..., but it ends early; copy it again", True),
        ("...", True),
        ("`momentum` must be at least 0, received ...", False),
        ("there is nothing to plot", False),
        ("expected something else", False),
    ],
)
def test_the_form_is_recognized(text, fits):
    assert has_the_form(text) is fits


def test_errors_say_what_was_expected_and_what_was_received():
    found = collections.defaultdict(list)
    for file in FILES:
        subpackage, *rest = file.relative_to(ROOT).parts
        found[rest[0] if subpackage == "kerasnorm" else subpackage] += [
            f"{file.name}, line {line}: {text}"
            for line, text in errors_of(file)
            if not has_the_form(text)
        ]
    assert not {
        name: texts for name, texts in found.items() if len(texts) > OTHERS.get(name, 0)
    }
