"""Judges facts about the model and its optimizer that no loss can show."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.staleness import is_stale
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.optimizer import OptimizerState


def check_freeze(m: Measurements) -> Finding | None:
    """Find layers that were frozen after the training step was made."""
    return find_frozen(
        m.optimizer,
        max(m.difference(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)[0], 0.0),
    )


def find_frozen(optimizer: OptimizerState, effect: float = 0.0) -> Finding | None:
    """Find variables that are marked frozen and trained all the same.

    Args:
        optimizer: What the optimizer tells.
        effect: Loss that it explains.
    """
    names = optimizer.frozen_but_trained
    if not names:
        return None
    return Finding(
        "freeze_without_recompile",
        "error",
        f"{len(names)} variables, first {names[0]}, are marked frozen, but the "
        "compiled training step trains them.",
        {"variables": len(names), "first": list(names[:5])},
        effect=effect,
        where=names[:5],
    )


def check_flags(m: Measurements) -> Finding | None:
    """Find `training=False` in the graph where it does not freeze anything."""
    flags = {p: f for p, f in (m.structure.baked_flags or {}).items() if not f}
    if not flags or is_stale(m):
        return None
    return Finding(
        "training_flag_overridden",
        "warning",
        f"{', '.join(flags)} is called with training=False in the graph, but holds "
        "batch norms that `fit` trains all the same in Keras 3. It costs no loss so "
        "far.",
        {"layers": list(flags)},
        effect=0.0,
        where=tuple(flags),
    )


def check_unfrozen(m: Measurements) -> Finding | None:
    """Mention batch norms that train between frozen layers without harm so far."""
    paths = m.structure.unfrozen_in_frozen_base
    if not paths or is_stale(m):
        return None
    return Finding(
        "unfrozen_norm_in_frozen_base",
        "info",
        f"{len(paths)} batch norms, first {paths[0]}, train between frozen layers. It "
        "costs no loss so far.",
        {"layers": list(paths)},
        effect=0.0,
        where=paths,
    )
