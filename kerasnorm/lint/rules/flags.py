"""Flags and attributes that Keras 3 does not heed."""

import ast
from collections.abc import Iterator

from kerasnorm.lint.facts import applications
from kerasnorm.lint.facts.networks import is_made_by, is_model
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.rules.freezing import is_frozen_at, root_of
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Member,
    constant_of,
)


def training_flag(script: Script) -> Iterator[Found]:
    """`training=` is written into a functional graph, where `fit` overrides it."""
    if _is_keras_2(script):
        return
    for fit in script.fits:
        network = fit.network
        if not network.is_functional or fit.has_own_step:
            continue
        for applied in network.applied:
            flag = constant_of(applied.argument("training"))
            layer = applied.function
            if flag is None or not isinstance(layer, Call):
                continue
            name = last(layer.name)
            if flag is False and _has_norms(layer, script):
                if is_frozen_at(script, layer, fit.place) is False:
                    yield Found(
                        applied,
                        f"training=False on {name} is overridden by `fit` in a "
                        "functional model: its batch norms train and change their "
                        "moving statistics",
                    )
            elif flag is True and name.startswith(("Dropout", "SpatialDropout")):
                yield Found(
                    applied,
                    f"training=True on {name} is overridden by `predict` and "
                    "`evaluate` in a functional model: nothing is dropped there",
                    "warning",
                )


def _is_keras_2(script: Script) -> bool:
    text = ast.unparse(script.source.tree)
    return "TF_USE_LEGACY_KERAS" in text or "tf_keras" in text


def _has_norms(layer: Call, script: Script) -> bool:
    if last(layer.name) == "BatchNormalization":
        return True
    if applications.is_application(layer.name):
        return applications.has_batch_norms(layer.name)
    return is_model(layer) and script.network(layer).has_batch_norms


def misspelled_trainable(script: Script) -> Iterator[Found]:
    """An attribute is set that is meant to be `trainable`."""
    misspelled = ("trainble", "trainabel", "trainiable", "traianble", "is_trainable")
    for name in (*misspelled, "Trainable", "trainable_", "tranable", "trainalbe"):
        for _, change, _ in script.assignments(name):
            root = root_of(change.target)
            if is_model(root) or is_made_by(root, "BatchNormalization"):
                yield Found(
                    change, f"`{name}` is no attribute of Keras: nothing is set"
                )
    for _, change, _ in script.assignments("trainable"):
        target = change.target
        if isinstance(target, Member) and target.name == "layers":
            yield Found(change, "`layers` is a list: setting `trainable` on it fails")
