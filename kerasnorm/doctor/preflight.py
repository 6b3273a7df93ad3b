"""Checks a model and its data in seconds, before hours of training."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor import rehearsal
from kerasnorm.doctor.checks.data import ORDERED, SIGNIFICANT
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.finding import SEVERITIES, Finding
from kerasnorm.doctor.gather import gather
from kerasnorm.doctor.losses import last_activation, resolve_loss
from kerasnorm.doctor.probes.head import label_problem, logits_problem
from kerasnorm.doctor.probes.inputs import describe_inputs
from kerasnorm.doctor.probes.labels import label_entropy, measure_label_order
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.state import preserved
from kerasnorm.doctor.statistics import batch_norms, evaluate

# A fresh head is off the loss of chance by 10 to 15%; twice as much is a wrong scale.
START = 1.5
# Means or deviations of the splits that differ by more have been prepared differently.
MOVED = 0.5
WIDER = 2.0
# Share of the initial statistics that may be left after the first epoch.
FIRST_EPOCH = 0.1


def preflight(
    model: keras.Model,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    loss: Any = None,
    seconds: float = 20.0,
    samples: int = 256,
) -> Examination:
    """Look for what would spoil a training before it starts.

    Checked are: labels against head and loss, the loss of the new weights against that
    of chance, ranges and moments of both splits, the order of the classes, the momentum
    of batch norms against the steps of an epoch, and, where there is time, units that
    never fire, variables that training does not move, and whether one batch can be
    learned by heart. The model is afterwards as before.

    Args:
        model: A compiled model, new or pretrained.
        train: Training batches as for `examine`.
        validation: Validation batches likewise.
        loss: Loss to use instead of the compiled one.
        seconds: Time after which no further check begins.
        samples: Samples taken from each split.

    Returns:
        An examination without a budget. Codes are those of `examine`; findings of
        severity `"info"` are worth a look and stop nobody.

    Example:
        >>> print(kerasnorm.doctor.preflight(model, train, validation).to_text())
    """
    start = time.perf_counter()
    training = gather(train, samples, seconds=seconds / 4, name="training")
    held = None
    if validation is not None:
        held = gather(validation, samples, seconds=seconds / 4, name="validation")
    with preserved(model):
        flight = _Flight(model, training, held, loss)
        for check in flight.checks():
            if time.perf_counter() - start > seconds:
                flight.notes.append("the slower checks were left out, no time")
                break
            check()
    found = sorted(flight.findings, key=lambda f: -SEVERITIES.index(f.severity))
    return Examination(
        tuple(found),
        None,
        flight.losses,
        flight.measured,
        tuple(flight.notes),
        time.perf_counter() - start,
    )


class _Flight:
    """Run one check after another, cheap ones first."""

    def __init__(
        self, model: keras.Model, train: Samples, held: Samples | None, loss: Any
    ) -> None:
        self.model, self.train, self.held, self.given = model, train, held, loss
        self.findings: list[Finding] = []
        self.losses: dict[str, float] = {}
        self.measured: dict[str, Any] = {}
        self.notes = [*train.notes, *(held.notes if held else ())]
        self.loss: Any = None

    def checks(self) -> list[Callable[[], None]]:
        return [
            self._labels,
            self._inputs,
            self._order,
            self._norms,
            self._start,
            self._rehearse,
        ]

    def _add(self, code, severity, summary, evidence, remedy) -> None:
        self.findings.append(Finding(code, severity, summary, evidence, remedy))

    def _labels(self) -> None:
        if self.train.y is None:
            self.notes.append("no labels: only inputs were checked")
            return
        loss = resolve_loss(self.model, self.train.y, self.given)
        outputs = getattr(self.model, "outputs", None)
        width = outputs[0].shape[-1] if outputs and len(outputs) == 1 else None
        for split in (self.train, self.held):
            problem = split and label_problem(split.y, width, loss.name)
            if problem:
                self._add(
                    "label_mismatch",
                    "error",
                    problem[0].upper() + problem[1:] + ".",
                    {"loss": loss.name, "outputs": width},
                    "make labels, outputs and loss agree",
                )
                return
        self.loss = loss

    def _inputs(self) -> None:
        own = describe_inputs(self.train)
        other = describe_inputs(self.held) if self.held else None
        if own is None:
            return
        self.measured["training_inputs"] = vars(own)
        if not np.isfinite([own.mean, own.deviation]).all() or own.deviation == 0:
            self._add(
                "input_mismatch",
                "error",
                "Training inputs are constant or hold values that are not numbers.",
                vars(own),
                "look at one batch",
            )
        if other is None:
            return
        self.measured["validation_inputs"] = vars(other)
        wider = max(other.deviation, 1e-9) / max(own.deviation, 1e-9)
        moved = abs(other.mean - own.mean) / max(own.deviation, 1e-9)
        if max(wider, 1 / wider) > WIDER or moved > MOVED:
            self._add(
                "input_mismatch",
                "warning",
                f"Validation inputs have mean {other.mean:.3g} and deviation "
                f"{other.deviation:.3g}, training inputs {own.mean:.3g} and "
                f"{own.deviation:.3g}.",
                {"training": vars(own), "validation": vars(other)},
                "prepare both splits in the same way, best inside the model",
            )

    def _order(self) -> None:
        order = measure_label_order(self.train)
        if order is None or order.p_value > SIGNIFICANT:
            return
        if order.entropy < ORDERED * order.shuffled:
            self._add(
                "ordered_batches",
                "error",
                f"Batches hold {order.entropy:.3g} nats of label entropy, shuffled "
                f"ones {order.shuffled:.3g}: classes come in runs.",
                vars(order),
                "shuffle over the whole epoch",
            )

    def _norms(self) -> None:
        steps, norms = self.train.num_batches, batch_norms(self.model)
        if not norms:
            return
        if self.train.batch_size == 1 or self.train.last_size == 1:
            self._add(
                "single_sample_batch",
                "warning",
                "A batch of one sample gives batch norms no variance.",
                {"batch_size": self.train.batch_size},
                "dataset.batch(size, drop_remainder=True)",
            )
        momentum = max(getattr(norm, "momentum", 0.0) for norm in norms.values())
        if steps and momentum**steps > FIRST_EPOCH:
            self._add(
                "stale_statistics",
                "info",
                f"With momentum {momentum:g} and {steps} steps an epoch, "
                f"{momentum**steps:.0%} of the initial statistics are left after the "
                "first epoch: early validation losses say little.",
                {"momentum": momentum, "steps_per_epoch": steps},
                f"momentum={max(0.5, 1 - 4 / max(steps, 8)):.2g}, or "
                "kerasnorm.callbacks.RecalibrateBatchNorm",
            )

    def _start(self) -> None:
        if self.loss is None:
            return
        outputs = evaluate(self.model, self.train)
        values = self.loss.of(self.train.y, outputs, self.train.weights)
        self.losses["start"] = float(values.mean())
        activation = last_activation(self.model)
        problem = logits_problem(
            outputs, self.loss.name, self.loss.from_logits, activation
        )
        if problem:
            self._add(
                "label_mismatch",
                "error",
                problem[0].upper() + problem[1:] + ".",
                {"loss": self.loss.name, "activation": activation},
                "make the last activation and the loss agree",
            )
        chance = label_entropy(self.train)
        if chance is None or "crossentropy" not in self.loss.name:
            return
        self.losses["chance"] = chance
        if self.losses["start"] > START * chance + 0.1:
            self._add(
                "input_mismatch",
                "info",
                f"The new weights begin at a loss of {self.losses['start']:.3g}, "
                f"chance is {chance:.3g}: inputs or the last layer are large.",
                dict(self.losses),
                "scale inputs to deviation 1, or start the last layer at zeros",
            )

    def _rehearse(self) -> None:
        if self.loss is None:
            return
        batch = self.train.take(np.arange(min(self.train.count, 32)))
        found = rehearsal.rehearse(self.model, batch, self.loss)
        self.measured["rehearsal"] = vars(found)
        if found.without_gradient:
            self._add(
                "freeze_without_recompile",
                "info",
                f"{len(found.without_gradient)} trainable variables get no gradient, "
                f"first {found.without_gradient[0]}.",
                {"variables": list(found.without_gradient)},
                "connect these layers to the output, or freeze them",
            )
        if found.end > max(0.9 * found.begin, 0.02):
            self._add(
                "learning_rate_too_high",
                "warning",
                f"{found.steps} steps on one batch lead from a loss of "
                f"{found.begin:.3g} to {found.end:.3g}: the model cannot learn even "
                "one batch by heart.",
                vars(found),
                "try a tenth of the learning rate; if that does not help, look for "
                "frozen or unconnected layers",
            )
