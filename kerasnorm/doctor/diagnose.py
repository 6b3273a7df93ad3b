"""From measurements to an examination: runs all checks and ranks their findings."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from kerasnorm.doctor.checks import (
    batches,
    data,
    labels,
    statistics,
    structure,
    training,
)
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.finding import SEVERITIES, Finding
from kerasnorm.doctor.measurements import Measurements

Check = Callable[[Measurements], Finding | None]

CHECKS: tuple[Check, ...] = (
    statistics.check_broken,
    training.check_precision,
    training.check_diverged,
    data.check_overlap,
    labels.check_head,
    labels.check_labels,
    data.check_mapping,
    labels.check_order,
    structure.check_freeze,
    structure.check_flags,
    structure.check_unfrozen,
    statistics.check_stale,
    batches.check_small_batch,
    training.check_learning_rate,
    data.check_augmentation,
    data.check_shared,
    data.check_domain,
    training.check_noise,
    training.check_overfitting,
)

#: Causes that bring about what the others find: they go first whatever they cost.
ROOTS = (
    "mixed_precision_overflow",
    "broken_statistics",
    "freeze_without_recompile",
    "label_mismatch",
    "input_mismatch",
    "leakage",
    "ordered_batches",
    "learning_rate_too_high",
)


def diagnose(
    measurements: Measurements, notes: Iterable[str] = (), seconds: float = 0.0
) -> Examination:
    """Judge measurements.

    Args:
        measurements: What was measured.
        notes: What could not be measured.
        seconds: Time it took.

    Returns:
        The examination, findings ranked: errors before warnings, root causes first,
        then by the loss they explain.
    """
    found = [finding for check in CHECKS if (finding := check(measurements))]
    found.sort(key=rank)
    return Examination(
        tuple(found),
        measurements.budget,
        measurements.matrix.means(),
        _summary(measurements),
        tuple(notes),
        seconds,
    )


def rank(finding: Finding) -> tuple:
    """Return what findings are sorted by: severity, root causes, loss explained."""
    root = ROOTS.index(finding.code) if finding.code in ROOTS else len(ROOTS)
    return -SEVERITIES.index(finding.severity), root, -finding.effect


def _summary(m: Measurements) -> dict[str, Any]:
    """Return the measurements that a reader may want to check."""
    return {
        "batch_size": m.batch_size,
        "last_batch": m.last_size,
        "batches": m.batches,
        "chance": m.chance,
        "unit": m.unit,
        "optimizer": asdict(m.optimizer),
        "structure": asdict(m.structure),
        "norms": [asdict(norm) for norm in m.norms],
        "label_order": m.label_order and asdict(m.label_order),
        "training_inputs": m.train_inputs and asdict(m.train_inputs),
        "validation_inputs": m.validation_inputs and asdict(m.validation_inputs),
        "maps": [asdict(trial) for trial in m.maps or ()],
        "separation": m.separation and asdict(m.separation),
        "class_permutation": m.permutation and asdict(m.permutation),
        "overlap": m.overlap and asdict(m.overlap),
        "layers_awake": dict(m.awake),
        "disagreement": m.disagreement and asdict(m.disagreement),
        "learning_rate_trial": m.rate_trial and asdict(m.rate_trial),
        "precision": m.precision and asdict(m.precision),
        "curves": m.curves and asdict(m.curves),
        "plain_statistics": m.plain,
        "swap_test": m.swap,
        **m.extra,
    }
