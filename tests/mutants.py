"""Breaks modules in small ways, and tells which breakages no test notices.

python -m tests.mutants                     every row of tests/mutated.py
python -m tests.mutants recovery budget     rows whose module holds the text
python -m tests.mutants kerasnorm/training/loop/recovery.py tests/training/test_x.py
python -m tests.mutants MODULE TEST... --count 5 --seed 1

Each breakage changes one number, comparison, sign or truth value in a copy of the
project and runs the given tests there, in a process forked after Keras was imported.
It takes seconds to a minute for each, so it is run by hand and not in CI.
"""

import argparse
import ast
import copy
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence

# Before the first fork: to import it takes longer than most tests.
import keras  # noqa: F401
import pytest

from tests.mutated import MUTATED, OPEN

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUICK = "not slow and not thorough"
COPIED = ("kerasnorm", "apps", "tuning", "tests", "benchmarks", "docs")
PYTEST = ("-qx", "--no-header", "-p", "no:cacheprovider", "-m", QUICK)
# A breakage may well make a loop endless; that it takes so long is noticed, too.
SECONDS = 300
OTHERS = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def breakages(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Yield what is changed in which line, and the changed module."""
    for place, node in enumerate(ast.walk(tree)):
        broken = copy.deepcopy(tree)
        twin = list(ast.walk(broken))[place]
        if not change(twin):
            continue
        line = getattr(node, "lineno", 0)
        yield f"{line}: {ast.unparse(node)} -> {ast.unparse(twin)}", broken


def change(node: ast.AST) -> bool:
    """Change a node to something else of its kind; say whether there is such."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        node.value = node.value * 3 or 1
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHERS:
        node.ops[0] = OTHERS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OTHERS:
        node.op = OTHERS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.op = ast.UAdd() if isinstance(node.operand, ast.Constant) else ast.Not()
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
    else:
        return False
    return True


def passes(folder: pathlib.Path, tests: Sequence[str]) -> bool:
    """Run tests of a copy of the project in a process of its own.

    Args:
        folder: The copy.
        tests: Test files in it.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    status = 1
    try:
        signal.alarm(SECONDS)
        for stream in (1, 2):
            os.dup2(os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT), stream)
        os.chdir(folder)
        os.environ["PYTHONPATH"] = str(folder)
        sys.path[:] = [str(folder), *(p for p in sys.path if not is_root(p))]
        for name in [n for n in sys.modules if n.split(".")[0] in COPIED]:
            del sys.modules[name]
        status = int(pytest.main([*PYTEST, *tests]))
    finally:
        sys.stdout.flush()
        os._exit(status)


def is_root(path: str) -> bool:
    """Say whether an entry of `sys.path` is the project itself."""
    return pathlib.Path(path).resolve() == ROOT


def survivors_of(
    module: str, tests: Sequence[str], count: int, seed: int
) -> Iterator[tuple[str, bool]]:
    """Break a module, and yield each breakage and whether no test noticed it.

    Args:
        module: Path of the module in the project.
        tests: Test files that are run.
        count: Breakages to try at most.
        seed: Which ones.

    Raises:
        RuntimeError: If the tests fail with nothing broken.
    """
    found = list(breakages(ast.parse((ROOT / module).read_text(encoding="utf-8"))))
    chosen = random.Random(seed).sample(found, min(count, len(found)))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)
        if not passes(folder, tests):
            output = (folder / "output.txt").read_text(encoding="utf-8")
            raise RuntimeError(f"{module}: nothing broken, and yet\n{output}")
        for what, broken in chosen:
            text = ast.unparse(ast.fix_missing_locations(broken))
            (folder / module).write_text(text, encoding="utf-8")
            yield what, passes(folder, tests)


def main(argv: list[str] | None = None) -> int:
    """Break, test and print; return how many breakages no test noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="module and tests, or parts of names")
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    names = options.names or [""]
    if names[0].endswith(".py"):
        rows = {names[0]: names[1:]}
    else:
        rows = {
            f"kerasnorm/{module}.py": [f"tests/{test}.py" for test in tests.split()]
            for module, tests in (MUTATED | OPEN).items()
            if any(name in module for name in names)
        }
    survivors = 0
    for module, tests in rows.items():
        try:
            for what, survives in survivors_of(
                module, tests, options.count, options.seed
            ):
                survivors += survives
                verdict = "SURVIVES" if survives else "noticed"
                print(f"{verdict}  {module}:{what}", flush=True)
        except RuntimeError as error:
            survivors += 1
            print(error, flush=True)
    return survivors


if __name__ == "__main__":
    sys.exit(main())
