"""Judges the moving statistics: broken, stale, and what made them so."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.staleness import (
    describe_costs,
    is_minor,
    is_shared,
    is_stale,
    staleness_evidence,
    staleness_is_proved,
)
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# An average of the initial 1 and true variances cannot exceed the larger of the two;
# a thousand times as much comes from a past explosion.
BROKEN_EXCESS = 1e3
# Fraction of a shift that statistics estimated with dropout on must reproduce.
REPRODUCED = 0.5
# The initial variance 1 still distorts the average when it weighs this much of the
# true one.
INITIAL_SHARE = 0.05


def check_broken(m: Measurements) -> Finding | None:
    """Find moving statistics that no average of batches can give."""
    bad = [n for n in m.norms if n.not_finite or n.negative]
    far = [
        n for n in m.norms if n.excess > BROKEN_EXCESS or n.mean_excess > BROKEN_EXCESS
    ]
    if not bad and not far:
        return None
    worst = (bad or far)[0]
    if bad:
        what = (
            f"{worst.not_finite} channels are not finite and {worst.negative} moving "
            "variances are negative"
        )
    else:
        what = (
            f"the moving variance is {worst.excess:.3g} and the moving mean "
            f"{worst.mean_excess:.3g} times as large as any average of batches could be"
        )
    repaired = (
        m.difference(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)[0]
        if m.has(Cell.VALIDATION_MOVING)
        else 0.0
    )
    return Finding(
        "broken_statistics",
        "error",
        f"In {worst.path}, {what}.",
        {
            "layers": len(bad or far),
            "not_finite_channels": sum(n.not_finite for n in m.norms),
            "negative_variances": sum(n.negative for n in m.norms),
            "largest_excess": max(n.excess for n in m.norms),
            "validation_loss_repaired": m.matrix.mean(Cell.VALIDATION_RECALIBRATED),
        },
        effect=max(repaired, 1.0),
        where=tuple(n.path for n in bad or far),
    )


def check_stale(m: Measurements) -> Finding | None:
    """Find moving statistics that differ from the true ones, and say why they do.

    A difference that is proved but costs little is information; one that costs
    validation little, beside a larger gap, is a warning.
    """
    if not staleness_is_proved(m) or check_broken(m) or is_shared(m):
        return None
    for judge in (
        _overridden,
        _unfrozen,
        _averaged,
        _disturbed,
        _single_sample,
        _lagging,
    ):
        finding = judge(m)
        if finding is not None:
            return finding
    return None


def _stale(m, code, summary, remedy, extra=(), where=(), alternatives=()) -> Finding:
    evidence = {**staleness_evidence(m), **dict(extra)}
    severity = "warning" if is_minor(m) else "error"
    return Finding(
        code,
        severity if is_stale(m) else "info",
        summary + describe_costs(m, evidence),
        evidence,
        remedy,
        max(evidence["costs"], evidence["on_training_samples"]),
        where,
        alternatives,
    )


def _overridden(m: Measurements) -> Finding | None:
    flags = {p: f for p, f in (m.structure.baked_flags or {}).items() if not f}
    if not flags:
        return None
    return _stale(
        m,
        "training_flag_overridden",
        f"{', '.join(flags)} is called with training=False in the graph, which `fit` "
        "overrides in Keras 3: its batch norms train.",
        "layer.trainable = False for every batch norm of the base, then "
        "model.compile(...) again; training=False alone freezes nothing",
        {"layers": list(flags)},
        tuple(flags),
    )


def _unfrozen(m: Measurements) -> Finding | None:
    paths = m.structure.unfrozen_in_frozen_base
    if not paths:
        return None
    return _stale(
        m,
        "unfrozen_norm_in_frozen_base",
        f"{len(paths)} batch norms, first {paths[0]}, train between frozen layers and "
        "have moved to statistics of their own.",
        "set trainable = False on these batch norms, then model.compile(...) again",
        {"layers": list(paths)},
        paths,
    )


def _averaged(m: Measurements) -> Finding | None:
    if not m.optimizer.uses_ema:
        return None
    sure = m.optimizer.weights_are_average > 0.5
    return _stale(
        m,
        "ema_statistics",
        "The optimizer averages the weights (use_ema), but not the moving statistics, "
        "which belong to the weights before averaging.",
        "kerasnorm.surgery.recalibrate_batch_norm(model, train) after every averaging",
        {"share_of_weights_that_equal_their_average": m.optimizer.weights_are_average},
        alternatives=() if sure else ("stale_statistics",),
    )


def _disturbed(m: Measurements) -> Finding | None:
    """Find dropout or augmentation layers that explain the moving statistics."""
    for group, code, summary, remedy in (
        (
            "dropout",
            "dropout_before_norm",
            "With dropout acting the statistics come out as the moving ones: dropout "
            "in front of a batch norm makes its variance in training larger than in "
            "validation.",
            "move dropout behind the last batch norm, or "
            "kerasnorm.surgery.recalibrate_batch_norm(model, train)",
        ),
        (
            "augmentation",
            "train_augmentation_shift",
            "With the augmentation layers acting the statistics come out as the moving "
            "ones: they describe augmented images, validation has plain ones.",
            "kerasnorm.surgery.recalibrate_batch_norm(model, train) on plain images, "
            "or milder augmentation in the last epochs",
        ),
    ):
        trial = m.dropout_shift.get(group)
        if trial is None:
            continue
        shift, low, _ = trial
        stale = m.difference(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)[0]
        if low > 0 and shift > REPRODUCED * stale:
            return _stale(m, code, summary, remedy, {"shift_reproduced": shift})
    return None


def _single_sample(m: Measurements) -> Finding | None:
    if m.last_size != 1 and m.batch_size != 1:
        return None
    lag = max((n.initial_share for n in m.norms), default=0.0)
    return _stale(
        m,
        "single_sample_batch",
        "The last batch of each epoch holds one sample, whose variance is 0 or that of "
        "one image, and the moving statistics follow it."
        if m.batch_size != 1
        else "Every batch holds one sample: batch norm sees no other.",
        "drop the last partial batch: dataset.batch(size, drop_remainder=True)"
        if m.batch_size != 1
        else "use larger batches, or kerasnorm.surgery.swap_norm(model, 'group')",
        {"batch_size": m.batch_size, "last_batch": m.last_size},
        alternatives=("stale_statistics",) if lag > INITIAL_SHARE else (),
    )


def _lagging(m: Measurements) -> Finding:
    initial = max((n.initial_share for n in m.norms), default=float("nan"))
    per_epoch = m.batches or 0
    momentum = max(0.0, 1 - 4 / per_epoch) if per_epoch > 4 else 0.5
    if initial > INITIAL_SHARE:
        why = (
            f"After {m.optimizer.steps} steps the initial statistics still weigh "
            f"{initial:.3g} times as much as the true variance."
        )
    else:
        why = "The weights move faster than the moving statistics follow."
    return _stale(
        m,
        "stale_statistics",
        why,
        "kerasnorm.surgery.recalibrate_batch_norm(model, train), or train with "
        "kerasnorm.callbacks.RecalibrateBatchNorm, or with "
        f"momentum={min(momentum, 0.99):.2g}",
        {"initial_share": initial},
    )
