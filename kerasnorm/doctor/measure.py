"""One examination while it runs: what is measured, in which order, until when."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.learned import has_learned_little
from kerasnorm.doctor.forward.statistics import batch_norms, read_statistics, run
from kerasnorm.doctor.loss_matrix.budget import PairedDraws, split_gap
from kerasnorm.doctor.loss_matrix.loss_choice import choose_loss
from kerasnorm.doctor.loss_matrix.loss_scale import scale_of
from kerasnorm.doctor.loss_matrix.matrix import (
    LossMatrix,
    describe_added,
    measure_losses,
)
from kerasnorm.doctor.loss_matrix.scores import score_cells
from kerasnorm.doctor.losses.evaluation_batches import first_batch
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.batch_loss_variance import measure_spread
from kerasnorm.doctor.probes.batch_size import measure_batch_sizes
from kerasnorm.doctor.probes.history import read_history
from kerasnorm.doctor.probes.inputs.expected_inputs import (
    ExpectedInputs,
    measure_expected_inputs,
)
from kerasnorm.doctor.probes.inputs.inputs import describe_inputs, measure_separation
from kerasnorm.doctor.probes.labels.labels import (
    label_entropy,
    measure_class_permutation,
    measure_label_order,
    softness,
)
from kerasnorm.doctor.probes.labels.noise import estimate_label_noise
from kerasnorm.doctor.probes.labels.noise_estimate import describe_label_noise
from kerasnorm.doctor.probes.leakage import measure_overlap
from kerasnorm.doctor.probes.learning_rate import try_learning_rates
from kerasnorm.doctor.probes.moving_statistics import measure_norm_states
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.precision import measure_precision
from kerasnorm.doctor.probes.preprocessing import (
    try_maps_under_true_statistics,
    try_plain_statistics,
    try_swap,
)
from kerasnorm.doctor.probes.structure import inspect_structure
from kerasnorm.doctor.probes.training_mode_layers import measure_awake
from kerasnorm.doctor.probes.unsupported_inputs import find_oddities, weights_are_finite
from kerasnorm.doctor.sampling.samples import Samples

# Passes over each split that the loss matrix and the probes make together.
PASSES = 9
# Batches of two make a pass long; this many leave 0.03 nats of noise.
MOST_BATCHES = 192
# Samples sent through every map of the inputs: enough to see 0.1 nats; and where there
# is no time left, a quarter of them, which show what matters most.
MAP_SAMPLES, MAP_SAMPLES_LATE = 256, 64
Progress = Callable[[str], None]


class Visit:
    """Take fewer samples where time is short, then measure one thing after another.

    Args:
        model: The model, inside `preserved`.
        splits: Samples of `"train"`, `"validation"`, `"plain"` and `"swapped"`, None
            where absent.
        loss: Loss to use instead of the compiled one.
        deadline: Time, as `time.perf_counter()` counts, when probes are left out.
        say: Called with a sentence at every step.
        most: Largest number of samples of a split that pass through the model.
    """

    def __init__(
        self,
        model: keras.Model,
        splits: dict[str, Samples | None],
        loss: Any,
        deadline: float,
        say: Progress,
        most: int,
    ) -> None:
        self.model, self.deadline, self.say = model, deadline, say
        self.notes = [note for s in splits.values() if s for note in s.notes]
        self.notes += find_oddities(model, splits)
        if splits["validation"] is None:
            self.notes.append("no validation data: the gap was not examined")
        self._fit_to_time(splits, most)
        choice = choose_loss(model, self.train, self.validation, self.shape, loss)
        self.loss, self.compiled = choice.judged, choice.compiled
        self.problem = choice.problem
        self.notes += choice.notes

    def _fit_to_time(self, splits, most: int) -> None:
        """Take fewer samples where all passes would last longer than there is time."""
        probe = first_batch(self.model, splits["train"], 64)
        first = [np.arange(probe.count)]
        outputs = run(self.model, probe, first)
        known = isinstance(outputs, np.ndarray)
        self.shape: tuple[int, ...] | None = outputs.shape if known else None
        begin = time.perf_counter()
        run(self.model, probe, first)
        each = (time.perf_counter() - begin) / len(first[0])
        left = max(self.deadline - time.perf_counter(), 1.0)
        limit = min(most, max(128, int(0.6 * left / (2 * PASSES * each))))
        for name, split in splits.items():
            wanted = min(split.count, most) if split is not None else 0
            if wanted > limit:
                note = f"{limit} of {wanted} {name} samples were used"
                self.notes.append(f"{note}, to finish in time")
        splits = {name: s and s.with_meaning(self.shape) for name, s in splits.items()}
        # What needs no pass through the model looks at all samples.
        self.all_of, train = splits, splits["train"]
        self.train: Samples = train.head(min(limit, MOST_BATCHES * train.batch_size))
        self.validation, self.plain, self.swapped = (
            splits[name] and splits[name].head(limit)
            for name in ("validation", "plain", "swapped")
        )

    def measure(self, history: Any, thorough: bool = True) -> Measurements:
        """Measure everything that there are data and time for."""
        model, given, expected = self.model, self.train, self._expect()
        train = self.train
        matrix = LossMatrix({})
        if self.loss is not None and self.compiled is not None:
            self.say("measuring the loss matrix")
            matrix = measure_losses(
                model, train, self.validation, self.compiled, self.loss
            )
            self.notes += describe_added(matrix)
        found = Measurements(
            matrix=matrix,
            draws=PairedDraws(matrix, train, self.validation),
            budget=split_gap(matrix, train, self.validation),
            scale=scale_of(matrix, train, self.loss),
            chance=label_entropy(train),
            batch_size=train.batch_size,
            last_size=train.last_size,
            batches=train.num_batches,
            structure=inspect_structure(model),
            optimizer=inspect_optimizer(model),
            curves=read_history(history),
            head_problem=self.problem,
            weights_finite=weights_are_finite(model),
            scores=score_cells(matrix.outputs, train, self.validation, self.loss),
            added_loss=matrix.added.get(Cell.VALIDATION_MOVING, 0.0),
        )
        found.extra["trainable_variables"] = len(model.trainable_variables)
        found.expected = expected
        moving = matrix.moving or read_statistics(batch_norms(model))
        steps = found.optimizer.steps
        found.norms = measure_norm_states(model, moving, matrix.estimated, steps)
        if softness(train) > 0:
            found.extra["softness_of_labels"] = softness(train)
        held = matrix.losses.get(
            Cell.VALIDATION_RECALIBRATED, matrix.losses.get(Cell.VALIDATION_MOVING)
        )
        if held is not None:
            found.extra["validation_loss_error"] = held.std() / np.sqrt(len(held))
        if found.has(Cell.TRAIN_BATCH_STATISTICS):
            found.extra["loss_within_epoch"] = measure_spread(
                matrix.losses[Cell.TRAIN_BATCH_STATISTICS], train
            )
        found.train_inputs = describe_inputs(given)
        found.label_order = measure_label_order(self.all_of["train"])
        found.precision = measure_precision(model, first_batch(model, train))
        self._look_at_layers(found)
        if self.validation is not None:
            self._compare_splits(found, self.validation)
        self._look_at_labels(found)
        if thorough:
            self._train_shortly(found)
        return found

    def _expect(self) -> ExpectedInputs | None:
        """Find the inputs that the network expects, and go on with them.

        Other faults show only behind the right inputs.
        """
        if self.loss is None or not weights_are_finite(self.model):
            return None
        if not self._in_time("looking for the inputs that the network expects"):
            return None
        splits = (self.train, self.validation)
        steps = inspect_optimizer(self.model).steps
        found = measure_expected_inputs(self.model, *splits, self.loss, steps)
        if found is not None:
            self.notes.append(found.note)
            self.train = found.repair(self.train, "training")
            self.plain = self.plain and found.repair(self.plain, "training")
            for name in ("validation", "swapped"):
                samples = getattr(self, name)
                setattr(self, name, samples and found.repair(samples, "validation"))
        return found

    def _in_time(self, what: str) -> bool:
        left = self.deadline - time.perf_counter()
        if left > 0:
            self.say(f"{what} ({left:.0f} s left)")
            return True
        self.notes.append(f"{what}: left out, no time")
        return False

    def _look_at_layers(self, found: Measurements) -> None:
        if self.loss is None or not found.has(
            Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED
        ):
            return
        if found.difference(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)[
            1
        ] > 0 and self._in_time("waking dropout"):
            found.awake = measure_awake(self.model, self.train, self.loss, found.matrix)
        if found.has(Cell.TRAIN_BATCH_64) and self._in_time("trying batch sizes"):
            found.extra["loss_by_batch_size"] = measure_batch_sizes(
                self.model, self.train, self.loss
            )

    def _compare_splits(self, found: Measurements, validation: Samples) -> None:
        found.validation_inputs = describe_inputs(validation)
        if self._in_time("looking for validation samples in the training data"):
            own = self.all_of["plain"] or self.all_of["train"]
            found.overlap = measure_overlap(own, self.all_of["validation"])
        found.separation = measure_separation(
            self.all_of["train"], self.all_of["validation"]
        )
        if self.loss is None:
            return
        seen, trained = (
            (Cell.VALIDATION_RECALIBRATED, Cell.TRAIN_RECALIBRATED)
            if found.has(Cell.VALIDATION_RECALIBRATED)
            else (Cell.VALIDATION_MOVING, Cell.TRAIN_MOVING)
        )
        outputs = found.matrix.outputs
        best = (
            Cell.VALIDATION_OWN_STATISTICS
            if found.has(Cell.VALIDATION_OWN_STATISTICS)
            else Cell.VALIDATION_MOVING
        )
        if isinstance(outputs.get(best), np.ndarray):
            own = outputs[
                Cell.TRAIN_RECALIBRATED
                if found.has(Cell.TRAIN_RECALIBRATED)
                else Cell.TRAIN_MOVING
            ]
            found.permutation = measure_class_permutation(
                validation, outputs[best], (self.train, own)
            )
        if not found.has(seen, trained) or not isinstance(outputs[seen], np.ndarray):
            return
        matrix, loss = found.matrix, self.loss
        if found.difference(seen, trained)[0] >= 0.1 * found.unit:
            # Without it other findings would be wrong, so it is made in any case.
            self.say("trying maps of the validation inputs")
            late = time.perf_counter() > self.deadline
            few = validation.head(MAP_SAMPLES_LATE if late else MAP_SAMPLES)
            found.maps = try_maps_under_true_statistics(
                self.model, matrix, self.train, few, loss
            )
            if self.swapped is not None and self._in_time("swapping the pipelines"):
                found.swap = try_swap(self.model, matrix, self.swapped, loss)
        if self.plain is not None and self._in_time("trying plain training samples"):
            splits = (self.train, validation)
            found.plain = try_plain_statistics(
                self.model, matrix, self.plain, splits, loss
            )

    def _train_shortly(self, found: Measurements) -> None:
        """Train new copies where training got nowhere."""
        if self.loss is None or found.chance is None:
            return
        if found.precision is not None and found.precision.overflowing:
            return
        usable = found.has(found.repaired[0]) and found.weights_finite
        if usable and not has_learned_little(found):
            return
        if self._in_time("training shortly at lower learning rates"):
            left = max(self.deadline - time.perf_counter(), 5.0)
            found.rate_trial = try_learning_rates(
                self.model, self.train, self.loss.from_logits, left
            )
            if found.rate_trial is None:
                self.notes.append(
                    "lower learning rates were not tried: no optimizer, no time, or a "
                    "model that Keras cannot clone"
                )

    def _look_at_labels(self, found: Measurements) -> None:
        """Estimate wrong labels, on all samples: no pass through the model."""
        if self.validation is None or self.loss is None or found.chance is None:
            return
        if self._in_time("looking for wrong labels"):
            splits = self.all_of
            own, held = splits["plain"] or splits["train"], splits["validation"]
            left = self.deadline - time.perf_counter()
            found.label_noise = estimate_label_noise(own, held, left)
            self.notes.append(describe_label_noise(found.label_noise))
