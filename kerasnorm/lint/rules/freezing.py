"""Layers that are frozen or thawed, and batch norms among them."""

import ast
from collections.abc import Iterator

from kerasnorm.lint.facts import applications
from kerasnorm.lint.facts.networks import Network
from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.events import Assignment
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Choice,
    Item,
    Member,
    Value,
    constant_of,
    line_of,
)


def root_of(value: Value) -> Value:
    """Return the model whose layers a value is, or the value itself.

    Args:
        value: Such as an element of `base.layers[:-20]`.
    """
    while True:
        if isinstance(value, Item):
            value = value.of
        elif isinstance(value, Member) and value.name in ("layers", "_layers"):
            value = value.of
        elif isinstance(value, Call) and value.name in ("get_layer", "reversed"):
            inner = value.receiver or (value.positional and value.positional[0])
            if not isinstance(inner, Value):
                return value
            value = inner
        else:
            return value


def _belongs(target: Value, network: Network) -> bool:
    known = {id(part) for part in [*network.models, *network.layers, *network.bases]}
    root = root_of(target)
    options = root.options if isinstance(root, Choice) else [root]
    return any(id(option) in known for option in options)


def freeze_without_compile(script: Script) -> Iterator[Found]:
    """Layers are frozen or thawed between two `fit`s without `compile`."""
    for fit in script.fits:
        if fit.compiled is None or _is_in_branch(script, fit):
            continue
        for place, change, certain in script.assignments("trainable"):
            if not fit.compiled.place < place < fit.place:
                continue
            network = fit.network
            if not _belongs(change.target, network) or not _changes(script, change):
                continue
            yield _without_compile(script, fit, place, change, certain)
            break


def _without_compile(
    script: Script, fit: Fitted, place: int, change: Assignment, certain: bool
) -> Found:
    compiled = fit.compiled or fit
    does = "frozen" if constant_of(change.value) is False else "made trainable"
    at = script.source.place(line_of(compiled.call))
    before = [
        other
        for other in script.fits
        if other.compiled is fit.compiled and other.place < place
    ]
    if not before:
        return Found(
            change,
            f"layers are {does} after `compile` (line {at}): Keras 3 heeds that only "
            "because `fit` has not run yet; compile again",
            "warning",
        )
    sure = certain or _only_by_kind(change)
    first = script.source.place(line_of(before[0].call))
    return Found(
        change,
        f"layers are {does} after `fit` (line {first}) without another `compile`: the "
        f"`fit` of line {script.source.place(line_of(fit.call))} trains what was "
        "trainable before",
        "" if sure and fit.certain and compiled.certain else "warning",
    )


def _is_in_branch(script: Script, fit: Fitted) -> bool:
    return fit.compiled is not None and not fit.compiled.certain and fit.certain


def _changes(script: Script, change: Assignment) -> bool:
    """Return whether a setting differs from the one before it."""
    value = constant_of(change.value)
    root = root_of(change.target)
    before = True
    for _, other, _ in script.assignments("trainable"):
        if other is change:
            break
        if root_of(other.target) is root:
            before = constant_of(other.value)
    whole = root is change.target
    return value is None or value is not before or not whole


def _only_by_kind(change: Assignment) -> bool:
    """Return whether the only conditions around it choose layers in a loop."""
    loops = [node for node in change.around if isinstance(node, ast.For)]
    return bool(loops) and isinstance(change.around[0], ast.For)


def is_frozen_at(script: Script, layer: Value, place: int) -> bool | None:
    """Return whether a layer or base is frozen at some place, None if only in part.

    Args:
        script: The script.
        layer: The layer or base.
        place: Number of the event.
    """
    frozen: bool | None = False
    if isinstance(layer, Call) and constant_of(layer.argument("trainable")) is False:
        frozen = True
    for where, change, certain in script.assignments("trainable"):
        if where >= place:
            break
        if root_of(change.target) is not layer:
            continue
        value = constant_of(change.value)
        if change.target is layer and certain and value is not None:
            frozen = value is False
        elif value is not True:
            frozen = True if _is_every_layer(change) and value is False else None
        elif not _is_every_layer(change) or frozen is not False:
            frozen = None
    return frozen


def _is_every_layer(change: Assignment) -> bool:
    """Return whether all layers are set: `for layer in base.layers` without `if`."""
    target = change.target
    if not isinstance(target, Item) or target.key is not None:
        return False
    branches = any(isinstance(node, ast.If) for node in change.around)
    return isinstance(target.of, Member) and not branches


def norms_train_in_base(script: Script) -> Iterator[Found]:
    """Batch norms of a pretrained base train while it is fine-tuned."""
    for fit in script.fits:
        for base in _trained_before(script, fit):
            changes = [
                change
                for place, change, _ in script.assignments("trainable")
                if place < fit.place and root_of(change.target) is base
            ]
            if not changes or is_frozen_at(script, base, fit.place) is True:
                continue
            kept = [change for change in changes if _spares_norms(change)]
            if kept:
                if constant_of(kept[-1].value) is False and _is_negated(kept[-1]):
                    yield Found(
                        kept[-1],
                        f"every layer of {last(base.name)} is frozen except its batch "
                        "norms: their statistics leave those that the frozen layers "
                        "were trained with",
                    )
                continue
            if _inside_call_with_flag(fit, base):
                continue
            yield Found(
                changes[-1],
                f"the batch norms of the part of {last(base.name)} that is trained "
                "leave their pretrained statistics: freeze them and compile again",
            )


def _trained_before(script: Script, fit: Fitted) -> list[Call]:
    """Return the parts of a model that have batch norms and were trained before."""
    found = [
        base
        for base in fit.network.bases
        if applications.has_batch_norms(base.name) and _pretrained(base)
    ]
    earlier = {
        id(model)
        for other in script.fits
        if other.place < fit.place and other.model is not fit.model
        for model in other.network.models
    }
    for model in fit.network.models[1:]:
        if isinstance(model, Call) and id(model) in earlier and model not in found:
            found += [model] * bool(script.network(model).batch_norms)
    return found


def _pretrained(base: Call) -> bool:
    return constant_of(base.argument("weights", 1), "imagenet") is not None


def _spares_norms(change: Assignment) -> bool:
    tests = [node for node in change.around if isinstance(node, ast.If)]
    return any("BatchNorm" in ast.unparse(node.test) for node in tests)


def _is_negated(change: Assignment) -> bool:
    tests = [node for node in change.around if isinstance(node, ast.If)]
    return any(
        isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        for node in tests
    )


def _inside_call_with_flag(fit: Fitted, base: Call) -> bool:
    """Return whether `training_flag` says it already."""
    return (
        any(
            applied.function is base
            and constant_of(applied.argument("training")) is False
            for applied in fit.network.applied
        )
        and fit.network.is_functional
    )


def frozen_untrained_base(script: Script) -> Iterator[Found]:
    """A base is frozen with the random weights that it was made with."""
    if any(script.calls("load_weights", "set_weights", "load_state_dict", "assign")):
        return
    for fit in script.fits:
        for base in fit.network.bases:
            given = base.argument("weights", 1)
            if given is None or constant_of(given, "") is not None:
                continue
            trained = any(
                base in other.network.bases
                for other in script.fits
                if other.place < fit.place
            )
            if not trained and is_frozen_at(script, base, fit.place) is True:
                yield Found(
                    base,
                    f"{last(base.name)} is made with weights=None and frozen: its "
                    "features are random and stay so",
                )
