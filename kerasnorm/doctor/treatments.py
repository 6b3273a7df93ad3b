"""Repairs of a copy, or of the data, for the findings that data at hand can repair."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.forward.copies import copy_model, train_on
from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.doctor.losses.evaluation_batches import shuffled
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.surgery.rebuild import compile_like
from kerasnorm.surgery.swap import swap_norm

#: Causes that exact statistics cure.
RECALIBRATED = (
    "stale_statistics",
    "broken_statistics",
    "ema_statistics",
    "dropout_before_norm",
    "single_sample_batch",
    "training_flag_overridden",
    "unfrozen_norm_in_frozen_base",
)
#: Causes that norms without batch statistics cure, after some more training.
SWAPPED = ("small_batch", "gradient_accumulation")
#: Causes whose remedy trains the copy.
TRAINED = (*SWAPPED, "ordered_batches")
# Steps of fine-tuning after a swap.
STEPS = 200


class NothingToTryError(ValueError):
    """The finding names no change that could be made to the data."""


def treatment_of(code: str) -> Callable | None:
    """Return the repair of a cause, None where it needs a new training.

    Args:
        code: Code of a finding.

    Returns:
        Function of (model, train, validation, finding) to the repaired copy, or None
        where only the data are repaired, the validation samples, a sentence, and the
        training samples where they are repaired too.
    """
    if code in RECALIBRATED:
        return _recalibrate
    if code in SWAPPED:
        return _swap
    others: dict[str, Callable] = {
        "input_mismatch": _map,
        "label_mismatch": _exchange,
        "ordered_batches": _shuffle,
    }
    return others.get(code)


def _recalibrate(
    model: keras.Model, train: Samples, validation: Samples, finding: Finding
):
    copy = copy_model(model, train)
    batches = [train.take(numbers)[0] for numbers in shuffled(model, train)]
    recalibrate_batch_norm(copy, batches)
    return copy, validation, "moving statistics re-estimated on training inputs"


def _swap(model: keras.Model, train: Samples, validation: Samples, finding: Finding):
    copy, _ = swap_norm(model, "group", batch=train.take(train.batches()[0])[0])
    compile_like(model, copy, keras.optimizers.Adam(1e-3))
    _train(copy, train, shuffled(model, train, 16))
    return (
        copy,
        validation,
        f"batch norms swapped for group norms, {STEPS} steps of training",
    )


def _shuffle(model: keras.Model, train: Samples, validation: Samples, finding: Finding):
    copy = copy_model(model, train, keras.optimizers.Adam(1e-3))
    batches = shuffled(model, train, 16)
    _train(copy, train, batches)
    if batch_norms(copy):
        recalibrate_batch_norm(copy, [train.take(numbers)[0] for numbers in batches])
    x, y, weights = train.take(np.concatenate(batches))
    sizes = tuple(len(numbers) for numbers in batches)
    train = replace(train, x=x, y=y, weights=weights, sizes=sizes)
    return copy, validation, f"{STEPS} steps of training in shuffled batches", train


def _train(copy: keras.Model, train: Samples, batches: list[np.ndarray]) -> None:
    train_on(copy, train, [batches[step % len(batches)] for step in range(STEPS)])


def _map(model: keras.Model, train: Samples, validation: Samples, finding: Finding):
    from kerasnorm.doctor.probes.inputs.input_map import InputMap
    from kerasnorm.doctor.probes.inputs.inputs import apply_map

    if "scale" in finding.evidence:
        scale, offset, order = (
            tuple(finding.evidence[part])
            for part in ("scale", "offset", "channel_order")
        )
        images = InputMap(scale, offset, order, finding.evidence["channel_axis"])
        train = train.with_inputs(images.apply(train.x))
        if "validation" in finding.evidence["splits"]:
            validation = validation.with_inputs(images.apply(validation.x))
        return None, validation, f"inputs mapped: {images.name}", train
    if "map_of_weights" in finding.evidence:
        raise NothingToTryError("nothing to try: the classifier has to learn again")
    name = finding.evidence.get("map")
    if name is None:
        raise NothingToTryError("no simple map: prepare the images in one way")
    mapped = validation.with_inputs(apply_map(name, train.inputs, validation.inputs))
    return None, mapped, f"validation inputs mapped: {name}"


def _exchange(
    model: keras.Model, train: Samples, validation: Samples, finding: Finding
):
    mapping = finding.evidence.get("mapping")
    if mapping is None:
        raise NothingToTryError("nothing to try: make labels, outputs and loss agree")
    back = np.argsort(mapping)
    y = validation.labels
    if y.ndim == 2 and y.shape[1] == len(mapping):
        y = y[:, mapping]
    else:
        y = back[y.astype(int)].astype(y.dtype)
    exchanged = replace(
        validation, y=keras.tree.map_structure(lambda _: y, validation.y)
    )
    return None, exchanged, f"validation classes renumbered: {list(mapping)}"
