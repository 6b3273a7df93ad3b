"""The checks before a training, one after another, cheap ones first."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.checks import first_steps
from kerasnorm.doctor.checks.labels import ORDERED, SIGNIFICANT
from kerasnorm.doctor.checks.structure import find_frozen
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.forward.statistics import batch_norms, forward_pass
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale, measure_scale
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches, first_batch
from kerasnorm.doctor.losses.head_activation import last_activation
from kerasnorm.doctor.losses.model_losses import known_loss, resolve_loss
from kerasnorm.doctor.probes import overfit_one_batch
from kerasnorm.doctor.probes.gradients import Gradients, measure_gradients
from kerasnorm.doctor.probes.inputs import inputs
from kerasnorm.doctor.probes.labels import label_compatibility
from kerasnorm.doctor.probes.labels.labels import measure_label_order
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.structure import inspect_structure
from kerasnorm.doctor.sampling.samples import Samples

# A fresh head is off the loss of chance by 10 to 15%; twice as much is a wrong scale.
START = 1.5
# Means or deviations of the splits that differ by more have been prepared differently.
MOVED = 0.5
WIDER = 2.0
# Share of the initial statistics that may be left after the first epoch.
FIRST_EPOCH = 0.1
# Above this they decide early validation losses; below, they only blur them.
MOSTLY_INITIAL = 0.5


class Flight:
    """Keep what the checks of one preflight find.

    Args:
        model: The model, inside `preserved`.
        train: Training samples.
        held: Validation samples, or None.
        loss: Loss to use instead of the compiled one, or None.
        steps: Training steps in an epoch, None where unknown.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Samples,
        held: Samples | None,
        loss: Any,
        steps: int | None,
    ) -> None:
        self.model, self.train, self.held, self.given = model, train, held, loss
        self.steps = steps
        self.findings: list[Finding] = []
        self.losses: dict[str, float] = {}
        self.measured: dict[str, Any] = {}
        self.notes = [*train.notes, *(held.notes if held else ())]
        self.loss: Any = None
        self.gradients: Gradients | None = None
        self.scale = LossScale(1.0)

    def checks(self, quick: bool) -> list[Callable[[], None]]:
        """Return the checks to run, without those that train if `quick`."""
        cheap = [
            self._labels,
            self._inputs,
            self._order,
            self._wiring,
            self._norms,
            self._start,
        ]
        return cheap if quick else [*cheap, self._gradients, self._rehearse]

    def _add(self, code, severity, summary, evidence, remedy) -> None:
        self.findings.append(Finding(code, severity, summary, evidence, remedy))

    def _labels(self) -> None:
        splits = [split for split in (self.train, self.held) if split is not None]
        loss = known_loss(self.model, splits, self.given)
        if loss is None:
            self.notes.append("no labels: only inputs were checked")
            return
        outputs = getattr(self.model, "outputs", None)
        shape = outputs[0].shape if outputs and len(outputs) == 1 else None
        for split in splits:
            problem = label_compatibility.label_problem(split.labels, shape, loss)
            if problem:
                self._add(
                    "label_mismatch",
                    "error",
                    problem[0].upper() + problem[1:] + ".",
                    {"loss": loss.name, "outputs": shape and shape[-1]},
                    "make labels, outputs and loss agree",
                )
                return
        self.loss = resolve_loss(self.model, self.train, self.given)

    def _inputs(self) -> None:
        own = inputs.describe_inputs(self.train)
        other = inputs.describe_inputs(self.held) if self.held else None
        if own is None:
            return
        self.measured["training_inputs"] = vars(own)
        if not np.isfinite([own.mean, own.deviation]).all() or own.deviation == 0:
            self._add(
                "input_range",
                "error",
                "Training inputs are constant or hold values that are not numbers.",
                vars(own),
                "look at one batch",
            )
        elif inputs.uses_little_of_its_range(self.train.x):
            self._add(
                "input_range",
                "warning",
                f"Training images lie between {own.smallest:.3g} and "
                f"{own.largest:.3g}: less than an eighth of the range from black to "
                "white.",
                vars(own),
                "check how deep the files are (kerasnorm scan DIR) and scale their "
                "values to the whole range",
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

    def _wiring(self) -> None:
        """Find what is known of model and optimizer before the first step."""
        state, norms = inspect_optimizer(self.model), batch_norms(self.model)
        if not self.model.trainable_variables:
            self._add(
                "nothing_trainable",
                "error",
                "No variable of the model is trainable.",
                {"variables": len(self.model.variables)},
                "set trainable = True on the layers that should learn, then "
                "model.compile(...) again",
            )
        frozen = find_frozen(state)
        if frozen:
            self.findings.append(frozen)
        flags = inspect_structure(self.model).baked_flags or {}
        layers = [path for path, flag in flags.items() if not flag]
        if layers:
            self._add(
                "training_flag_overridden",
                "warning",
                f"{', '.join(layers)} is called with training=False in the graph, but "
                "holds batch norms that `fit` trains all the same in Keras 3.",
                {"layers": layers},
                "set trainable = False on the batch norms and model.compile(...) "
                "again, or remove training=False",
            )
        if norms and state.uses_ema:
            self._add(
                "ema_statistics",
                "info",
                "The optimizer averages the weights, the batch norms keep the moving "
                "statistics of the weights that are not averaged.",
                {"norms": len(norms)},
                "kerasnorm.surgery.recalibrate_batch_norm after training, or "
                "kerasnorm.callbacks.RecalibrateBatchNorm",
            )
        if norms and state.accumulation_steps > 1:
            self._add(
                "gradient_accumulation",
                "info",
                f"Each step gathers {state.accumulation_steps} batches, but batch "
                "norms see one of them at a time.",
                {"accumulation_steps": state.accumulation_steps},
                "a larger batch, or kerasnorm.surgery.swap_norm(model, 'group')",
            )

    def _norms(self) -> None:
        steps, norms = self.steps, batch_norms(self.model)
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
                "norm_momentum",
                "warning" if momentum**steps > MOSTLY_INITIAL else "info",
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
        batches = evaluation_batches(self.model, self.train, self.loss)
        seen = forward_pass(self.model, self.train, batches, self.loss)
        outputs = seen.outputs
        self.losses["start"] = float(seen.losses.mean())
        activation = last_activation(self.model)
        problem = label_compatibility.logits_problem(
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
        self.scale = scale = measure_scale(self.loss, self.train, seen)
        if scale.constant is not None:
            self.losses["chance"] = scale.constant
        if scale.uninformed is None:
            return
        # Constants that know the fractions of the classes are better than no answer.
        guesses = [scale.uninformed, scale.constant]
        guess = max(loss for loss in guesses if loss is not None)
        # Above what knowing everything costs: a constant in the loss must not count.
        least = scale.perfect or 0.0
        above = self.losses["start"] - least
        if above > START * (guess - least) + 0.1 * scale.unit:
            self._add(
                "wrong_initial_loss",
                "info",
                f"The new weights begin at a loss of {self.losses['start']:.3g}, "
                f"chance is {guess:.3g}: inputs or the last layer are large.",
                dict(self.losses),
                "scale inputs to deviation 1, or start the last layer at zeros",
            )

    def _gradients(self) -> None:
        has_loss = getattr(self.model, "loss", None) is not None
        if self.loss is None or not has_loss or not self.model.trainable_variables:
            return
        found = measure_gradients(
            self.model, first_batch(self.model, self.train), self.scale.unit
        )
        if found is None:
            return
        self.gradients = found
        self.measured["gradients"] = vars(found)
        self.findings += first_steps.judge_gradients(found)

    def _rehearse(self) -> None:
        if self.loss is None or not self.model.trainable_variables:
            return
        batch, scale = first_batch(self.model, self.train), self.scale
        before = self.model.get_weights()

        def train(optimizer=None) -> overfit_one_batch.Rehearsal:
            self.model.set_weights(before)
            return overfit_one_batch.rehearse(
                self.model, batch, self.loss, scale, optimizer
            )

        found = train()
        self.measured["rehearsal"] = vars(found)
        adam = functools.partial(train, keras.optimizers.Adam(1e-3))
        judged = found, self.gradients, scale, adam
        self.findings += first_steps.judge_rehearsal(*judged)
