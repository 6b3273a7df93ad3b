"""Judges crops and edits of one photo in both splits."""

from typing import Any

from scipy import stats

from kerasnorm.doctor.checks.data import LEAKED, check_overlap
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.proportions import unpaired_change
from kerasnorm.doctor.measurements import Measurements

# Twins of one photo have one label; two photos of one place have those of chance.
AGREEING, SIGNIFICANT = 0.9, 0.001


def check_twins(m: Measurements) -> Finding | None:
    """Find validation images that are laid over training images."""
    twins = m.twins
    if twins is None or check_overlap(m) or twins.found.mean() < LEAKED:
        return None
    agree = twins.agreeing >= AGREEING and _beyond_chance(twins)
    before_and_after, words = _without_twins(m)
    fraction = float(twins.found.mean())
    return Finding(
        "near_duplicate_leakage",
        "error" if agree else "info",
        f"{fraction:.0%} of {len(twins.found)} validation images are crops or edits of "
        f"training images, at least: laid over them, their detail agrees by "
        f"{twins.like_when_laid:.2f} instead of {twins.like_at_first:.2f} (two images "
        f"of one class: {twins.like_by_chance:.2f}).{words}",
        {
            "fraction": fraction,
            "likeness": twins.like_at_first,
            "likeness_when_laid_over": twins.like_when_laid,
            "likeness_by_chance": twins.like_by_chance,
            "likeness_needed": twins.needed,
            "same_label": twins.agreeing,
            "same_label_by_chance": twins.agreeing_by_chance,
            "compared": list(twins.compared),
            **before_and_after,
        },
        images=twins.images,
    )


def _beyond_chance(twins) -> bool:
    count = int(twins.found.sum())
    agreeing = round(twins.agreeing * count)
    test = stats.binomtest(
        agreeing, count, twins.agreeing_by_chance, alternative="greater"
    )
    return bool(test.pvalue < SIGNIFICANT)


def _without_twins(m: Measurements) -> tuple[dict, str]:
    """Return what the accuracy is once images with a twin are left out."""
    twins, scores = m.twins, m.scores.get(m.repaired[1])
    if twins is None or scores is None:
        return {}, ""
    correct = scores.correct[twins.numbers]
    rest = correct[~twins.found]
    values: dict[str, Any] = {
        "validation_accuracy": float(correct.mean()),
        "accuracy_of_twins": float(correct[twins.found].mean()),
        "images_without_twin": len(rest),
    }
    if not len(rest):
        return values, " No validation image is left without them."
    change = unpaired_change(correct[twins.found], rest)
    values |= {
        "accuracy_without_twins": float(rest.mean()),
        "difference_interval": [change.low, change.high],
    }
    return values, (
        f" Without them accuracy goes from {correct.mean():.1%} to {rest.mean():.1%} "
        f"({len(rest)} images)."
    )
