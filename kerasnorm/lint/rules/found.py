"""What a rule has found."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.values import Value


@dataclass(frozen=True)
class Found:
    """Something that a rule has found.

    Args:
        where: What it stands in.
        summary: One sentence: what the script does and what follows.
        severity: Where it is less certain than the rule's own severity.
    """

    where: Value | ast.AST
    summary: str
    severity: str = ""


Rule = Callable[[Script], Iterator[Found]]
