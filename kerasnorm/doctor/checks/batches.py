"""Judges the size of the batches that batch norms see in training."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.staleness import is_stale
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# Loss that larger batches save: 0.12 to 0.17 nats with batches of two, 0.02 in
# healthy runs.
BATCH_NOISE = 0.06
# Above this the noise of batch statistics regularizes more than it harms.
SMALL_BATCH = 16


def check_small_batch(m: Measurements) -> Finding | None:
    """Find batches whose own statistics cost more loss than those of 64 samples."""
    value, low, high = m.difference(Cell.TRAIN_SHUFFLED, Cell.TRAIN_BATCH_64)
    costs = low > 0 and value >= BATCH_NOISE * m.loss_unit
    if m.batch_size == 1 and m.structure.norms and not costs:
        return _one_at_a_time(m)
    if m.batch_size > SMALL_BATCH or not costs:
        return None
    accumulated = m.optimizer.accumulation_steps > 1
    evidence = {
        "batch_size": m.batch_size,
        "loss_in_such_batches": m.matrix.mean(Cell.TRAIN_SHUFFLED),
        "loss_in_batches_of_64": m.matrix.mean(Cell.TRAIN_BATCH_64),
        "interval": [low, high],
        "accumulation_steps": m.optimizer.accumulation_steps,
    }
    if m.batch_size == 1:
        code, what = "single_sample_batch", "Every batch holds one sample"
    elif accumulated:
        code = "gradient_accumulation"
        what = (
            f"{m.optimizer.accumulation_steps} batches make one step, but batch norms "
            f"see {m.batch_size} samples at a time"
        )
    else:
        code, what = "small_batch", f"Batches hold {m.batch_size} samples"
    return Finding(
        code,
        "error",
        f"{what}; normalized by themselves they cost {value:.3g} more loss than in "
        "batches of 64 with the same weights.",
        evidence,
        "kerasnorm.surgery.swap_norm(model, 'group') and train on, or batches of 32 "
        "and more",
        max(
            value, m.difference(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)[0]
        ),
    )


def _one_at_a_time(m: Measurements) -> Finding | None:
    """Name batches of one also where larger ones would not be better (yet)."""
    if is_stale(m):
        # Said with the statistics that it corrupted.
        return None
    value, low, high = m.difference(
        Cell.TRAIN_RECALIBRATED, Cell.TRAIN_BATCH_STATISTICS
    )
    return Finding(
        "single_sample_batch",
        "warning",
        "Every batch holds one sample: in training batch norms see that sample alone, "
        "in validation the statistics of all, which is another function "
        f"({value:+.3g} loss on the same samples with exact statistics).",
        {"batch_size": 1, "costs": value, "interval": [low, high]},
        "use larger batches, or kerasnorm.surgery.swap_norm(model, 'group')",
        max(value, 0.0),
        m.structure.norms[:5],
    )
