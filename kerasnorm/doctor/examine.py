"""`examine`: measures a model on training and validation batches and judges."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.budget import PairedDraws, split_gap
from kerasnorm.doctor.diagnose import diagnose
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.gather import gather
from kerasnorm.doctor.loss_matrix import LossMatrix, measure_losses
from kerasnorm.doctor.losses import LossOfSamples, resolve_loss
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.awake import measure_awake
from kerasnorm.doctor.probes.inputs import describe_inputs, measure_separation, try_maps
from kerasnorm.doctor.probes.labels import (
    label_entropy,
    measure_class_permutation,
    measure_label_order,
)
from kerasnorm.doctor.probes.leakage import measure_overlap
from kerasnorm.doctor.probes.moving import measure_norm_states
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.structure import inspect_structure
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.state import preserved
from kerasnorm.doctor.statistics import batch_norms, run, write_statistics

# Passes over each split that the loss matrix and the probes make together.
PASSES = 9
# Samples sent through every map of the inputs: enough to see 0.1 nats.
MAP_SAMPLES = 256
Progress = Callable[[str], None]


def examine(
    model: keras.Model,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    history: Any = None,
    loss: Any = None,
    seconds: float = 50.0,
    samples: int = 1024,
    progress: Progress | None = None,
) -> Examination:
    """Find out why validation differs from training, at frozen weights.

    Use it after training, or between epochs. Weights, moving statistics, optimizer,
    random generators and data are afterwards as before, bit for bit.

    Args:
        model: Any Keras model, on any backend.
        train: Training batches `(x, y)` or `(x, y, weights)` as `fit` saw them:
            a `tf.data.Dataset`, a `PyDataset`, a list, a generator (read once), or one
            tuple of arrays.
        validation: Validation batches likewise. Without them only what training data
            show is examined.
        history: What `fit` returned, or its dictionary of lists; adds what the curves
            tell.
        loss: Loss to use instead of the compiled one.
        seconds: Time after which optional probes are left out; the number of samples
            is chosen to fit, too.
        samples: Largest number of samples taken from each split.
        progress: Called with a sentence at every step.

    Returns:
        The examination.

    Raises:
        ValueError: If there are no batches, or neither a loss nor a way to infer one.

    Example:
        >>> examination = kerasnorm.doctor.examine(model, train, validation)
        >>> print(examination.to_text())
    """
    start = time.perf_counter()
    say = progress or (lambda sentence: None)
    say("reading batches")
    training = gather(train, samples, seconds=seconds / 4, name="training")
    validating = None
    if validation is not None:
        validating = gather(validation, samples, seconds=seconds / 4, name="validation")
    with preserved(model):
        visit = Visit(model, training, validating, loss, start + seconds, say)
        measurements = visit.measure(history)
    return diagnose(measurements, visit.notes, time.perf_counter() - start)


class Visit:
    """One examination while it runs: what is measured, in which order, until when.

    Args:
        model: The model, inside `preserved`.
        train: Training samples.
        validation: Validation samples, or None.
        loss: Loss to use instead of the compiled one.
        deadline: Time, as `time.perf_counter()` counts, when probes are left out.
        say: Called with a sentence at every step.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Samples,
        validation: Samples | None,
        loss: Any,
        deadline: float,
        say: Progress,
    ) -> None:
        self.model, self.deadline, self.say = model, deadline, say
        self.notes = list(train.notes) + list(validation.notes if validation else ())
        if validation is None:
            self.notes.append("no validation data: the gap was not examined")
        self.train, self.validation = self._fit_to_time(train, validation)
        self.loss: LossOfSamples | None = None
        if train.y is None or (validation is not None and validation.y is None):
            self.notes.append("no labels: losses were not measured")
        else:
            self.loss = resolve_loss(model, train.y, loss)
            if self.loss.inferred:
                self.notes.append(
                    f"the model has no loss: {self.loss.name} was inferred"
                )

    def _fit_to_time(self, train, validation):
        """Take fewer samples where all passes would last longer than there is time."""
        probe = train.head(32)
        run(self.model, probe, [np.arange(min(probe.count, 8))])
        begin = time.perf_counter()
        run(self.model, probe, [np.arange(probe.count)])
        each = (time.perf_counter() - begin) / probe.count
        left = max(self.deadline - time.perf_counter(), 1.0)
        limit = max(128, int(0.7 * left / (2 * PASSES * each)))
        for name, split in (("training", train), ("validation", validation)):
            if split is not None and split.count > limit:
                self.notes.append(
                    f"{limit} of {split.count} {name} samples taken were used, to "
                    "finish in time"
                )
        return train.head(limit), validation and validation.head(limit)

    def measure(self, history: Any) -> Measurements:
        """Measure everything that there are data and time for."""
        model, train, validation = self.model, self.train, self.validation
        matrix = LossMatrix({})
        if self.loss is not None:
            self.say("measuring the loss matrix")
            matrix = measure_losses(model, train, validation, self.loss)
        found = Measurements(
            matrix=matrix,
            draws=PairedDraws(matrix, train, validation),
            budget=split_gap(matrix, train, validation),
            unit=self._unit(),
            chance=label_entropy(train),
            batch_size=train.batch_size,
            last_size=train.last_size,
            batches=train.num_batches,
            structure=inspect_structure(model),
            optimizer=inspect_optimizer(model),
        )
        found.norms = measure_norm_states(
            model, matrix.moving, matrix.estimated, found.optimizer.steps
        )
        found.train_inputs = describe_inputs(train)
        found.label_order = measure_label_order(train)
        self._look_at_layers(found)
        if validation is not None:
            self._compare_splits(found)
        return found

    def _unit(self) -> float:
        """Return 1 nat, or the loss of the best constant for other losses."""
        if self.loss is None or "crossentropy" in self.loss.name:
            return 1.0
        y = self.train.y
        if not isinstance(y, np.ndarray):
            return 1.0
        constant = np.broadcast_to(y.mean(axis=0, keepdims=True), y.shape)
        constant = np.ascontiguousarray(constant, "float32")
        if constant.ndim == 1:
            constant = constant[:, np.newaxis]
        return max(float(self.loss.of(y, constant, None).mean()), 1e-9)

    def _in_time(self, what: str) -> bool:
        if time.perf_counter() < self.deadline:
            self.say(what)
            return True
        self.notes.append(f"{what}: left out, no time")
        return False

    def _look_at_layers(self, found: Measurements) -> None:
        if self.loss is None or not found.has("B", "B'"):
            return
        if found.difference("B", "B'")[1] > 0 and self._in_time("waking dropout"):
            found.awake = measure_awake(self.model, self.train, self.loss, found.matrix)

    def _compare_splits(self, found: Measurements) -> None:
        train, validation = self.train, self.validation
        if validation is None:
            return
        found.validation_inputs = describe_inputs(validation)
        if self._in_time("looking for validation samples in the training data"):
            found.overlap = measure_overlap(train, validation)
        found.separation = measure_separation(train, validation)
        best = "D''" if found.has("D''") else "D"
        if self.loss is not None and isinstance(
            found.matrix.outputs.get(best), np.ndarray
        ):
            found.permutation = measure_class_permutation(
                validation, found.matrix.outputs[best]
            )
            self._try_maps(found)

    def _try_maps(self, found: Measurements) -> None:
        """Try maps under true training statistics, so that stale ones do not blur."""
        seen = "D'" if found.has("D'") else "D"
        if not found.has(seen) or self.validation is None or self.loss is None:
            return
        trained = "B'" if found.has("B'") else "B"
        if found.difference(seen, trained)[0] < 0.1 * found.unit:
            return
        if not self._in_time("trying maps of the validation inputs"):
            return
        if found.matrix.estimated:
            write_statistics(batch_norms(self.model), found.matrix.estimated)
        few = self.validation.head(MAP_SAMPLES)
        found.maps = try_maps(self.model, self.train, few, self.loss)
        if found.matrix.moving:
            write_statistics(batch_norms(self.model), found.matrix.moving)


def weights_are_finite(model: keras.Model) -> bool:
    """Return whether all trainable weights are finite numbers."""
    return all(
        np.isfinite(ops.convert_to_numpy(ops.cast(v, "float32"))).all()
        for v in model.trainable_variables
    )
