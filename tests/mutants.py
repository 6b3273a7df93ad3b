"""Breaks modules in small ways, and tells which breakages no test notices.

python -m tests.mutants MODULE TEST... --count 5 --seed 1

Each breakage changes one number, comparison, sign or truth value in a copy of the
project and runs the given tests there. It takes a start of pytest for each, so it is
run by hand and not in CI.
"""

import argparse
import ast
import copy
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUICK = "not slow and not thorough"
COPIED = ("kerasnorm", "apps", "tuning", "tests", "benchmarks", "docs")
PYTEST = (sys.executable, *"-m pytest -qx -p no:cacheprovider -m".split(), QUICK)
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


def main(argv: list[str] | None = None) -> int:
    """Break, test and print; return how many breakages no test noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=pathlib.Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    module = options.module
    found = list(breakages(ast.parse((ROOT / module).read_text(encoding="utf-8"))))
    chosen = random.Random(options.seed).sample(found, min(options.count, len(found)))
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, pathlib.Path(folder, name))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for what, broken in chosen:
            text = ast.unparse(ast.fix_missing_locations(broken))
            pathlib.Path(folder, module).write_text(text, encoding="utf-8")
            done = subprocess.run(
                [*PYTEST, *options.tests],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": folder},
                capture_output=True,
            )
            survivors += done.returncode == 0
            verdict = "SURVIVES" if done.returncode == 0 else "noticed"
            print(f"{verdict}  {module}:{what}", flush=True)
    return survivors


if __name__ == "__main__":
    sys.exit(main())
