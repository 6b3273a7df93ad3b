"""Measures how validation samples differ from training samples."""

from dataclasses import replace

import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.loss_matrix.budget import PairedDraws
from kerasnorm.doctor.loss_matrix.scores import score_cells
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.measure.setup import Setup
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.inputs.inputs import (
    best_map,
    describe_inputs,
)
from kerasnorm.doctor.probes.inputs.split_separation import measure_separation
from kerasnorm.doctor.probes.labels.labels import (
    ClassPermutation,
    measure_class_permutation,
)
from kerasnorm.doctor.probes.leakage import measure_overlap
from kerasnorm.doctor.probes.near_duplicates.twins import find_twins
from kerasnorm.doctor.probes.preprocessing import (
    measure_mapped,
    try_maps_under_true_statistics,
    try_unaugmented_statistics,
    try_validation_as_train,
)
from kerasnorm.doctor.sampling.samples import Samples

# Samples sent through every map of the inputs: enough to see 0.1 nats; and where there
# is no time left, a quarter of them, which show what matters most.
MAP_SAMPLES, MAP_SAMPLES_LATE = 256, 64
# Loss of validation samples beyond that of training samples, in units of the loss, from
# which another preparation may explain it.
GAP_TO_EXPLAIN = 0.1
# Fraction of exact copies beyond which nobody needs to look for crops.
MOST_COPIES = 0.05


def compare_splits(
    setup: Setup, found: Measurements, validation: Samples
) -> Measurements:
    """Add how validation samples differ from training samples.

    Args:
        setup: What to work with.
        found: What was measured before.
        validation: Validation samples, with the inputs that the model expects.
    """
    every, limit = setup.all_splits, setup.limit
    all_validation = every.validation or validation
    found = replace(found, validation_inputs=describe_inputs(validation))
    if limit.allows("looking for validation samples in the training data"):
        overlap = measure_overlap(every.plainest_train, all_validation)
        found = replace(found, overlap=overlap)
        found = _look_for_twins(setup, found, validation)
    separation = measure_separation(every.train, all_validation)
    found = replace(found, separation=separation)
    if setup.loss is None:
        return found
    return _try_preparations(
        setup,
        replace(found, permutation=_permutation(setup, found, validation)),
        validation,
        setup.loss,
    )


def _look_for_twins(
    setup: Setup, found: Measurements, validation: Samples
) -> Measurements:
    """Add crops and edits of one photo in both splits, where no copies are."""
    overlap = found.overlap
    if overlap is None or overlap.exact > MOST_COPIES or not found.weights_finite:
        return found
    if not setup.limit.allows("looking for crops of one photo in both splits"):
        return found
    twins = find_twins(setup.model, setup.splits.plainest_train, validation)
    return replace(found, twins=twins)


def _add_mapped(
    setup: Setup, found: Measurements, validation: Samples, loss: LossOfSamples
) -> Measurements:
    """Add the cell of all validation samples mapped, where a map may be the repair.

    Other faults show only behind the right inputs.
    """
    best = best_map(found.maps or ())
    if best is None or best.low <= 0 or best.gain < GAP_TO_EXPLAIN * found.loss_unit:
        return found
    if not setup.limit.allows("measuring mapped validation samples"):
        return found
    cell, train = Cell.VALIDATION_MAPPED, setup.splits.train
    seen = measure_mapped(setup.model, found.matrix, train, validation, loss, best.name)
    matrix = replace(
        found.matrix,
        losses={**found.matrix.losses, cell: seen.losses},
        outputs={**found.matrix.outputs, cell: seen.outputs},
    )
    scores = score_cells({cell: seen.outputs}, train, validation, loss)
    return replace(
        found,
        matrix=matrix,
        draws=PairedDraws(matrix, train, validation),
        scores={**found.scores, **scores},
    )


def _permutation(
    setup: Setup, found: Measurements, validation: Samples
) -> ClassPermutation | None:
    outputs, own = found.matrix.outputs, Cell.VALIDATION_OWN_STATISTICS
    best = outputs.get(own if found.has(own) else Cell.VALIDATION_MOVING)
    if not isinstance(best, np.ndarray):
        return None
    train = (setup.splits.train, outputs[found.repaired[0]])
    return measure_class_permutation(validation, best, train)


def _try_preparations(
    setup: Setup, found: Measurements, validation: Samples, loss: LossOfSamples
) -> Measurements:
    """Add which other preparation of the samples lowers the validation loss."""
    model, matrix, splits, limit = (
        setup.model,
        found.matrix,
        setup.splits,
        setup.limit,
    )
    trained, seen = found.same_statistics
    if not found.has(seen, trained):
        return found
    if not isinstance(matrix.outputs[seen], np.ndarray):
        return found
    if found.difference(seen, trained)[0] >= GAP_TO_EXPLAIN * found.loss_unit:
        # Without it other findings would be wrong, so it is made in any case.
        limit.on_progress("trying maps of the validation inputs")
        few = validation.head(MAP_SAMPLES_LATE if limit.left < 0 else MAP_SAMPLES)
        maps = try_maps_under_true_statistics(model, matrix, splits.train, few, loss)
        found = _add_mapped(setup, replace(found, maps=maps), validation, loss)
        other = splits.validation_as_train
        if other is not None and limit.allows("trying the training pipeline"):
            found = replace(
                found,
                validation_as_train=try_validation_as_train(model, matrix, other, loss),
            )
    other = splits.train_unaugmented
    if other is not None and limit.allows("trying samples without augmentation"):
        both = (splits.train, validation)
        saved = try_unaugmented_statistics(model, matrix, other, both, loss)
        found = replace(found, train_unaugmented=saved)
    return found
