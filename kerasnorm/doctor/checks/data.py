"""Judges the inputs: their preparation, their distribution, their overlap."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.labels import check_labels
from kerasnorm.doctor.checks.staleness import is_shared
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.inputs.inputs import best_map

# Fraction of the gap that a simple map must repair to be the cause. Real domain shift
# gives up about 30% to moment matching.
REPAIRED = 0.6
# Loss that a gap must have before anybody looks for its cause.
GAP = 0.25
# Fraction of validation samples found in the training data that makes its loss useless.
LEAKED = 0.05
# Above this fraction nothing is left to generalize to.
SAME_DATA = 0.95
# Samples of few values meet their like in the other split as often as in their own.
REPEATED = 2.0
# Area under the curve of telling the splits apart; augmentation alone can reach 0.8,
# so it never decides by itself.
SEPARATE = 0.7
# Loss that statistics of the validation inputs save: 0.04 at most in healthy runs.
ADAPTED = 0.1


def generalization_gap(m: Measurements) -> tuple[float, float, float]:
    """Return what new samples cost under true training statistics, with interval."""
    if m.has(Cell.VALIDATION_RECALIBRATED, Cell.TRAIN_RECALIBRATED):
        return m.difference(Cell.VALIDATION_RECALIBRATED, Cell.TRAIN_RECALIBRATED)
    return m.difference(Cell.VALIDATION_MOVING, Cell.TRAIN_MOVING)


def repaired_cells(m: Measurements) -> tuple[Cell, Cell]:
    """Return cells of training and validation with all repairs that were found.

    Args:
        m: What was measured.
    """
    trained, seen = m.repaired
    if m.has(Cell.VALIDATION_MAPPED) and check_mapping(m):
        return trained, Cell.VALIDATION_MAPPED
    return trained, seen


def check_mapping(m: Measurements) -> Finding | None:
    """Find inputs that a simple map turns into those of training."""
    gap = generalization_gap(m)[0]
    best = best_map(m.maps or ())
    if best is None or gap < GAP * m.loss_unit or is_augmentation(m):
        return None
    needed = max(REPAIRED * gap, GAP * m.loss_unit)
    fits = best.low > 0 and best.gain - max(best.gain_on_training, 0.0) >= needed
    if m.validation_as_train is not None:
        # The pipelines themselves have been tried: no map needs to be guessed.
        saved, low, _ = m.validation_as_train
        if low <= 0 or saved < needed:
            return None
    elif not fits:
        return None
    train, validation = m.train_inputs, m.validation_inputs
    ranges: dict = {}
    if train is not None and validation is not None:
        ranges = {
            "training_range": [train.smallest, train.largest],
            "validation_range": [validation.smallest, validation.largest],
            "training_mean": train.mean,
            "validation_mean": validation.mean,
        }
    if m.validation_as_train is not None:
        ranges["swap_test_saves"] = m.validation_as_train[0]
    if not fits:
        return Finding(
            "input_mismatch",
            "error",
            "Prepared by the training pipeline, without its random steps, the "
            f"validation samples lose {m.validation_as_train[0]:.3g} less: "  # type: ignore[index]
            "the two splits are prepared differently, and no simple map says how.",
            ranges,
            "prepare validation inputs as training inputs, best inside the model",
            m.validation_as_train[0],  # type: ignore[index]
        )
    return Finding(
        "input_mismatch",
        "error",
        f"With validation inputs mapped ({best.name}) the validation loss falls from "
        f"{best.loss + best.gain:.3g} to {best.loss:.3g}: the two splits are prepared "
        "differently.",
        {"map": best.name, "gain": best.gain, "share_of_gap": best.gain / gap} | ranges,
        f"prepare validation inputs as training inputs ({best.name}), best inside the "
        "model: keras.layers.Rescaling(...)",
        best.gain,
    )


def check_overlap(m: Measurements) -> Finding | None:
    """Find validation samples that were trained on."""
    o = m.overlap
    if o is None:
        return None
    fraction = max(o.exact, o.similar if o.similar_inside < 0.01 else 0.0)
    if fraction < LEAKED or fraction < REPEATED * o.exact_inside:
        return None
    same = fraction > SAME_DATA
    return Finding(
        "leakage",
        "error",
        f"{fraction:.1%} of the validation samples are training samples: the "
        "validation loss says nothing about new ones, and a gap between the two has "
        "other causes."
        if same
        else f"{fraction:.1%} of the validation samples are in the training data as "
        "well, at least: the validation loss is better than the truth.",
        {
            "exact": o.exact,
            "similar": o.similar,
            "similar_inside_training": o.similar_inside,
            "compared": list(o.compared),
        },
        effect=0.0 if same else GAP,
    )


def is_augmentation(m: Measurements) -> bool:
    """Return whether statistics of plain training samples repair what adapting does.

    Training samples without augmentation then look like validation samples: the two
    splits are prepared alike, and only augmentation makes the difference.
    """
    if m.train_unaugmented is None:
        return False
    adapted, adapted_low, _ = m.difference(
        Cell.VALIDATION_RECALIBRATED, Cell.VALIDATION_OWN_STATISTICS
    )
    saved, low, _ = m.train_unaugmented
    return (
        adapted_low > 0
        and adapted >= ADAPTED * m.loss_unit
        and low > 0
        and saved > REPAIRED * adapted
    )


def _knows_nothing(m: Measurements) -> bool:
    """Return whether training has not come below the best constant answer, if known."""
    return (
        m.guessing is not None and m.matrix.mean(Cell.TRAIN_RECALIBRATED) >= m.guessing
    )


def check_augmentation(m: Measurements) -> Finding | None:
    """Find statistics of augmented images that do not fit plain ones."""
    adapted, adapted_low, _ = m.difference(
        Cell.VALIDATION_RECALIBRATED, Cell.VALIDATION_OWN_STATISTICS
    )
    if adapted_low <= 0 or adapted < ADAPTED * m.loss_unit or check_mapping(m):
        return None
    if m.train_unaugmented is not None:
        if not is_augmentation(m):
            return None
        saved = m.train_unaugmented[0]
    else:
        saved = adapted
        # Real shift leaves validation harder than training after adapting. Weights that
        # know nothing answer to any change of the statistics.
        if (
            m.difference(Cell.VALIDATION_OWN_STATISTICS, Cell.TRAIN_RECALIBRATED)[1] > 0
            or check_labels(m)
            or _knows_nothing(m)
        ):
            return None
    images = "validation" if m.train_unaugmented is None else "plain training"
    return Finding(
        "train_augmentation_shift",
        "error",
        f"Statistics of {images} images lower the validation loss by {saved:.3g}: "
        "those in the model describe augmented images."
        + (
            ""
            if m.train_unaugmented
            else " Either that, or validation comes from another distribution: "
            "examine(..., plain=training images without augmentation) decides."
        ),
        {"statistics_save": saved, "of_validation_save": adapted},
        effect=saved,
        alternatives=() if m.train_unaugmented else ("domain_shift",),
    )


def check_shared(m: Measurements) -> Finding | None:
    """Find batch norms shared by inputs of different distributions."""
    if not is_shared(m):
        return None
    shared = m.structure.shared_norms
    value, low, high = m.difference(
        Cell.TRAIN_RECALIBRATED, Cell.TRAIN_BATCH_STATISTICS
    )
    return Finding(
        "domain_shift",
        "error",
        f"{shared[0]} is called on several inputs: in training each is normalized by "
        "its own statistics, in validation all by one mixture, which costs "
        f"{value:.3g} even with exact statistics.",
        {"shared_norms": list(shared), "costs": value, "interval": [low, high]},
        "one batch norm for each input, or kerasnorm.surgery.swap_norm(model, 'group')",
        value,
        shared,
    )


def check_domain(m: Measurements) -> Finding | None:
    """Find validation inputs of another distribution."""
    gap, low, _ = generalization_gap(m)
    if gap < GAP * m.loss_unit or low <= 0 or check_mapping(m) or check_labels(m):
        return None
    if check_augmentation(m):
        return None
    separate = m.separation is not None and m.separation.low > SEPARATE
    adapted, adapted_low, _ = m.difference(
        Cell.VALIDATION_RECALIBRATED, Cell.VALIDATION_OWN_STATISTICS
    )
    adapts = adapted_low > 0 and adapted > ADAPTED * m.loss_unit
    if not separate or (m.has(Cell.VALIDATION_OWN_STATISTICS) and not adapts):
        return None
    return Finding(
        "domain_shift",
        "error",
        "Simple features tell the splits apart (area "
        f"{m.separation.area:.2f})"  # type: ignore[union-attr]
        + (
            f", and statistics of the validation inputs lower the loss by {adapted:.3g}"
            if adapts
            else ""
        )
        + "; no simple map explains the difference.",
        {
            "separation": m.separation.area,  # type: ignore[union-attr]
            "statistics_of_validation_save": adapted,
            "gap": gap,
        },
        "collect training data like the validation data, or "
        "kerasnorm.surgery.swap_norm(model, 'group'); unlabelled validation inputs "
        "can adapt the statistics: recalibrate_batch_norm(model, validation)",
        gap,
        alternatives=() if adapts else ("overfitting",),
    )
