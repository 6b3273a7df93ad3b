"""Judges the labels: their form, their order in the batches, their classes."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# Permutation tests draw 400 times: 0.0025 is the smallest p-value they give.
SIGNIFICANT = 0.005
# Fraction of the shuffled entropy that batches of a badly shuffled set still have;
# batches drawn by chance stay within 3% of it.
ORDERED = 0.85
# Loss that exchanging classes must save: 0.02 at most in healthy runs, 1.7 and more
# with exchanged classes.
EXCHANGED = 0.3
# Fraction of what validation costs more than training that the exchange must save, too:
# the right order of the classes fixes all of it, while the most flattering of all
# orders saved up to 0.31 where the inputs were the cause.
EXCHANGE_EXPLAINS = 0.5
# What an order of the classes counts at least, in nats, among other findings.
LEAST = 0.25


def check_head(m: Measurements) -> Finding | None:
    """Find labels that do not belong to the outputs or to the loss."""
    if not m.label_mismatch:
        return None
    return Finding(
        "label_mismatch",
        "error",
        m.label_mismatch[0].upper() + m.label_mismatch[1:] + ".",
        {},
        effect=1.0,
    )


def check_order(m: Measurements) -> Finding | None:
    """Find training batches that hold too few classes."""
    order = m.label_order
    if order is None or order.p_value > SIGNIFICANT:
        return None
    fraction = order.entropy / max(order.shuffled, 1e-9)
    if fraction > ORDERED:
        return None
    gap = m.budget.gap if m.budget and m.has(Cell.VALIDATION_MOVING) else 0.0
    return Finding(
        "ordered_batches",
        "error",
        f"Training batches have {fraction:.0%} of the label entropy of shuffled ones "
        f"({order.entropy:.3g} against {order.shuffled:.3g} nats in {order.batches} "
        "batches): classes come in runs.",
        {
            "entropy": order.entropy,
            "entropy_shuffled": order.shuffled,
            "p_value": order.p_value,
            "batches": order.batches,
        },
        effect=max(gap, LEAST),
    )


def check_labels(m: Measurements) -> Finding | None:
    """Find outputs that count the classes in another order than the labels."""
    p = m.permutation
    if p is None or p.low <= 0:
        return None
    if p.loss - p.loss_permuted - max(p.gain_on_training, 0.0) < EXCHANGED:
        return None
    if p.accuracy_permuted <= p.accuracy:
        return None
    costs = p.loss - p.loss_on_training
    if p.loss - p.loss_permuted < EXCHANGE_EXPLAINS * costs:
        return None
    moved = [i for i, j in enumerate(p.mapping) if i != j]
    return Finding(
        "label_mismatch",
        "error",
        f"Exchanging {len(moved)} classes lifts the validation accuracy from "
        f"{p.accuracy:.1%} to {p.accuracy_permuted:.1%}: the splits number their "
        "classes differently.",
        {
            "mapping": list(p.mapping),
            "accuracy": p.accuracy,
            "accuracy_exchanged": p.accuracy_permuted,
            "loss": p.loss,
            "loss_exchanged": p.loss_permuted,
        },
        "give both splits the same list of classes: class_names=[...] or classes=[...]",
        p.loss - p.loss_permuted,
    )
