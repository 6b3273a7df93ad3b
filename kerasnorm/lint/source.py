"""Files to syntax trees: scripts and notebooks."""

import ast
import io
import json
import pathlib
import re
import tokenize
from dataclasses import dataclass, field

from kerasnorm.lint.errors import UnreadableError

# What Python 2 allows and Python 3 does not.
PYTHON_2 = re.compile(
    r"^\s*print\s+[^\s(=]|^\s*except\s+[\w.]+\s*,\s*\w+\s*:|^\s*raise\s+\w+\s*,"
    r"|^\s*exec\s+[\"']|<>|\b0\d+\b",
    re.M,
)
MAGIC = re.compile(r"^(\s*)[%!?]")
MAGIC_VALUE = re.compile(r"^(\s*[\w., ]+=\s*)[%!].*$")
HELP = re.compile(r"^(\s*)[\w.]+\?{1,2}\s*$")
# Cell magics behind which Python follows; behind the others something else does.
PYTHON_CELLS = ("time", "timeit", "capture", "prun", "python", "python3", "debug")
IGNORE = re.compile(r"#\s*kerasnorm:\s*ignore(?:\[([^\]]*)\])?")
EVERYTHING = "*"


@dataclass(frozen=True)
class Place:
    """Where something stands.

    Args:
        line: The line, in its cell if it stands in one.
        cell: Number of the code cell of a notebook, from 1; None in a script.
    """

    line: int
    cell: int | None = None

    def __str__(self) -> str:
        return f"{self.line}" if self.cell is None else f"cell {self.cell}:{self.line}"


@dataclass
class Source:
    """A script that has been read.

    Args:
        file: Its path as it was given.
        tree: Its syntax tree.
        places: Where each line of the tree stands.
        ignored: Rules that comments switch off, by line of the tree.
        notes: What could not be read.
    """

    file: str
    tree: ast.Module
    places: dict[int, Place] = field(default_factory=dict)
    ignored: dict[int, set[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, line: int) -> Place:
        """Return where a line of the tree stands.

        Args:
            line: The line.
        """
        return self.places.get(line, Place(line))


def read_source(file: str) -> Source:
    """Read a script or a notebook.

    Args:
        file: A path.

    Raises:
        UnreadableError: If it is no Python 3.
        OSError: If it cannot be read.
    """
    data = pathlib.Path(file).read_bytes()
    if pathlib.Path(file).suffix == ".ipynb":
        return _read_notebook(file, data)
    text = _decoded(file, data)
    return Source(file, _parsed(text, file), ignored=_ignored(text))


def _decoded(file: str, data: bytes) -> str:
    if b"\0" in data:
        raise UnreadableError(
            f"expected a Python script, received {file}, which holds binary data: name "
            "a .py or .ipynb file"
        )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding).replace("\r\n", "\n").lstrip("\ufeff")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnreadableError(
            f"expected a Python script, received {file}, which is not text in its "
            f"encoding ({error}): save it as UTF-8"
        ) from error


def _parsed(text: str, file: str, where: str = "") -> ast.Module:
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(text, file, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        told = f"{file}, {where}line {line}" if where else f"{file}, line {line}"
        if PYTHON_2.search(text):
            raise UnreadableError(
                f"expected Python 3, received {told}, which is Python 2: convert the "
                "script first, for example with 2to3"
            ) from error
        reason = getattr(error, "msg", None) or str(error)
        raise UnreadableError(
            f"expected Python, received {told}, where it is none ({reason}): name a "
            "script that Python can run"
        ) from error
    if not isinstance(tree, ast.Module):
        raise UnreadableError(f"expected a script, received {file}")
    return tree


def _ignored(text: str) -> dict[int, set[str]]:
    """Return the rules that comments switch off, by line."""
    found: dict[int, set[str]] = {}
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return found
    for token in tokens:
        match = IGNORE.search(token.string) if token.type == tokenize.COMMENT else None
        if match is not None:
            names = match.group(1)
            rules = {name.strip() for name in names.split(",")} if names else set()
            found.setdefault(token.start[0], set()).update(rules or {EVERYTHING})
    return found


def _read_notebook(file: str, data: bytes) -> Source:
    try:
        book = json.loads(data.decode("utf-8-sig"))
        # Notebooks of format 3 keep their cells in worksheets.
        cells = book.get("cells")
        if cells is None:
            cells = [c for sheet in book["worksheets"] for c in sheet["cells"]]
        codes = [
            cell.get("source", cell.get("input", ""))
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(
            f"expected a notebook, received {file}, which is not JSON with cells: save "
            "it again in Jupyter"
        ) from error
    made = Source(file, ast.Module([], []))
    offset, failed = 0, []
    for number, code in enumerate(codes, 1):
        text = _without_magics(code if isinstance(code, str) else "".join(code))
        try:
            tree = _parsed(text, file, f"cell {number}, ")
        except UnreadableError as error:
            failed.append(str(error))
            continue
        ast.increment_lineno(tree, offset)
        made.tree.body += tree.body
        for line in range(1, text.count("\n") + 2):
            made.places[offset + line] = Place(line, number)
        ignored = _ignored(text).items()
        made.ignored.update({offset + line: rules for line, rules in ignored})
        offset += text.count("\n") + 1
    if failed and not made.tree.body:
        raise UnreadableError(failed[0])
    made.notes += failed
    return made


def _without_magics(text: str) -> str:
    """Return the Python of a cell; other lines become empty statements."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        magic = first[2:].split()[:1]
        if not magic or magic[0] not in PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
    made = []
    for line in lines:
        if MAGIC.match(line) or HELP.match(line):
            line = f"{line[: len(line) - len(line.lstrip())]}pass"
        else:
            line = MAGIC_VALUE.sub(r"\1None", line)
        made.append(line)
    return "\n".join(made)
