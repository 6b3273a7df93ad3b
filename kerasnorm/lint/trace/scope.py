"""Names of a script and what they hold, function by function."""

from collections.abc import Iterator

from kerasnorm.lint.trace.names import BUILTINS
from kerasnorm.lint.trace.values import Choice, Constant, Name, Unknown, Value


class Scope:
    """Names of a module, function or class.

    Args:
        parent: The scope around it.
    """

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self.names: dict[str, Value] = {}
        self.stars: list[str] = []
        self.globals: set[str] = set()

    def chain(self) -> "Iterator[Scope]":
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def module(self) -> "Scope":
        """The scope of the whole script."""
        return list(self.chain())[-1]

    def look_up(self, name: str) -> Value:
        """Return what a name holds.

        Args:
            name: A name without dots.
        """
        for scope in self.chain():
            if name in scope.names:
                return scope.names[name]
        if name == "__name__":
            return Constant(None, "__main__")
        if name in BUILTINS:
            return Name(None, name)
        for scope in self.chain():
            keras = [star for star in scope.stars if star.startswith("keras")]
            if keras:
                return Name(None, f"{keras[-1]}.{name}")
        return Unknown(None)

    def assign(self, name: str, value: Value) -> None:
        """Let a name hold a value.

        Args:
            name: A name without dots.
            value: The value.
        """
        scope = self.module if name in self.globals else self
        scope.names[name] = value


def merged(scope: Scope, one: dict[str, Value], other: dict[str, Value]) -> None:
    """Let a scope hold what either of two branches left.

    Args:
        scope: The scope; its names are replaced.
        one: Names after one branch.
        other: Names after the other.
    """
    names = {}
    for name in {**one, **other}:
        a, b = one.get(name), other.get(name)
        if a is b and a is not None:
            names[name] = a
        elif a is None or b is None:
            names[name] = a or b or Unknown(None)
        else:
            options: list[Value] = []
            for value in (a, b):
                options += value.options if isinstance(value, Choice) else [value]
            names[name] = Choice(None, options)
    scope.names = names
