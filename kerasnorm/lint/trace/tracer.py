"""Statements in the order in which a script runs them."""

import ast
from typing import Any

from kerasnorm.lint.trace.calls import Caller
from kerasnorm.lint.trace.events import Assignment, Event
from kerasnorm.lint.trace.expressions import TooLong, element_of
from kerasnorm.lint.trace.names import imported
from kerasnorm.lint.trace.scope import Scope, merged
from kerasnorm.lint.trace.values import (
    Call,
    Class,
    Constant,
    Entries,
    Function,
    Items,
    Name,
    Unknown,
    Value,
    constant_of,
)

# Rounds of a loop over known elements that are followed.
ROUNDS = 8


class Tracer(Caller):
    """Follows the statements of a script."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = True

    def trace(self, tree: ast.Module) -> list[Event]:
        """Return what a script does.

        Functions that it calls are followed where they are called; those that nobody
        calls are followed at the end, for what they would do.

        Args:
            tree: The script.
        """
        scope = Scope()
        try:
            self.run(tree.body, scope)
            self._run_what_is_left(tree, scope)
        except (TooLong, RecursionError):
            self.whole = False
        return self.events

    def _run_what_is_left(self, tree: ast.Module, scope: Scope) -> None:
        for value in list(scope.names.values()):
            if isinstance(value, Function) and value.node not in self.followed:
                self.follow_function(value, Call(value.node, value, open=True))
            if isinstance(value, Class):
                methods = set(value.methods.values())
                if not methods & self.followed:
                    self.follow(Call(value.node, value, open=True))

    def run(self, body: list[ast.stmt], scope: Scope) -> list[Value]:
        """Run statements and return what they may return.

        Args:
            body: The statements.
            scope: Where.
        """
        returned: list[Value] = []
        for statement in body:
            name = type(statement).__name__
            method = getattr(self, f"_run_{name}", None)
            if method is not None:
                returned += method(statement, scope) or []
            else:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        self.evaluate(child, scope)
            if name in ("Return", "Raise", "Continue", "Break"):
                break
        return returned

    def _run_Return(self, node: ast.Return, scope: Scope) -> list[Value]:
        return [self.evaluate(node.value, scope)]

    def _run_Import(self, node: Any, scope: Scope) -> None:
        for name, dotted in imported(node).items():
            if name.startswith("*"):
                scope.stars.append(dotted)
            else:
                scope.assign(name, Name(node, dotted))

    _run_ImportFrom = _run_Import

    def _run_FunctionDef(self, node: ast.FunctionDef, scope: Scope) -> None:
        made = Function(node, scope)
        scope.assign(node.name, made)
        for decorator in node.decorator_list:
            self.evaluate(decorator, scope)

    def _run_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        bases = [self.evaluate(base, scope) for base in node.bases]
        methods = {
            item.name: item for item in node.body if isinstance(item, ast.FunctionDef)
        }
        scope.assign(node.name, Class(node, scope, bases, methods))

    def _run_Assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self._assign(target, value, scope)

    def _run_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._assign(node.target, self.evaluate(node.value, scope), scope)

    def _run_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        before = self.evaluate(node.target, scope)
        more = self.evaluate(node.value, scope)
        if isinstance(before, Items) and isinstance(more, Items):
            before.items += more.items
            return
        self._assign(node.target, self.combine(node.op, before, more, node), scope)

    def _assign(self, target: ast.AST, value: Value, scope: Scope) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for number, part in enumerate(target.elts):
                element = element_of(value, Constant(None, number), part)
                self._assign(part, element, scope)
        elif isinstance(target, ast.Attribute):
            of = self.evaluate(target.value, scope)
            of.attributes[target.attr] = value
            made = Assignment(
                target,
                target=of,
                attribute=target.attr,
                value=value,
                around=tuple(self.around),
            )
            self.events.append(Event(made, not self.conditions))
        elif isinstance(target, ast.Subscript):
            of = self.evaluate(target.value, scope)
            key = constant_of(self.evaluate(target.slice, scope))
            if isinstance(of, Entries) and isinstance(key, str | int):
                of.entries[key] = value
            elif isinstance(of, Entries | Items):
                of.open = True
        else:
            self.bind(target, value, scope)

    def _run_Global(self, node: ast.Global, scope: Scope) -> None:
        scope.globals.update(node.names)

    def _run_If(self, node: ast.If, scope: Scope) -> list[Value]:
        test = self.evaluate(node.test, scope)
        if isinstance(test, Constant):
            return self.run(node.body if test.value else node.orelse, scope)
        before = dict(scope.names)
        self.conditions += 1
        self.around.append(node)
        returned = self.run(node.body, scope)
        after = scope.names
        scope.names = before
        returned += self.run(node.orelse, scope)
        self.around.pop()
        self.conditions -= 1
        if node.body and isinstance(node.body[-1], ast.Return | ast.Raise):
            return returned
        merged(scope, after, scope.names)
        return returned

    def _run_For(self, node: ast.For, scope: Scope) -> list[Value]:
        source = self.evaluate(node.iter, scope)
        self.around.append(node)
        returned: list[Value] = []
        for element in rounds_of(source, node):
            self._assign(node.target, element, scope)
            returned += self.run(node.body, scope)
        self.around.pop()
        return returned + self.run(node.orelse, scope)

    def _run_While(self, node: ast.While, scope: Scope) -> list[Value]:
        self.evaluate(node.test, scope)
        self.around.append(node)
        returned = self.run(node.body, scope)
        self.around.pop()
        return returned

    def _run_With(self, node: ast.With, scope: Scope) -> list[Value]:
        for item in node.items:
            value = self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self._assign(item.optional_vars, value, scope)
        return self.run(node.body, scope)

    def _run_Try(self, node: ast.Try, scope: Scope) -> list[Value]:
        returned = self.run(node.body, scope)
        self.conditions += 1
        for handler in node.handlers:
            before = dict(scope.names)
            returned += self.run(handler.body, scope)
            merged(scope, before, scope.names)
        self.conditions -= 1
        return returned + self.run(node.orelse, scope) + self.run(node.finalbody, scope)


def rounds_of(source: Value, node: ast.For) -> list[Value]:
    """Return what a loop goes through, as far as it is followed.

    Args:
        source: What it goes through.
        node: The loop.
    """
    if isinstance(source, Items) and not source.open and source.items:
        return source.items[:ROUNDS]
    if isinstance(source, Call) and source.name == "range":
        return [Unknown(node.target)] * 2
    return [element_of(source, None, node.target)]
