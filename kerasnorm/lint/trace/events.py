"""What a script does, in order: calls, and attributes that it sets."""

import ast
from dataclasses import dataclass, field

from kerasnorm.lint.trace.values import Call, Value


@dataclass(eq=False)
class Assignment(Value):
    """An attribute that the script sets."""

    target: Value = field(default_factory=Value)
    attribute: str = ""
    value: Value = field(default_factory=Value)
    #: Conditions and loops around it, the innermost last.
    around: tuple[ast.AST, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that the script does, in the order in which it does it.

    Args:
        what: A call, or an attribute that is set.
        certain: Whether it does so in every run.
        around: Conditions and loops around it, the innermost last.
    """

    what: Call | Assignment
    certain: bool
    around: tuple[ast.AST, ...] = ()
