"""Calls to values: functions of the script are followed inside."""

import ast

from kerasnorm.lint.trace.events import Event
from kerasnorm.lint.trace.expressions import Evaluator
from kerasnorm.lint.trace.scope import Scope
from kerasnorm.lint.trace.values import (
    Call,
    Choice,
    Class,
    Constant,
    Entries,
    Function,
    Item,
    Items,
    Member,
    Name,
    Unknown,
    Value,
    constant_of,
)

DEPTH = 12
# Methods of a dataset that call a function with each element.
ELEMENTWISE = ("map", "flat_map", "interleave", "filter", "apply")


def is_partial(value: Value) -> bool:
    """Return whether a value is a `functools.partial` of something.

    Args:
        value: What is called.
    """
    return (
        isinstance(value, Call)
        and value.name == "functools.partial"
        and bool(value.positional)
    )


def _completed(made: Call) -> Call:
    """Return the call that a call of a `functools.partial` makes."""
    while is_partial(made.function):
        partial: Call = made.function  # type: ignore[assignment]
        made = Call(
            made.node,
            partial.positional[0],
            [*partial.positional[1:], *made.positional],
            {**partial.keywords, **made.keywords},
            made.open or partial.open,
        )
    return made


class Caller(Evaluator):
    """Follows calls; what statements do is added by `Tracer`."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.active: list[ast.AST] = []
        self.followed: set[ast.AST] = set()
        self.conditions = 0
        self.around: list[ast.AST] = []
        self.yielded: list[Value] = []

    def run(self, body: list[ast.stmt], scope: Scope) -> list[Value]:
        """Run statements and return what they may return."""
        raise NotImplementedError

    def attribute(self, of: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute; of parsed arguments the default, as without flags."""
        found = super().attribute(of, name, node)
        if isinstance(found, Member) and isinstance(of, Call):
            if of.name == "parse_args":
                return self._default(of.receiver, name) or found
        return found

    def _default(self, parser: Value | None, name: str) -> Value | None:
        for event in self.events:
            made = event.what
            if not isinstance(made, Call) or made.name != "add_argument":
                continue
            flags = [str(constant_of(value)) for value in made.positional]
            plain = [flag.lstrip("-").replace("-", "_") for flag in flags]
            default = made.keywords.get("default")
            number = isinstance(constant_of(default), int | float | str)
            if made.receiver is parser and name in plain and number:
                if not isinstance(constant_of(default), bool):
                    return default
        return None

    def call(self, node: ast.Call, scope: Scope) -> Value:
        """Return what a call gives, and note that it was made."""
        function = self.evaluate(node.func, scope)
        made = Call(node, function)
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                value = self.evaluate(argument.value, scope)
                if isinstance(value, Items) and not value.open:
                    made.positional += value.items
                else:
                    made.open = True
            else:
                made.positional.append(self.evaluate(argument, scope))
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                made.keywords[keyword.arg] = value
            elif isinstance(value, Entries) and not value.open:
                made.keywords.update({str(k): v for k, v in value.entries.items()})
            else:
                made.open = True
        return self.follow(made)

    def follow(self, made: Call) -> Value:
        """Return what a call gives, with its function followed inside if it is known.

        Args:
            made: The call with its arguments.
        """
        if is_partial(made.function):
            made = _completed(made)
        function = made.function
        if isinstance(function, Function):
            return self.follow_function(function, made)
        self.events.append(Event(made, not self.conditions, tuple(self.around)))
        if isinstance(function, Class):
            self._make(function, made)
        elif isinstance(function, Member):
            self._method(function, made)
        elif isinstance(function, Name):
            self._hand_over(made)
            if function.name == "dict" and not (made.positional or made.open):
                return Entries(made.node, dict(made.keywords))
            if function.name.endswith("path.join") or function.name == "str":
                texts = [constant_of(value) for value in made.positional]
                if texts and all(isinstance(text, str) for text in texts):
                    return Constant(made.node, "/".join(texts))
        return made

    def follow_function(self, function: Function, made: Call) -> Value:
        """Return what a function of the script returns.

        Args:
            function: The function.
            made: A call of it.
        """
        node = function.node
        is_known = isinstance(node, ast.FunctionDef | ast.Lambda)
        if not is_known or node in self.active or len(self.active) >= DEPTH:
            return Unknown(made.node, made.parts())
        inner = Scope(function.scope)
        self._bind_parameters(node, function, made, inner)  # type: ignore[arg-type]
        self.followed.add(node)  # type: ignore[arg-type]
        self.active.append(node)  # type: ignore[arg-type]
        before, self.yielded = self.yielded, []
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, inner)
            returned = self.run(node.body, inner)  # type: ignore[union-attr]
            if self.yielded:
                # A generator, by what it yields first.
                return Items(made.node, self.yielded[:1], open=True)
        finally:
            self.active.pop()
            self.yielded = before
        found = [value for value in returned if constant_of(value, 0) is not None]
        if not found:
            return Constant(made.node, None)
        unique = list({id(value): value for value in found}.values())
        return unique[0] if len(unique) == 1 else Choice(made.node, unique)

    def _bind_parameters(
        self,
        node: ast.FunctionDef | ast.Lambda,
        function: Function,
        made: Call,
        inner: Scope,
    ) -> None:
        given = list(made.positional)
        if function.owner is not None:
            given.insert(0, function.owner)
        arguments = node.args
        names = [*arguments.posonlyargs, *arguments.args]
        defaults = dict(
            zip([a.arg for a in names][::-1], arguments.defaults[::-1], strict=False)
        )
        for argument, default in zip(
            arguments.kwonlyargs, arguments.kw_defaults, strict=True
        ):
            if default is not None:
                defaults[argument.arg] = default
        for number, argument in enumerate([*names, *arguments.kwonlyargs]):
            if number < min(len(given), len(names)):
                value = given[number]
            elif argument.arg in made.keywords:
                value = made.keywords[argument.arg]
            elif argument.arg in defaults and not made.open:
                value = self.evaluate(defaults[argument.arg], function.scope)
            else:
                value = Unknown(argument)
            inner.names[argument.arg] = value
        if arguments.vararg:
            inner.names[arguments.vararg.arg] = Items(None, given[len(names) :])
        if arguments.kwarg:
            known = {argument.arg for argument in [*names, *arguments.kwonlyargs]}
            rest = {k: v for k, v in made.keywords.items() if k not in known}
            inner.names[arguments.kwarg.arg] = Entries(None, dict(rest), made.open)

    def _make(self, cls: Class, made: Call) -> None:
        """Follow the methods of a class of the script that Keras or Python calls."""
        for name in ("__init__", "call", "forward", "train_step"):
            method = self.method_of(cls, name, made)
            if method is not None:
                inside = made if name == "__init__" else Call(made.node, method)
                given = self.follow_function(method, inside)
                made.applied = made.applied if name == "train_step" else given

    def method_of(self, cls: Value, name: str, owner: Value) -> Function | None:
        """Return a method of a class of the script or of its bases.

        Args:
            cls: The class.
            name: The method.
            owner: The object.
        """
        if not isinstance(cls, Class):
            return None
        if name in cls.methods:
            return Function(cls.methods[name], cls.scope, owner)
        found = (self.method_of(base, name, owner) for base in cls.bases)
        return next((method for method in found if method is not None), None)

    def _method(self, function: Member, made: Call) -> None:
        of = function.of
        if isinstance(of, Items) and function.name in ("append", "insert"):
            of.items += made.positional[-1:]
            of.loops = tuple(self.around)
            of.open = of.open or bool(self.conditions)
        elif isinstance(of, Items) and function.name == "extend":
            more = made.positional[0] if made.positional else None
            if isinstance(more, Items):
                of.items += more.items
            else:
                of.open = True
        elif isinstance(of, Call) and isinstance(of.function, Class):
            method = self.method_of(of.function, function.name, of)
            if method is not None:
                made.applied = self.follow_function(method, made)
        if function.name in ELEMENTWISE and made.positional:
            made.applied = self._apply(made.positional[0], made, of)
        else:
            self._hand_over(made)

    def _hand_over(self, made: Call) -> None:
        """Follow functions that a call takes, with arguments that nobody knows."""
        for value in [*made.positional, *made.keywords.values()]:
            if isinstance(value, Function) and made.applied is None:
                made.applied = self._apply(value, made, None)

    def _apply(self, function: Value, made: Call, source: Value | None) -> Value | None:
        if not isinstance(function, Function):
            # A layer, or a function of a library.
            if isinstance(function, Call | Name | Member) and source is not None:
                return self.follow(Call(made.node, function, [Item(made.node, source)]))
            return None
        arguments = getattr(function.node, "args", None)
        count = len(arguments.args) if arguments is not None else 0
        if function.owner is not None:
            count -= 1
        given: list[Value] = [
            Unknown(made.node)
            if source is None
            else Item(made.node, source, Constant(None, number))
            for number in range(count)
        ]
        if source is not None and count == 1:
            given = [Item(made.node, source)]
        defaults = len(arguments.defaults) if arguments is not None else 0
        kept = given[: count - defaults] if defaults else given
        return self.follow_function(function, Call(made.node, function, kept))
