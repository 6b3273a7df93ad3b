"""Losses that do not fit activations, labels or the number of outputs."""

from collections.abc import Iterator
from dataclasses import dataclass

from kerasnorm.lint.facts import heads
from kerasnorm.lint.facts.labels import classes_of, form_of_labels
from kerasnorm.lint.facts.trainings import Compiled
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import Call, Constant, Name, Value, constant_of

KINDS = {
    "binary_crossentropy": "binary",
    "BinaryCrossentropy": "binary",
    "bce": "binary",
    "categorical_crossentropy": "categorical",
    "CategoricalCrossentropy": "categorical",
    "sparse_categorical_crossentropy": "sparse",
    "SparseCategoricalCrossentropy": "sparse",
}
NAMES = {
    "binary": "binary cross-entropy",
    "categorical": "categorical cross-entropy",
    "sparse": "sparse categorical cross-entropy",
}
FITTING = {"binary": "sigmoid", "categorical": "softmax", "sparse": "softmax"}
LABELS = {"categorical": "one-hot labels", "sparse": "whole numbers as labels"}


@dataclass(frozen=True)
class Loss:
    """A cross-entropy.

    Args:
        kind: `"binary"`, `"categorical"` or `"sparse"`.
        from_logits: What it takes outputs for, None if unknown.
        where: Where it is named.
    """

    kind: str
    from_logits: bool | None
    where: Value


def loss_of(compiled: Compiled) -> Loss | None:
    """Return the cross-entropy that a model is compiled with, None for any other loss.

    Args:
        compiled: A `compile`.
    """
    value = compiled.argument("loss")
    if isinstance(value, Constant) and str(value.value) in KINDS:
        return Loss(KINDS[str(value.value)], False, value)
    if isinstance(value, Name) and last(value.name) in KINDS:
        return Loss(KINDS[last(value.name)], False, value)
    if isinstance(value, Call) and last(value.name) in KINDS:
        given = value.argument("from_logits", 0)
        logits = False if given is None else constant_of(given)
        if value.open or not isinstance(logits, bool):
            logits = None
        return Loss(KINDS[last(value.name)], logits, value)
    return None


def softmax_of_one_output(script: Script) -> Iterator[Found]:
    """A softmax over one number is always 1."""
    for _, network in script.compiles():
        if network.outputs == 1 and heads.units_of(network) == 1:
            if heads.activation_of(network) == "softmax" and heads.is_dense(network):
                yield Found(
                    network.layers[-1],
                    "a softmax over one output is 1 for every sample: the model cannot "
                    "learn",
                )


def activation_and_loss(script: Script) -> Iterator[Found]:
    """The last activation does not give what the loss expects."""
    for compiled, network in script.compiles():
        loss = loss_of(compiled)
        if loss is None or network.outputs != 1 or not network.layers:
            continue
        activation = heads.activation_of(network)
        named = NAMES[loss.kind]
        if activation is None or (activation == "softmax" and _is_one(network)):
            continue
        if activation in ("linear", "relu", "tanh") and loss.from_logits is False:
            output = f"the {activation} output" if activation != "linear" else "an "
            output += "" if activation != "linear" else "output without activation"
            yield Found(
                compiled.call,
                f"{named} takes {output} for probabilities: give the last layer "
                f"activation={FITTING[loss.kind]!r}, or the loss from_logits=True",
            )
        elif activation in ("relu", "tanh") and loss.from_logits:
            yield Found(
                compiled.call,
                f"the last layer has activation={activation!r}, which cuts off the "
                "logits that the loss expects",
            )
        elif activation in ("softmax", "sigmoid") and loss.from_logits:
            yield Found(
                loss.where,
                f"from_logits=True, but the last layer has activation={activation!r}: "
                "the activation is applied twice, except where Keras' TensorFlow "
                "backend finds the numbers in front of it",
                "warning",
            )
        elif loss.kind == "sparse" and activation == "sigmoid":
            yield Found(
                compiled.call,
                f"{named} compares classes, but sigmoid judges each by itself: use "
                "softmax",
                "warning",
            )


def _is_one(network: object) -> bool:
    return heads.units_of(network) == 1  # type: ignore[arg-type]


def outputs_and_loss(script: Script) -> Iterator[Found]:
    """The number of outputs does not fit the loss or the classes."""
    for compiled, network in script.compiles():
        loss = loss_of(compiled)
        units = heads.units_of(network)
        if loss is None or units is None or network.outputs != 1:
            continue
        if loss.kind != "binary" and units == 1 and heads.is_dense(network):
            if heads.activation_of(network) != "softmax":
                yield Found(
                    compiled.call,
                    f"{NAMES[loss.kind]} with one output: it expects one output for "
                    "each class",
                )
        elif loss.kind == "binary" and units == 2 and heads.is_dense(network):
            if heads.activation_of(network) == "softmax":
                yield Found(
                    compiled.call,
                    "binary cross-entropy with a softmax over two outputs: it fits "
                    "one-hot labels only; usual is Dense(1, activation='sigmoid')",
                    "warning",
                )


def labels_and_loss(script: Script) -> Iterator[Found]:
    """Labels are not of the form that the loss takes."""
    for fit in script.fits:
        loss = loss_of(fit.compiled) if fit.compiled is not None else None
        form = form_of_labels(fit)
        if loss is None or form is None or fit.network.outputs > 1:
            continue
        units = heads.units_of(fit.network)
        if loss.kind in LABELS:
            given = "one-hot" if form == "categorical" else "whole"
            wanted = "one-hot" if loss.kind == "categorical" else "whole"
            if given != wanted:
                told = "one-hot labels" if given == "one-hot" else "whole numbers"
                yield Found(
                    fit.compiled.call if fit.compiled else fit.call,
                    f"{NAMES[loss.kind]} expects {LABELS[loss.kind]}, received {told}",
                )
        elif loss.kind == "binary" and units == 1 and form == "categorical":
            yield Found(
                fit.compiled.call if fit.compiled else fit.call,
                "binary cross-entropy of one output expects one number a sample, "
                "received one-hot labels: use class_mode or label_mode 'binary'",
            )
        elif loss.kind == "binary" and units == 2 and form in ("int", "binary"):
            yield Found(
                fit.compiled.call if fit.compiled else fit.call,
                "binary cross-entropy of two outputs expects one-hot labels, received "
                "whole numbers",
            )


def outputs_and_classes(script: Script) -> Iterator[Found]:
    """The number of outputs is not that of the classes of known labels."""
    for fit in script.fits:
        loss = loss_of(fit.compiled) if fit.compiled is not None else None
        units = heads.units_of(fit.network)
        counted = classes_of(fit.argument("y"))
        if loss is None or units is None or counted is None:
            continue
        if fit.network.outputs != 1 or not heads.is_dense(fit.network):
            continue
        classes, source = counted
        if loss.kind == "sparse" and 1 < units < classes:
            yield Found(
                fit.call,
                f"{units} outputs for the {classes} classes of {last(source)}",
            )
        elif loss.kind == "binary" and units == 1 and classes > 2:
            yield Found(
                fit.call,
                f"one output and binary cross-entropy for the {classes} classes of "
                f"{last(source)}: it tells two classes apart, expected an output for "
                "each, softmax and sparse categorical cross-entropy",
            )
