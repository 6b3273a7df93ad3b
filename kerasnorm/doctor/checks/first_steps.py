"""Judges gradients, and what training on one batch showed, before a training."""

from collections.abc import Iterator

import numpy as np

from kerasnorm.doctor.checks.learned import SCALE_TARGETS
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale
from kerasnorm.doctor.probes.gradients.gradients import Gradients
from kerasnorm.doctor.probes.overfit_one_batch import SingleBatchResult, has_learned

# Measured falls along right gradients lie within 10% of the predicted ones.
GRADIENT = 1.5
# Sound networks of a hundred layers reach 1e4.
VANISHING = 1e6
# Fraction of the units of a layer that fire for no sample of a batch.
DEAD = 0.6
# Fraction of what there is to learn by which a loss must fall to have moved at all.
MOVED = 1e-3


def judge_gradients(found: Gradients) -> Iterator[Finding]:
    """Yield what is wrong with the gradients of the first batch.

    Args:
        found: The gradients.
    """
    if not found.finite:
        yield Finding(
            "non_finite_gradient",
            "error",
            "Gradients of the first batch are NaN or infinite.",
            vars(found),
        )
    wrong = {
        path: ratio
        for path, ratio in found.agreement.items()
        if not 1 / GRADIENT < ratio < GRADIENT
    }
    if wrong:
        last = list(wrong)[-1]
        yield Finding(
            "wrong_gradient",
            "warning",
            f"Along the gradient of {last} the loss falls {wrong[last]:.2g} times as "
            "fast as the gradient says: its gradient, or that of a layer between it "
            "and the loss, is not that of the output.",
            {"agreement": wrong},
            where=tuple(wrong),
        )
    if found.finite and found.largest_ratio > VANISHING:
        yield Finding(
            "vanishing_gradient",
            "info",
            f"The gradients of two variables differ by a factor of "
            f"{found.largest_ratio:.1g}.",
            {"largest_ratio": found.largest_ratio},
        )


def judge_single_batch(
    found: SingleBatchResult,
    adam: SingleBatchResult | None,
    gradients: Gradients | None,
    scale: LossScale,
) -> Iterator[Finding]:
    """Yield what training on one batch showed.

    Args:
        found: Training with the model's own optimizer.
        adam: Training with Adam at its usual rate, None where the own optimizer
            learned or could not be tried.
        gradients: Gradients of the batch, None where unknown.
        scale: What a loss of one means.
    """
    yield from _judge_units(found, gradients)
    if not found.steps or has_learned(found.begin, found.end, scale):
        return
    if scale.targets_are_far:
        yield Finding(
            "wrong_initial_loss",
            "warning",
            f"Targets are {scale.targets:.3g} on average, outputs begin near 0, and "
            f"{found.steps} steps on one batch hardly come nearer: it is a matter of "
            "their scale, not of the learning rate.",
            {"target_size": scale.targets, "begin": found.begin, "end": found.end},
            SCALE_TARGETS,
        )
    elif adam is not None:
        yield _judge_learning_rate(found, adam, scale)


def _judge_units(
    found: SingleBatchResult, gradients: Gradients | None
) -> Iterator[Finding]:
    # A low rate leaves variables where they are as well: only both together tell.
    zero = gradients.zero if gradients else ()
    cut = [path for path in found.unmoved if path in zero]
    if found.steps and cut:
        yield Finding(
            "unconnected_variables",
            "warning",
            f"{len(cut)} trainable variables get no gradient, first {cut[0]}.",
            {"variables": cut},
            where=tuple(cut[:5]),
        )
    dead = {path: v for path, v in found.dead_units.items() if v > DEAD}
    if dead:
        worst = max(dead, key=lambda path: dead[path])
        yield Finding(
            "dead_units",
            "info",
            f"In {worst}, {dead[worst]:.0%} of the units fire for no sample of a "
            "batch: dead units learn nothing.",
            {"dead_units": dead},
        )


def _judge_learning_rate(
    found: SingleBatchResult, adam: SingleBatchResult, scale: LossScale
) -> Finding:
    numbers = {
        "steps": found.steps,
        "begin": found.begin,
        "end": found.end,
        "end_with_adam": adam.end,
    }
    lead = (
        f"{found.steps} steps on one batch lead from a loss of {found.begin:.3g} to "
        f"{found.end:.3g}"
    )
    fall = found.begin - found.end
    moved = MOVED * _to_learn(found, scale)
    if not has_learned(adam.begin, adam.end, scale):
        return Finding(
            "cannot_overfit_one_batch",
            "warning",
            f"{lead}, {adam.steps} with Adam(0.001) to {adam.end:.3g}: the model "
            "cannot learn even one batch.",
            numbers,
        )
    if not np.isfinite(found.end) or -fall > moved:
        return Finding(
            "learning_rate_too_high",
            "warning",
            f"{lead}, with Adam(0.001) to {adam.end:.3g}.",
            numbers,
        )
    return Finding(
        "learning_rate_too_low",
        # Fine-tuning wants low rates, under which a loss falls all the same.
        "info" if fall > moved else "warning",
        f"{lead}, with Adam(0.001) to {adam.end:.3g}.",
        numbers,
    )


def _to_learn(found: SingleBatchResult, scale: LossScale) -> float:
    above = 0.0 if scale.perfect is None else found.begin - scale.perfect
    return max(scale.loss_unit, above)
