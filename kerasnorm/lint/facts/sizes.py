"""Samples, batches and steps of a training, where the script spells them out."""

import math

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Item,
    Items,
    Member,
    Operation,
    Value,
    constant_of,
)

SAMPLES = {
    "mnist": 60000,
    "fashion_mnist": 60000,
    "cifar10": 50000,
    "cifar100": 50000,
    "imdb": 25000,
}
# Of scikit-learn: with a fixed number of samples, and drawn.
LOADED = {
    "load_digits": 1797,
    "load_iris": 150,
    "load_wine": 178,
    "load_breast_cancer": 569,
    "load_diabetes": 442,
}
DRAWN = (
    *("make_classification", "make_blobs", "make_moons", "make_circles"),
    *("make_regression", "make_gaussian_quantiles", "make_friedman1"),
)
# Functions that give as many samples as their first argument has.
OF_FIRST = (
    *("array", "asarray", "expand_dims", "to_categorical", "transform"),
    *("fit_transform", "astype", "reshape"),
)
DEEPEST = 40
ARRAYS = ("zeros", "ones", "random", "normal", "uniform", "rand", "randn", "integers")
DEFAULT_BATCH = 32
ON_DATASETS = ("shuffle", "prefetch", "cache", "map", "repeat", "take", "skip")


def batch_size_of(fit: Fitted) -> int | None:
    """Return the samples in a batch, None where the script does not tell.

    Args:
        fit: A training.
    """
    given = fit.argument("batch_size")
    if given is not None:
        found = constant_of(given)
        return found if isinstance(found, int) else None
    found = _batched(fit.inputs)
    if found is not None:
        return found
    has_labels = fit.argument("y") is not None
    return DEFAULT_BATCH if has_labels and not fit.call.open else None


def _batched(value: Value | None) -> int | None:
    while isinstance(value, Call | Item):
        if isinstance(value, Item):
            value = value.of
            continue
        name = last(value.name)
        if name == "batch":
            found = constant_of(value.argument("batch_size", 0))
            return found if isinstance(found, int) else None
        if name in ("flow_from_directory", "image_dataset_from_directory", "flow"):
            given = value.argument("batch_size")
            found = DEFAULT_BATCH if given is None else constant_of(given)
            return found if isinstance(found, int) else None
        if name not in ON_DATASETS:
            return None
        value = value.receiver
    return None


def steps_of(fit: Fitted) -> int | None:
    """Return the steps of an epoch, None where the script does not tell.

    Args:
        fit: A training.
    """
    given = constant_of(fit.argument("steps_per_epoch"))
    if isinstance(given, int):
        return given
    samples, size = samples_of(fit), batch_size_of(fit)
    if samples is None or size is None or size < 1:
        return None
    split = constant_of(fit.argument("validation_split"), 0.0)
    if not isinstance(split, int | float):
        return None
    return max(1, math.ceil(samples * (1 - split) / size))


def epochs_of(fit: Fitted) -> int | None:
    """Return the epochs, None where the script does not tell.

    Args:
        fit: A training.
    """
    found = constant_of(fit.argument("epochs"), 1)
    return found if isinstance(found, int) else None


def samples_of(fit: Fitted) -> int | None:
    """Return the number of training samples of arrays, None where unknown.

    Args:
        fit: A training.
    """
    if fit.argument("y") is None:
        return None
    return _length(fit.inputs)


def _length(value: Value | None, depth: int = 0) -> int | None:
    """Return how many samples an array holds, None where the script does not tell."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Item):
        return _length_of_item(value, depth + 1)
    if isinstance(value, Member) and value.name in ("data", "images", "target"):
        return _length(value.of, depth + 1)
    if isinstance(value, Operation):
        number = any(constant_of(operand) is not None for operand in value.operands)
        scaled = value.operator in ("+", "-", "*", "/") and number
        found = [_length(part, depth + 1) for part in value.operands if scaled]
        return next((length for length in found if length is not None), None)
    if not isinstance(value, Call):
        return None
    name, first = last(value.name), value.argument("n_samples", 0)
    if name in DRAWN:
        length = 100 if first is None else constant_of(first)
        return length if isinstance(length, int) else None
    if name in LOADED and "sklearn" in value.name:
        return LOADED[name]
    if name in ARRAYS:
        shape = value.argument("size") or value.argument("shape")
        shape = shape or (value.positional[-1] if value.positional else None)
        if name in ("rand", "randn") and value.positional:
            shape = Items(None, value.positional)
        sides = constant_of(shape)
        return sides[0] if isinstance(sides, tuple) else None
    if name in ("astype", "reshape", "copy") and isinstance(value.function, Member):
        return _length(value.receiver, depth + 1)
    return _length(first, depth + 1) if name in OF_FIRST else None


def _length_of_item(value: Item, depth: int) -> int | None:
    """Return the samples in a part of data, an element of what a call gives."""
    key, of = constant_of(value.key), value.of
    if isinstance(of, Item) and isinstance(of.of, Call):
        parts = of.of.name.split(".")
        if parts[-1] == "load_data" and len(parts) > 1 and key == 0:
            return SAMPLES.get(parts[-2]) if constant_of(of.key) == 0 else None
    if isinstance(value.key, Operation) and value.key.operator == "slice":
        lower, upper, step = (constant_of(end) for end in value.key.operands)
        whole = _length(of, depth)
        end = whole if upper is None else upper
        if step is None and isinstance(end, int) and end > (lower or 0) >= 0:
            return min(end, whole or end) - (lower or 0)
        return None
    if isinstance(value.key, Call) and last(value.key.name) == "permutation":
        return _length(of, depth)
    if not isinstance(of, Call) or not isinstance(key, int):
        return None
    if last(of.name) == "train_test_split":
        return _length_of_part(of, key, depth)
    return _length(of, depth) if last(of.name) in (*DRAWN, *LOADED) else None


def _length_of_part(split: Call, place: int, depth: int) -> int | None:
    """Return the samples in a part of `train_test_split`."""
    if place // 2 >= len(split.positional) or "train_size" in split.keywords:
        return None
    whole = _length(split.positional[place // 2], depth)
    size = constant_of(split.argument("test_size"), None)
    size = 0.25 if "test_size" not in split.keywords else size
    if whole is None or not isinstance(size, int | float):
        return None
    tested = math.ceil(whole * size) if isinstance(size, float) else size
    return tested if place % 2 else whole - tested
