"""What shares a name with Keras is a drop-in: Keras' arguments in Keras' order."""

import importlib
import inspect
import pkgutil

import keras
import pytest

import kerasnorm

pytest.importorskip("tensorflow")
from keras._tf_keras import keras as tf_keras

# Classes that users make themselves: all that are exported, and everything of these
# kinds. Others may share a name with something else.
KINDS = (
    keras.callbacks.Callback,
    keras.layers.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)


def classes_of_keras():
    """Return every public class of Keras and of `tf.keras` by name."""
    found, seen, left = {}, set(), [keras, tf_keras]
    while left:
        module = left.pop()
        seen.add(module.__name__)
        for name, value in vars(module).items():
            if name.startswith("_"):
                continue
            if inspect.isclass(value):
                found.setdefault(name, value)
            elif inspect.ismodule(value) and value.__name__.startswith("keras."):
                is_inner = value.__name__.startswith("keras.src")
                if not is_inner and value.__name__ not in seen:
                    left.append(value)
    return found


def classes_of_ours():
    """Return every class that users of kerasnorm make themselves by name."""
    found = {}
    for info in pkgutil.walk_packages(kerasnorm.__path__, "kerasnorm."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value):
                found[name] = value
        for name, value in vars(module).items():
            is_own = inspect.isclass(value) and value.__module__ == info.name
            if is_own and issubclass(value, KINDS) and not name.startswith("_"):
                found[name] = value
    return found


THEIRS = classes_of_keras()
SHARED = {name: kind for name, kind in classes_of_ours().items() if name in THEIRS}


def test_the_table_finds_what_is_known():
    assert {"EarlyStopping", "ImageDataGenerator", "Muon", "TensorBoard"} <= set(SHARED)


@pytest.mark.parametrize("name", SHARED)
def test_arguments_of_keras_come_first_and_in_its_order(name):
    theirs, ours = (
        list(inspect.signature(kind).parameters.values())
        for kind in (THEIRS[name], SHARED[name])
    )
    positional = [p for p in theirs if p.kind is p.POSITIONAL_OR_KEYWORD]
    same = ours[: len(positional)]
    assert [p.name for p in same] == [p.name for p in positional]
    # What needs no value there needs none here.
    assert [p.default is p.empty for p in same] == [
        p.default is p.empty for p in positional
    ]
    added = [p for p in ours[len(positional) :] if p.kind is not p.VAR_KEYWORD]
    assert all(p.kind is p.KEYWORD_ONLY for p in added)
