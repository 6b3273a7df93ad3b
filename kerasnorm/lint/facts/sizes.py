"""Samples, batches and steps of a training, where the script spells them out."""

import math

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import Call, Item, Items, Value, constant_of

SAMPLES = {
    "mnist": 60000,
    "fashion_mnist": 60000,
    "cifar10": 50000,
    "cifar100": 50000,
    "imdb": 25000,
}
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


def _length(value: Value | None) -> int | None:
    while isinstance(value, Call | Item):
        if isinstance(value, Item):
            key, of = constant_of(value.key), value.of
            if isinstance(of, Item) and isinstance(of.of, Call):
                parts = of.of.name.split(".")
                if parts[-1] == "load_data" and len(parts) > 1 and key == 0:
                    first = constant_of(of.key) == 0
                    return SAMPLES.get(parts[-2]) if first else None
            return None
        name = last(value.name)
        if name in ARRAYS:
            shape = value.argument("size") or value.argument("shape")
            shape = shape or (value.positional[-1] if value.positional else None)
            if name in ("rand", "randn") and value.positional:
                shape = Items(None, value.positional)
            sides = constant_of(shape)
            return sides[0] if isinstance(sides, tuple) else None
        if name not in ("astype", "reshape", "copy") or value.receiver is None:
            return None
        value = value.receiver
    return None
