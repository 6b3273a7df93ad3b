"""Trainings that the script feeds itself: order of samples, norms in its own loops."""

import ast
from collections.abc import Iterator

from kerasnorm.lint.facts.networks import is_model
from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.rules.norms import DROPPING
from kerasnorm.lint.rules.splits import is_sorted
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Class,
    Item,
    Items,
    Operation,
    Value,
    ancestors,
    constant_of,
)

MIXING = (
    "shuffle",
    "permutation",
    "shuffle_arrays",
    "sample",
    "choice",
    "RandomSampler",
)
ON_DATASETS = ("batch", "prefetch", "cache", "map", "repeat", "with_options")


def order_of_labels(script: Script) -> Iterator[Found]:
    """Training batches come class by class, in the order of sorted arrays."""
    if any(script.calls(*MIXING)):
        return
    for call in script.calls("train_on_batch"):
        labels = call.argument("y", 1)
        if is_model(call.receiver) and isinstance(labels, Item):
            if isinstance(labels.key, Operation) and is_sorted(labels.of):
                yield Found(
                    call,
                    "the loop takes slices of arrays that are joined class by class: "
                    "batches hold one class after the other",
                )
    for fit in script.fits:
        labels = _in_order(fit)
        if labels is not None and is_sorted(labels):
            yield Found(
                fit.call,
                "nothing shuffles the training samples, and the labels are joined "
                "class by class: batches hold one class after the other",
            )


def _in_order(fit: Fitted) -> Value | None:
    """Return the labels of a `fit` that takes its samples in their order."""
    labels = fit.argument("y")
    if labels is not None and constant_of(labels, 0) is not None:
        shuffled = constant_of(fit.argument("shuffle"), True)
        return labels if shuffled is False else None
    value = fit.inputs
    while isinstance(value, Call) and last(value.name) in ON_DATASETS:
        value = value.receiver
    if not isinstance(value, Call):
        return None
    if last(value.name) == "DataLoader":
        mixed = any(
            constant_of(given, True)
            for name, place in (("shuffle", 2), ("sampler", 3), ("batch_sampler", 4))
            if (given := value.argument(name, place)) is not None
        )
        value = None if mixed or value.open else value.argument("dataset", 0)
        if not isinstance(value, Call) or last(value.name) != "TensorDataset":
            return None
        return _unwrapped(value.positional[-1]) if value.positional else None
    if last(value.name) == "from_tensor_slices" and value.positional:
        pair = value.positional[0]
        if isinstance(pair, Items) and len(pair.items) == 2:
            return pair.items[1]
    return None


def _unwrapped(labels: Value) -> Value:
    """Return the array that a tensor of PyTorch is made of."""
    while isinstance(labels, Call):
        if last(labels.name) in ("tensor", "from_numpy", "as_tensor", "LongTensor"):
            labels = labels.positional[0] if labels.positional else Value()
        elif labels.name in ("long", "float", "int", "to") and labels.receiver:
            labels = labels.receiver
        else:
            break
    return labels


def loop_in_inference(script: Script) -> Iterator[Found]:
    """A loop of the script's own trains a model as if it predicted."""
    seen: set[int] = set()
    for call in script.calls("gradient"):
        target, sources = call.argument("target", 0), call.argument("sources", 1)
        if target is None or sources is None or not _is_tape(call.receiver):
            continue
        trained = {id(part) for part in ancestors(sources, 60)}
        for applied in ancestors(target):
            if not isinstance(applied, Call) or id(applied) in seen:
                continue
            seen.add(id(applied))
            model = applied.function
            if id(model) not in trained or not is_model(model):
                continue
            if _predicts(applied, model) and _heeds_training(model, script):
                yield Found(
                    applied,
                    "the model is called without training=True where the loop takes "
                    "its gradients: batch norms use and never update their moving "
                    "statistics, dropout drops nothing",
                )


def _is_tape(value: Value | None) -> bool:
    return isinstance(value, Call) and last(value.name) == "GradientTape"


def _predicts(applied: Call, model: Value) -> bool:
    """Return whether a call of a model runs it as `predict` does."""
    flag = applied.argument("training", 1)
    if applied.open or flag is not None:
        return constant_of(flag, True) is False
    cls = model.function if isinstance(model, Call) else None
    while isinstance(cls, Class):
        if "call" in cls.methods:
            return not _trains_unasked(cls.methods["call"])
        cls = next((base for base in cls.bases if isinstance(base, Class)), None)
    return True


def _trains_unasked(method: ast.FunctionDef) -> bool:
    """Return whether `training` of a method `call` is True where nobody gives it."""
    given = method.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    defaults = dict(zip(names[::-1], given.defaults[::-1], strict=False))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if default is not None:
            defaults[argument.arg] = default
    default = defaults.get("training")
    return isinstance(default, ast.Constant) and default.value is True


def _heeds_training(model: Value, script: Script) -> bool:
    network = script.network(model)
    return network.has_batch_norms or bool(network.named(*DROPPING))
