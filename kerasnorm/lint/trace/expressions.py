"""Expressions to values."""

import ast
import operator
from collections.abc import Callable
from typing import Any

from kerasnorm.lint.trace.names import canonical
from kerasnorm.lint.trace.scope import Scope
from kerasnorm.lint.trace.values import (
    Call,
    Constant,
    Entries,
    Function,
    Item,
    Items,
    Member,
    Name,
    Operation,
    Unknown,
    Value,
    constant_of,
    is_constant,
)

# Nodes of a script that are looked at, calls followed inside included.
STEPS = 300_000
ARITHMETIC: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
}
COMPARISONS: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
}


class TooLong(Exception):
    """A script that is not followed to its end."""


class Evaluator:
    """Follows expressions; what calls do is added by `Caller`."""

    def __init__(self) -> None:
        self.steps = 0
        self.yielded: list[Value] = []

    def call(self, node: ast.Call, scope: Scope) -> Value:
        """Return what a call gives."""
        raise NotImplementedError

    def evaluate(self, node: ast.AST | None, scope: Scope) -> Value:
        """Return the value of an expression.

        Args:
            node: The expression.
            scope: Where it stands.
        """
        self.steps += 1
        if self.steps > STEPS:
            raise TooLong
        if node is None:
            return Constant(None, None)
        method = getattr(self, f"_{type(node).__name__}", self._other)
        found: Value = method(node, scope)
        return found

    def _other(self, node: ast.AST, scope: Scope) -> Value:
        children = ast.iter_child_nodes(node)
        inside = [c for c in children if isinstance(c, ast.expr)]
        return Unknown(node, [self.evaluate(child, scope) for child in inside])

    def _Constant(self, node: ast.Constant, scope: Scope) -> Value:
        return Constant(node, node.value)

    def _Name(self, node: ast.Name, scope: Scope) -> Value:
        return scope.look_up(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self.attribute(self.evaluate(node.value, scope), node.attr, node)

    def attribute(self, of: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value.

        Args:
            of: The value.
            name: The attribute.
            node: Where.
        """
        if name in of.attributes:
            return of.attributes[name]
        if isinstance(of, Name):
            return Name(node, canonical(f"{of.name}.{name}"))
        return Member(node, of, name)

    def _Call(self, node: ast.Call, scope: Scope) -> Value:
        return self.call(node, scope)

    def _elements(self, node: Any, scope: Scope) -> Value:
        found, is_open = [], False
        for element in node.elts:
            if isinstance(element, ast.Starred):
                value = self.evaluate(element.value, scope)
                if isinstance(value, Items):
                    found += value.items
                    is_open = is_open or value.open
                else:
                    is_open = True
            else:
                found.append(self.evaluate(element, scope))
        return Items(node, found, is_open)

    _List = _Tuple = _Set = _elements

    def _Dict(self, node: ast.Dict, scope: Scope) -> Value:
        made = Entries(node)
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.evaluate(item, scope)
            name = self.evaluate(key, scope) if key is not None else None
            if isinstance(name, Constant) and isinstance(name.value, str | int):
                made.entries[name.value] = value
            elif key is None and isinstance(value, Entries):
                made.entries.update(value.entries)
            else:
                made.open = True
        return made

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        of = self.evaluate(node.value, scope)
        key = self.evaluate(node.slice, scope)
        return element_of(of, key, node)

    def _Slice(self, node: ast.Slice, scope: Scope) -> Value:
        ends = [self.evaluate(n, scope) for n in (node.lower, node.upper, node.step)]
        return Operation(node, operator="slice", operands=ends)

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = (self.evaluate(n, scope) for n in (node.left, node.right))
        return self.combine(node.op, left, right, node)

    def combine(
        self, kind: ast.operator, left: Value, right: Value, node: ast.AST
    ) -> Value:
        """Return what a binary operator gives.

        Args:
            kind: The operator.
            left: The left operand.
            right: The right operand.
            node: Where.
        """
        sign, function = ARITHMETIC.get(type(kind), (type(kind).__name__, None))
        if sign == "+" and isinstance(left, Items) and isinstance(right, Items):
            return Items(node, [*left.items, *right.items], left.open or right.open)
        a, b = constant_of(left), constant_of(right)
        numbers = all(isinstance(n, int | float) for n in (a, b))
        strings = sign == "+" and isinstance(a, str) and isinstance(b, str)
        if function is not None and (numbers or strings):
            try:
                return Constant(node, function(a, b))
            except (ArithmeticError, ValueError):
                return Unknown(node)
        return Operation(node, operator=sign, operands=[left, right])

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(value, Constant):
            if isinstance(node.op, ast.Not):
                return Constant(node, not value.value)
            if isinstance(node.op, ast.USub) and isinstance(value.value, int | float):
                return Constant(node, -value.value)
        return Operation(node, operator=type(node.op).__name__, operands=[value])

    def _Compare(self, node: ast.Compare, scope: Scope) -> Value:
        values = [self.evaluate(n, scope) for n in (node.left, *node.comparators)]
        if len(values) == 2 and all(map(is_constant, values)):
            known = COMPARISONS.get(type(node.ops[0]))
            if known is not None:
                try:
                    a, b = map(constant_of, values)
                    return Constant(node, bool(known[1](a, b)))
                except TypeError:
                    pass
        return Operation(
            node, operator=type(node.ops[0]).__name__.lower(), operands=values
        )

    def _BoolOp(self, node: ast.BoolOp, scope: Scope) -> Value:
        values = [self.evaluate(n, scope) for n in node.values]
        if all(isinstance(value, Constant) for value in values):
            truths = [bool(constant_of(value)) for value in values]
            return Constant(
                node, all(truths) if isinstance(node.op, ast.And) else any(truths)
            )
        return Operation(node, operator=type(node.op).__name__, operands=values)

    def _JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = [
            self.evaluate(n.value if isinstance(n, ast.FormattedValue) else n, scope)
            for n in node.values
        ]
        if all(isinstance(part, Constant) for part in parts):
            return Constant(node, "".join(str(constant_of(part)) for part in parts))
        return Operation(node, operator="format", operands=parts)

    def _IfExp(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.evaluate(node.test, scope)
        if isinstance(test, Constant):
            return self.evaluate(node.body if test.value else node.orelse, scope)
        from_both = [self.evaluate(n, scope) for n in (node.body, node.orelse)]
        return Unknown(node, from_both)

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return Function(node, scope)

    def _comprehension(self, node: Any, scope: Scope) -> Value:
        inner = Scope(scope)
        for part in node.generators:
            source = self.evaluate(part.iter, scope)
            self.bind(part.target, element_of(source, None, part.target), inner)
        results = (
            [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        )
        return Unknown(node, [self.evaluate(result, inner) for result in results])

    _ListComp = _SetComp = _GeneratorExp = _DictComp = _comprehension

    def _Yield(self, node: ast.Yield, scope: Scope) -> Value:
        self.yielded.append(self.evaluate(node.value, scope))
        return Unknown(node)

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self.bind(node.target, value, scope)
        return value

    def bind(self, target: ast.AST, value: Value, scope: Scope) -> None:
        """Let a target of an assignment hold a value.

        Args:
            target: A name, or several.
            value: The value.
            scope: Where.
        """
        if isinstance(target, ast.Name):
            scope.assign(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            for number, part in enumerate(target.elts):
                self.bind(part, element_of(value, Constant(None, number), part), scope)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Unknown(target, [value]), scope)


def element_of(of: Value, key: Value | None, node: ast.AST) -> Value:
    """Return an element of a value.

    Args:
        of: The whole.
        key: Its number or key, None for any.
        node: Where.
    """
    number = constant_of(key)
    if isinstance(of, Items) and isinstance(number, int) and not of.open:
        if -len(of.items) <= number < len(of.items):
            return of.items[number]
    if isinstance(of, Entries) and isinstance(number, str | int):
        if number in of.entries:
            return of.entries[number]
    if isinstance(of, Call) and key is None and of.name in ("enumerate", "zip"):
        parts = [element_of(value, None, node) for value in of.positional]
        if of.name == "enumerate":
            parts = [Unknown(node), *parts[:1]]
        return Items(node, parts)
    return Item(node, of, key)
