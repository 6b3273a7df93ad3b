"""From measurements to an examination: runs all checks and ranks their findings."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

from kerasnorm.codes import ROOTS, SEVERITIES, rank_of
from kerasnorm.doctor.checks import (
    batches,
    class_fractions,
    data,
    expected_inputs,
    labels,
    learned,
    noise,
    statistics,
    structure,
    training,
)
from kerasnorm.doctor.checks.remainder import describe_remainder, measure_remainder
from kerasnorm.doctor.checks.samples import (
    class_balance,
    image_properties,
    near_duplicates,
)
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

Check = Callable[[Measurements], Finding | None]

CHECKS: tuple[Check, ...] = (
    statistics.check_broken,
    training.check_precision,
    training.check_diverged,
    data.check_overlap,
    near_duplicates.check_twins,
    labels.check_head,
    expected_inputs.check_expected,
    expected_inputs.check_weights,
    labels.check_labels,
    data.check_mapping,
    labels.check_order,
    structure.check_freeze,
    structure.check_flags,
    structure.check_unfrozen,
    statistics.check_stale,
    batches.check_small_batch,
    training.check_learning_rate,
    learned.check_learned,
    data.check_augmentation,
    data.check_shared,
    data.check_domain,
    class_fractions.check_class_fractions,
    class_balance.check_collapse,
    class_balance.check_imbalance,
    class_balance.check_label_drift,
    image_properties.check_image_drift,
    image_properties.check_shortcut,
    image_properties.check_segments,
    noise.check_noise,
    training.check_overfitting,
)

#: Causes that leave broken statistics behind: repairing these alone helps nothing.
BREAKS_STATISTICS = frozenset({"learning_rate_too_high", "mixed_precision_overflow"})

#: Causes that say more of a network at chance than that it has not learned.
EXPLAINS_NOT_LEARNED = frozenset(ROOTS) - {
    "ordered_batches",
    "leakage",
    "near_duplicate_leakage",
}


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
        then what can be repaired without training, then by the loss they explain.
    """
    found = [finding for check in CHECKS if (finding := check(measurements))]
    codes = {finding.code for finding in found if finding.severity == "error"}
    if codes & EXPLAINS_NOT_LEARNED:
        found = [finding for finding in found if finding.code != "not_learned"]
    if codes & BREAKS_STATISTICS:
        found = [
            replace(finding, severity="warning")
            if finding.code == "broken_statistics"
            else finding
            for finding in found
        ]
    found.sort(key=rank)
    return Examination(
        tuple(found),
        measurements.budget,
        measurements.matrix.means(),
        _summary(measurements),
        tuple(notes),
        seconds,
        describe_remainder(measurements),
    )


def rank(finding: Finding) -> tuple:
    """Return what findings are sorted by: severity, root causes, loss explained."""
    root, tier = rank_of(finding.code)
    if finding.code == "leakage" and not finding.effect:
        # All samples are shared: what makes the splits differ comes first.
        root = len(ROOTS)
    return -SEVERITIES.index(finding.severity), root, tier, -finding.effect


def _summary(m: Measurements) -> dict[str, Any]:
    """Return the measurements that a reader may want to check."""
    return {
        "batch_size": m.batch_size,
        "last_batch": m.last_size,
        "batches": m.batches,
        "chance": m.prior_entropy,
        "unit": m.loss_unit,
        "optimizer": asdict(m.optimizer),
        "structure": asdict(m.structure),
        "norms": [asdict(norm) for norm in m.norms],
        "label_order": m.label_order and asdict(m.label_order),
        "training_inputs": m.train_inputs and m.train_inputs.to_dict(),
        "validation_inputs": m.validation_inputs and m.validation_inputs.to_dict(),
        "expected_inputs": m.expected and asdict(m.expected),
        "weights_inputs": m.weights_inputs and asdict(m.weights_inputs),
        "maps": [asdict(trial) for trial in m.maps or ()],
        "separation": m.separation and asdict(m.separation),
        "class_permutation": m.permutation and asdict(m.permutation),
        "overlap": m.overlap and asdict(m.overlap),
        "layers_awake": dict(m.dropout_shift),
        "label_noise": m.label_noise and m.label_noise.to_dict(),
        "learning_rate_trial": m.rate_trial and asdict(m.rate_trial),
        "precision": m.precision and asdict(m.precision),
        "curves": m.curves and asdict(m.curves),
        "scores": {str(cell): s.to_dict() for cell, s in m.scores.items()},
        "remains": measure_remainder(m),
        "plain_statistics": m.train_unaugmented,
        "swap_test": m.validation_as_train,
        **m.extra,
    }
