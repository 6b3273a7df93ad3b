"""Applies the first remedy to a copy of the model and measures again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasnorm.callbacks.recalibration import recalibrate_batch_norm
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.finding import HEALTHY
from kerasnorm.doctor.gather import gather
from kerasnorm.doctor.probes.short_training import CannotCloneError, clone
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.state import preserved
from kerasnorm.doctor.statistics import batch_norms

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


@dataclass(frozen=True)
class Proof:
    """What the remedy did.

    Args:
        code: The verdict that was treated.
        remedy: What was done, in words.
        before: Examination before.
        after: Examination after, None where there is no remedy to try here.
        model: The repaired copy, None where there is none or only the data were mended.
    """

    code: str
    remedy: str
    before: Examination
    after: Examination | None
    model: keras.Model | None

    @property
    def gain(self) -> float:
        """How much the validation loss fell; 0 where nothing was tried.

        Not a number where one of the two losses is none.
        """
        if self.after is None:
            return 0.0
        before, after = (e.losses.get("D", np.nan) for e in (self.before, self.after))
        return float(before - after)

    def to_dict(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        return {
            "verdict": self.code,
            "remedy": self.remedy,
            "before": self.before.to_dict(),
            "after": self.after and self.after.to_dict(),
            "gain": self.gain if np.isfinite(self.gain) else None,
        }


def prove(
    model: keras.Model,
    train: Iterable,
    validation: Iterable,
    *,
    seconds: float = 50.0,
    before: Examination | None = None,
) -> Proof:
    """Examine a model, treat a copy for the verdict, and examine the copy.

    Statistics are estimated anew, norms are swapped and trained a little, ordered
    batches are shuffled and trained on a little, validation inputs are mapped, classes
    are exchanged back. What needs a new training (more
    data, other labels, another learning rate) is not tried.

    Args:
        model: The model; it stays as it is.
        train: Training batches as for `examine`.
        validation: Validation batches likewise.
        seconds: Time for each examination.
        before: An examination of this model that was made already.

    Returns:
        The proof, with the repaired copy.

    Example:
        >>> proof = kerasnorm.doctor.prove(model, train, validation)
        >>> proof.gain
        >>> proof.model.save("repaired.keras")
    """
    training = gather(train, 2048, name="training")
    held = gather(validation, 1024, name="validation")
    if before is None:
        before = _examine(model, training, held, seconds)
    code = before.verdict
    treat = _treatment(code)
    if treat is None:
        words = "nothing to mend"
        if code != HEALTHY:
            words = "nothing to try without a new training"
        return Proof(code, words, before, None, None)
    if code in TRAINED and getattr(model, "loss", None) is None:
        words = "nothing to try without a compiled loss to train with"
        return Proof(code, words, before, None, None)
    try:
        copy, held, words, *mended = treat(model, training, held, before)
    except NothingToTryError as error:
        return Proof(code, str(error), before, None, None)
    except CannotCloneError:
        words = f"nothing to try: Keras cannot copy a {type(model).__name__}"
        return Proof(code, words, before, None, None)
    training = mended[0] if mended else training
    after = _examine(copy or model, training, held, seconds)
    return Proof(code, words, before, after, copy)


def _examine(model, train: Samples, held: Samples, seconds: float) -> Examination:
    return examine(model, _batches(train), _batches(held), seconds=seconds)


def _batches(samples: Samples) -> list:
    taken = (samples.take(numbers) for numbers in samples.batches())
    return [tuple(part for part in batch if part is not None) for batch in taken]


def _treatment(code: str) -> Callable | None:
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


def copy_of(model: keras.Model) -> keras.Model:
    """Return a compiled copy with the same weights and statistics.

    Args:
        model: A model that Keras can clone.

    Raises:
        CannotCloneError: If Keras cannot clone it, as with most subclassed models.
    """
    with preserved(model):
        copy = clone(model)
    copy.set_weights(model.get_weights())
    if getattr(model, "loss", None) is not None:
        copy.compile("adam", model.loss, jit_compile=False)
    return copy


def _recalibrate(model, train, held, before):
    copy = copy_of(model)
    size = max(train.batch_size, 64)
    shuffled = [train.take(numbers) for numbers in train.shuffled(size)]
    recalibrate_batch_norm(copy, [x for x, _, _ in shuffled])
    return copy, held, "moving statistics estimated anew on training inputs"


def _swap(model, train, held, before):
    from kerasnorm.surgery import swap_norm

    copy, _ = swap_norm(model, "group")
    copy.compile(keras.optimizers.Adam(1e-3), model.loss, jit_compile=False)
    batches = train.shuffled(max(train.batch_size, 16))
    for step in range(STEPS):
        copy.train_on_batch(*train.take(batches[step % len(batches)]))
    return copy, held, f"batch norms swapped for group norms, {STEPS} steps of training"


def _shuffle(model, train, held, before):
    copy = copy_of(model)
    copy.optimizer.learning_rate = 1e-3
    batches = train.shuffled(max(train.batch_size, 16))
    for step in range(STEPS):
        copy.train_on_batch(*train.take(batches[step % len(batches)]))
    if batch_norms(copy):
        recalibrate_batch_norm(copy, [train.take(numbers)[0] for numbers in batches])
    x, y, weights = train.take(np.concatenate(batches))
    sizes = tuple(len(numbers) for numbers in batches)
    train = replace(train, x=x, y=y, weights=weights, sizes=sizes)
    return copy, held, f"{STEPS} steps of training in shuffled batches", train


def _map(model, train, held, before):
    from kerasnorm.doctor.probes.inputs import apply_map

    name = before.findings[0].evidence.get("map")
    if name is None:
        raise NothingToTryError("no simple map: prepare the pictures in one way")
    mapped = held.with_inputs(apply_map(name, train.x, held.x))
    return None, mapped, f"validation inputs mapped: {name}"


def _exchange(model, train, held, before):
    mapping = before.findings[0].evidence.get("mapping")
    if mapping is None:
        raise NothingToTryError("nothing to try: make labels, outputs and loss agree")
    back = np.argsort(mapping)
    y = held.labels
    if y.ndim == 2 and y.shape[1] == len(mapping):
        y = y[:, mapping]
    else:
        y = back[y.astype(int)].astype(y.dtype)
    exchanged = replace(held, y=keras.tree.map_structure(lambda _: y, held.y))
    return None, exchanged, f"validation classes renumbered: {list(mapping)}"
