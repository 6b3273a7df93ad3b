"""Judges a model and its data before the first epoch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasnorm.doctor.checks.first_steps import judge_gradients, judge_single_batch
from kerasnorm.doctor.checks.labels import ORDERED, SIGNIFICANT
from kerasnorm.doctor.checks.structure import find_frozen
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.probes.inputs.inputs import InputMoments
from kerasnorm.doctor.probes.labels.labels import LabelOrder
from kerasnorm.doctor.probes.preflight import (
    Head,
    InitialLoss,
    PreflightMeasurements,
    Wiring,
)

# A fresh head is off the loss of chance by 10 to 15%; twice as much is a wrong scale.
START = 1.5
# Means or stds of the splits that differ by more have been prepared differently.
MOVED = 0.5
WIDER = 2.0
# Fraction of the initial statistics that may be left after the first epoch.
FIRST_EPOCH = 0.1
# Above this they decide early validation losses; below, they only blur them.
MOSTLY_INITIAL = 0.5


def judge_preflight(m: PreflightMeasurements) -> list[Finding]:
    """Return what would harm the training, in the order of the measurements.

    Args:
        m: What was measured.
    """
    found = [*_judge_head(m.head), *_judge_inputs(m), *_judge_order(m.label_order)]
    found += [*_judge_wiring(m.wiring), *_judge_norms(m)]
    if m.initial is not None:
        found += _judge_initial_loss(m.head, m.initial)
    if m.gradients is not None:
        found += judge_gradients(m.gradients)
    if m.initial is not None and m.single_batch is not None:
        found += judge_single_batch(
            m.single_batch, m.single_batch_adam, m.gradients, m.initial.scale
        )
    return found


def initial_losses(initial: InitialLoss | None) -> dict[str, float]:
    """Return the loss of the new weights and that of the best constant answer.

    Args:
        initial: What was measured of them, None if nothing was.
    """
    if initial is None:
        return {}
    chance = initial.scale.constant
    return {"start": initial.loss, **({} if chance is None else {"chance": chance})}


def _judge_head(head: Head) -> Iterator[Finding]:
    if head.mismatch:
        yield Finding(
            "label_mismatch",
            "error",
            _sentence(head.mismatch),
            {"loss": head.loss_name, "outputs": head.outputs},
        )


def _judge_inputs(m: PreflightMeasurements) -> Iterator[Finding]:
    train, validation = m.train_inputs, m.validation_inputs
    if train is None:
        return
    if not np.isfinite([train.mean, train.std]).all() or train.std == 0:
        yield Finding(
            "input_range",
            "error",
            "Training inputs are constant or hold values that are not numbers.",
            train.to_dict(),
        )
    elif m.little_range:
        yield Finding(
            "input_range",
            "warning",
            f"Training images lie between {train.smallest:.3g} and "
            f"{train.largest:.3g}: less than an eighth of the range from black to "
            "white.",
            train.to_dict(),
            "check how deep the files are (kerasnorm scan DIR) and scale their "
            "values to the whole range",
        )
    if validation is not None:
        yield from _compare_inputs(train, validation)


def _compare_inputs(train: InputMoments, validation: InputMoments) -> Iterator[Finding]:
    wider = max(validation.std, 1e-9) / max(train.std, 1e-9)
    moved = abs(validation.mean - train.mean) / max(train.std, 1e-9)
    if max(wider, 1 / wider) > WIDER or moved > MOVED:
        yield Finding(
            "input_mismatch",
            "warning",
            f"Validation inputs have mean {validation.mean:.3g} and std "
            f"{validation.std:.3g}, training inputs {train.mean:.3g} and "
            f"{train.std:.3g}.",
            {"training": train.to_dict(), "validation": validation.to_dict()},
        )


def _judge_order(order: LabelOrder | None) -> Iterator[Finding]:
    if order is None or order.p_value > SIGNIFICANT:
        return
    if order.entropy < ORDERED * order.shuffled:
        yield Finding(
            "ordered_batches",
            "error",
            f"Batches hold {order.entropy:.3g} nats of label entropy, shuffled "
            f"ones {order.shuffled:.3g}: classes come in runs.",
            vars(order),
        )


def _judge_wiring(wiring: Wiring) -> Iterator[Finding]:
    if not wiring.trainable:
        yield Finding(
            "nothing_trainable",
            "error",
            "No variable of the model is trainable.",
            {"variables": wiring.variables},
        )
    frozen = find_frozen(wiring.optimizer)
    if frozen:
        yield frozen
    layers = [path for path, flag in wiring.flags.items() if not flag]
    if layers:
        yield Finding(
            "training_flag_overridden",
            "warning",
            f"{', '.join(layers)} is called with training=False in the graph, but "
            "holds batch norms that `fit` trains all the same in Keras 3.",
            {"layers": layers},
        )
    if wiring.norms:
        yield from _judge_optimizer(wiring)


def _judge_optimizer(wiring: Wiring) -> Iterator[Finding]:
    steps = wiring.optimizer.accumulation_steps
    if wiring.optimizer.uses_ema:
        yield Finding(
            "ema_statistics",
            "info",
            "The optimizer averages the weights, the batch norms keep the moving "
            "statistics of the weights that are not averaged.",
            {"norms": wiring.norms},
        )
    if steps > 1:
        yield Finding(
            "gradient_accumulation",
            "info",
            f"Each step gathers {steps} batches, but batch norms see one of them at a "
            "time.",
            {"accumulation_steps": steps},
        )


def _judge_norms(m: PreflightMeasurements) -> Iterator[Finding]:
    momentum, steps = m.wiring.momentum, m.steps
    if not m.wiring.norms:
        return
    if m.batch_size == 1 or m.last_size == 1:
        yield Finding(
            "single_sample_batch",
            "warning",
            "A batch of one sample gives batch norms no variance.",
            {"batch_size": m.batch_size},
        )
    if steps and momentum**steps > FIRST_EPOCH:
        yield Finding(
            "norm_momentum",
            "warning" if momentum**steps > MOSTLY_INITIAL else "info",
            f"With momentum {momentum:g} and {steps} steps an epoch, "
            f"{momentum**steps:.0%} of the initial statistics are left after the "
            "first epoch: early validation losses say little.",
            {"momentum": momentum, "steps_per_epoch": steps},
            f"momentum={max(0.5, 1 - 4 / max(steps, 8)):.2g}, or "
            "kerasnorm.callbacks.RecalibrateBatchNorm",
        )


def _judge_initial_loss(head: Head, initial: InitialLoss) -> Iterator[Finding]:
    scale = initial.scale
    if initial.mismatch:
        yield Finding(
            "label_mismatch",
            "error",
            _sentence(initial.mismatch),
            {"loss": head.loss_name, "activation": initial.activation},
            "make the last activation and the loss agree",
        )
    if scale.uninformed is None:
        return
    # Constants that know the fractions of the classes are better than no answer.
    guesses = [scale.uninformed, scale.constant]
    guess = max(loss for loss in guesses if loss is not None)
    # Above what knowing everything costs: a constant in the loss must not count.
    least = scale.perfect or 0.0
    if initial.loss - least > START * (guess - least) + 0.1 * scale.loss_unit:
        evidence: dict[str, Any] = initial_losses(initial)
        yield Finding(
            "wrong_initial_loss",
            "info",
            f"The new weights begin at a loss of {initial.loss:.3g}, "
            f"chance is {guess:.3g}: inputs or the last layer are large.",
            evidence,
        )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
