"""Tries the remedy of every finding on a copy and measures again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnorm.codes import HEALTHY
from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.forward.copies import CannotCloneError
from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.loss_matrix.scores import score
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.treatments import TRAINED, NothingToTryError, treatment_of


@dataclass(frozen=True)
class Trial:
    """The remedy of one finding, alone.

    Args:
        code: The finding that was treated.
        remedy: What was done, or why nothing was, in words.
        before: Loss and accuracy of each split before, by the names
            `training_loss`, `training_accuracy`, `validation_loss`,
            `validation_accuracy`; None where it cannot be measured.
        after: The same after, None where nothing was tried.
    """

    code: str
    remedy: str
    before: Mapping[str, float | None]
    after: Mapping[str, float | None] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as JSON values."""
        return {
            "code": self.code,
            "remedy": self.remedy,
            "before": dict(self.before),
            "after": self.after and dict(self.after),
        }


@dataclass(frozen=True)
class Proof:
    """What the remedy did.

    Args:
        code: The verdict that was treated.
        remedy: What was done, in words.
        before: Examination before.
        after: Examination after, None where there is no remedy to try here.
        model: The repaired copy, None where there is none or only the data were
            repaired.
        trials: The remedy of every finding, each alone, in the order of the findings.
    """

    code: str
    remedy: str
    before: Examination
    after: Examination | None
    model: keras.Model | None
    trials: tuple[Trial, ...] = ()

    @property
    def gain(self) -> float:
        """How much the validation loss fell; 0 where nothing was tried.

        Not a number where one of the two losses is none.
        """
        if self.after is None:
            return 0.0
        before, after = (
            e.losses.get(Cell.VALIDATION_MOVING, np.nan)
            for e in (self.before, self.after)
        )
        return float(before - after)

    def to_dict(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        return {
            "verdict": self.code,
            "remedy": self.remedy,
            "before": self.before.to_dict(),
            "after": self.after and self.after.to_dict(),
            "gain": self.gain if np.isfinite(self.gain) else None,
            "trials": [trial.to_dict() for trial in self.trials],
        }


def prove(
    model: keras.Model,
    train: Iterable,
    validation: Iterable,
    *,
    seconds: float = 50.0,
    samples: int = 1024,
    loss: Any = None,
    before: Examination | None = None,
) -> Proof:
    """Examine a model, treat a copy for the verdict, and examine the copy.

    The remedy of every finding is tried alone, and the copy treated for the verdict is
    examined. Statistics are estimated again, norms are swapped and trained a little,
    ordered batches are shuffled and trained on a little, validation inputs are mapped,
    classes are exchanged back. What needs a new training (more data, other labels,
    another learning rate) is not tried.

    Args:
        model: The model; it stays as it is.
        train: Training batches as for `examine`.
        validation: Validation batches likewise.
        seconds: Time for each examination.
        samples: Largest number of samples of each split in each examination, as for
            `examine`; remedies are tried with up to twice as many.
        loss: Loss to measure with instead of the compiled one.
        before: An examination of this model that was made already.

    Returns:
        The proof, with the repaired copy.

    Example:
        >>> proof = kerasnorm.doctor.prove(model, train, validation)
        >>> proof.gain
        >>> proof.model.save("repaired.keras")
    """
    train_samples = sample_batches(train, 2 * samples, name="training", model=model)
    validation_samples = sample_batches(
        validation, 2 * samples, name="validation", model=model
    )
    options = {"seconds": seconds, "samples": samples, "loss": loss}
    if before is None:
        before = examine(
            model, _batches(train_samples), _batches(validation_samples), **options
        )
    if before.verdict == HEALTHY:
        return Proof(HEALTHY, "nothing to repair", before, None, None)
    outcome = _outcome(model, train_samples, validation_samples, loss)
    trials, treated = [], {}
    for finding in before.findings:
        if finding.severity == "info" or finding.code in treated:
            continue
        copy, train_after, validation_after, words = _treat(
            model, train_samples, validation_samples, finding
        )
        treated[finding.code] = (copy, train_after, validation_after, words)
        after = None
        if train_after is not None:
            after = _outcome(copy or model, train_after, validation_after, loss)
        trials.append(Trial(finding.code, words, outcome, after))
    copy, train_after, validation_after, words = treated[before.verdict]
    if train_after is None:
        return Proof(before.verdict, words, before, None, None, tuple(trials))
    splits = _batches(train_after), _batches(validation_after)
    examined = examine(copy or model, *splits, **options)
    return Proof(before.verdict, words, before, examined, copy, tuple(trials))


def _treat(
    model, train_samples: Samples, validation_samples: Samples, finding: Finding
):
    """Return the repaired copy, both splits and a sentence; no splits if untreated."""
    treat = treatment_of(finding.code)
    if treat is None:
        return None, None, None, "nothing to try without a new training"
    if finding.code in TRAINED and getattr(model, "loss", None) is None:
        words = "nothing to try without a compiled loss to train with"
        return None, None, None, words
    try:
        copy, validation_samples, words, *repaired = treat(
            model, train_samples, validation_samples, finding
        )
    except NothingToTryError as error:
        return None, None, None, str(error)
    except CannotCloneError:
        words = f"nothing to try: Keras cannot copy a {type(model).__name__}"
        return None, None, None, words
    return copy, repaired[0] if repaired else train_samples, validation_samples, words


def _outcome(
    model, train_samples: Samples, validation_samples: Samples, given: Any
) -> dict[str, float | None]:
    """Return loss and accuracy of both splits in inference mode."""
    found: dict[str, float | None] = {}
    with restored_after(model):
        for name, split in (
            ("training", train_samples),
            ("validation", validation_samples),
        ):
            found[f"{name}_loss"] = found[f"{name}_accuracy"] = None
            if split.y is None:
                continue
            loss = resolve_loss(model, split, given)
            batches = evaluation_batches(model, split, loss)
            seen = forward_pass(model, split, batches, loss)
            value = float(seen.losses.mean())
            scores = score(split, seen.outputs, loss.from_logits)
            found[f"{name}_loss"] = value if np.isfinite(value) else None
            found[f"{name}_accuracy"] = scores.accuracy if scores else None
    return found


def _batches(samples: Samples) -> list:
    taken = (samples.take(numbers) for numbers in samples.batches())
    return [tuple(part for part in batch if part is not None) for batch in taken]
