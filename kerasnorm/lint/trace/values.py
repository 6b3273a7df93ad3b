"""What the expressions of a script may be: values that are followed, not computed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Value:
    """What an expression gives; two names of one object hold the same `Value`.

    Args:
        node: Where it was made.
    """

    node: ast.AST | None = None
    #: What the script assigned to attributes of the object.
    attributes: "dict[str, Value]" = field(default_factory=dict, kw_only=True)

    def parts(self) -> "list[Value]":
        """Return what it was made of."""
        return []


@dataclass(eq=False)
class Constant(Value):
    """A number, string, bool or None that the script spells out."""

    value: Any = None


@dataclass(eq=False)
class Name(Value):
    """Something imported or built in, by its dotted name."""

    name: str = ""


@dataclass(eq=False)
class Items(Value):
    """A list, tuple or set."""

    items: list[Value] = field(default_factory=list)
    #: Whether anything may have been added that was not followed.
    open: bool = False
    #: Loops around what appended its last item.
    loops: tuple[ast.AST, ...] = ()

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return self.items


@dataclass(eq=False)
class Entries(Value):
    """A dictionary with constant keys."""

    entries: dict[Any, Value] = field(default_factory=dict)
    open: bool = False

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return list(self.entries.values())


@dataclass(eq=False)
class Function(Value):
    """A function or lambda of the script."""

    scope: Any = None
    #: The object that a method belongs to.
    owner: Value | None = None


@dataclass(eq=False)
class Class(Value):
    """A class of the script."""

    scope: Any = None
    bases: list[Value] = field(default_factory=list)
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)


@dataclass(eq=False)
class Call(Value):
    """What a call that is not followed inside gives: an object, or a result.

    Args:
        function: What was called.
        positional: Its arguments.
        keywords: Its keyword arguments.
        applied: What a function handed over gives, where it is one for elements of
            the receiver (`dataset.map`).
    """

    function: Value = field(default_factory=Value)
    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    #: Whether there are `*args` or `**kwargs` that were not followed.
    open: bool = False
    applied: Value | None = None

    @property
    def name(self) -> str:
        """Dotted name of the function, or name of the method."""
        if isinstance(self.function, Name | Member):
            return self.function.name
        return ""

    @property
    def receiver(self) -> Value | None:
        """What the method was called on, or the object that was called."""
        if isinstance(self.function, Member):
            return self.function.of
        return self.function if isinstance(self.function, Call) else None

    def argument(self, name: str, place: int | None = None) -> Value | None:
        """Return an argument by name or place, None where it is not given."""
        if name in self.keywords:
            return self.keywords[name]
        if place is not None and place < len(self.positional):
            return self.positional[place]
        return None

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        applied = [] if self.applied is None else [self.applied]
        of = [] if self.receiver is None else [self.receiver]
        return [*applied, *of, *self.positional, *self.keywords.values()]


@dataclass(eq=False)
class Member(Value):
    """An attribute that the script did not assign."""

    of: Value = field(default_factory=Value)
    name: str = ""

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return [self.of]


@dataclass(eq=False)
class Item(Value):
    """An element: `of[key]`, or one of a loop or an unpacking."""

    of: Value = field(default_factory=Value)
    key: Value | None = None

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return [self.of]


@dataclass(eq=False)
class Operation(Value):
    """An arithmetic operation, comparison or formatted string."""

    operator: str = ""
    operands: list[Value] = field(default_factory=list)

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return self.operands


@dataclass(eq=False)
class Choice(Value):
    """One of several, depending on what only a run can tell."""

    options: list[Value] = field(default_factory=list)

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return self.options


@dataclass(eq=False)
class Unknown(Value):
    """Anything, made of what is known."""

    sources: list[Value] = field(default_factory=list)

    def parts(self) -> list[Value]:
        """Return what it was made of."""
        return self.sources


def ancestors(value: Value, limit: int = 2000) -> Iterator[Value]:
    """Yield a value and all that it was made of, each once.

    Args:
        value: The value.
        limit: Values at most.
    """
    seen: set[int] = set()
    waiting = [value]
    while waiting and len(seen) < limit:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += reversed(found.parts())


def constant_of(value: Value | None, default: Any = None) -> Any:
    """Return the value of a constant or of a tuple of them, else the default.

    Args:
        value: A value, or None.
        default: What anything else gives.
    """
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Items) and value.items and not value.open:
        if all(isinstance(item, Constant) for item in value.items):
            return tuple(constant_of(item) for item in value.items)
    return default


def is_constant(value: Value | None) -> bool:
    """Return whether a value is a constant or a tuple of them.

    Args:
        value: A value, or None.
    """
    unknown = object()
    return constant_of(value, unknown) is not unknown


def line_of(value: Value | ast.AST | None) -> int:
    """Return the line that a value or node begins in, 0 where it has none.

    Args:
        value: A value or a node.
    """
    node = value.node if isinstance(value, Value) else value
    return getattr(node, "lineno", 0)
