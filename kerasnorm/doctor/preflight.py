"""Checks a model and its data in seconds, before hours of training."""

from collections.abc import Iterable
from typing import Any

import keras

from kerasnorm.codes import SEVERITIES
from kerasnorm.doctor.checks.preflight import initial_losses, judge_preflight
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.forward.accepted_models import check_model
from kerasnorm.doctor.forward.state import random_numbers_preserved, restored_after
from kerasnorm.doctor.forward.statistics import build
from kerasnorm.doctor.losses.evaluation_batches import fit_batches
from kerasnorm.doctor.probes.preflight import PreflightMeasurements, measure_preflight
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.time_limit import TimeLimit


def preflight(
    model: keras.Model,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    loss: Any = None,
    seconds: float = 20.0,
    samples: int = 256,
    steps_per_epoch: int | None = None,
    quick: bool = False,
) -> Examination:
    """Look for what would harm a training before it starts.

    Checked are: labels against head and loss, the loss of the new weights against that
    of chance, ranges and moments of both splits, the order of the classes, what is
    frozen, averaged or accumulated, the momentum of batch norms against the steps of an
    epoch, and, where there is time, whether the loss falls along the gradient of each
    layer as it should, units that never fire, variables without a gradient, and whether
    one batch can be learned, with another learning rate if need be. The model is
    afterwards as before.

    Args:
        model: A compiled model, new or pretrained.
        train: Training batches as for `examine`.
        validation: Validation batches likewise.
        loss: Loss to use instead of the compiled one.
        seconds: Time after which nothing begins that runs the model.
        samples: Samples taken from each split.
        steps_per_epoch: Training steps in an epoch where `train` does not tell.
        quick: Whether to leave out what takes training steps; the rest needs about a
            second. The apps do so before every training.

    Returns:
        An examination without a budget. Codes are those of `examine`; findings of
        severity `"info"` are worth a look and stop nobody.

    Example:
        >>> print(kerasnorm.doctor.preflight(model, train, validation).to_text())
    """
    limit = TimeLimit(seconds)
    check_model(model)
    validation_samples = None
    with random_numbers_preserved():
        train_samples = sample_batches(
            train, samples, seconds=seconds / 4, name="training", model=model
        )
        if validation is not None:
            validation_samples = sample_batches(
                validation, samples, seconds=seconds / 4, name="validation", model=model
            )
    build(model, train_samples)
    train_samples, validation_samples = (
        fit_batches(model, train_samples),
        validation_samples and fit_batches(model, validation_samples),
    )
    with restored_after(model):
        steps = steps_per_epoch or train_samples.num_batches
        found = measure_preflight(
            model, train_samples, validation_samples, loss, steps, limit, quick
        )
    findings = judge_preflight(found)
    findings.sort(key=lambda f: -SEVERITIES.index(f.severity))
    return Examination(
        tuple(findings),
        None,
        initial_losses(found.initial),
        _summary(found),
        (*_notes(found, train_samples, validation_samples), *limit.notes),
        limit.taken,
    )


def _notes(
    m: PreflightMeasurements, train: Samples, validation: Samples | None
) -> list[str]:
    notes = [*train.notes, *(validation.notes if validation else ())]
    if m.head.loss_name is None:
        notes.append("no labels: only inputs were checked")
    return notes


def _summary(m: PreflightMeasurements) -> dict[str, Any]:
    """Return the measurements that a reader may want to check, those that were made."""
    parts = {
        "training_inputs": m.train_inputs and m.train_inputs.to_dict(),
        "validation_inputs": m.validation_inputs and m.validation_inputs.to_dict(),
        "gradients": m.gradients and vars(m.gradients),
        "rehearsal": m.single_batch and vars(m.single_batch),
    }
    return {name: part for name, part in parts.items() if part is not None}
