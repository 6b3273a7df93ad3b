"""Chooses the loss of an examination, or says why there is none."""

from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.loss_matrix.scores import loss_to_judge_by
from kerasnorm.doctor.losses.label_compatibility import (
    label_mismatch_reason,
    logits_mismatch_reason,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples, known_loss, resolve_loss
from kerasnorm.doctor.sampling.samples import Samples

# Samples on which the compiled loss is compared with that of hard labels.
MOST_TRIED = 256


@dataclass(frozen=True)
class LossChoice:
    """The losses of an examination.

    Args:
        judged: The loss to judge by, None where none can be measured.
        compiled: The loss that `evaluate` reports; the same one where it is the loss
            to judge by.
        problem: What is wrong between labels, outputs and loss.
        notes: What a reader should know about the losses.
    """

    judged: LossOfSamples | None = None
    compiled: LossOfSamples | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()


def choose_loss(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    shape: tuple[int, ...] | None,
    loss: Any = None,
) -> LossChoice:
    """Find the loss of a model and the one to judge by.

    Args:
        model: The model, inside `state.restored_after`.
        train: Training samples.
        validation: Validation samples, or None.
        shape: Shape of the outputs, None where they are no single array.
        loss: Loss to use instead of the compiled one.
    """
    splits = [split for split in (train, validation) if split is not None]
    found = known_loss(model, splits, loss)
    if found is None:
        return LossChoice(notes=("no labels: losses were not measured",))
    notes = []
    if found.inferred:
        notes.append(f"the model has no loss: {found.name} was inferred")
    problems = (label_mismatch_reason(split.labels, shape, found) for split in splits)
    problem = next((problem for problem in problems if problem), None)
    if problem:
        notes.append("labels do not fit the model: losses were not measured")
        return LossChoice(problem=problem, notes=tuple(notes))
    found = resolve_loss(model, train, loss)
    if found.by_batch:
        notes.append(
            f"{found.name} is known for whole batches only: each sample counts with "
            "the loss of its batch"
        )
    few = train.head(MOST_TRIED)
    seen = forward_pass(model, few, few.batches(), found)
    judged = loss_to_judge_by(found, few, seen)
    if judged is not found:
        notes.append(
            f"losses are judged with hard labels; the compiled {found.name} of each "
            "cell stands beside them"
        )
    # Whether an activation comes twice is for preflight: Keras may see through it.
    if found.known:
        problem = logits_mismatch_reason(
            seen.outputs, found.name, found.from_logits, None
        )
    return LossChoice(judged, found, problem, tuple(notes))
