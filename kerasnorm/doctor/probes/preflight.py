"""Measures a model and its data before the first epoch, cheap things first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.doctor.forward.statistics import batch_norms, forward_pass
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale, measure_scale
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches, first_batch
from kerasnorm.doctor.losses.head_activation import last_activation
from kerasnorm.doctor.losses.label_compatibility import (
    label_mismatch_reason,
    logits_mismatch_reason,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples, known_loss, resolve_loss
from kerasnorm.doctor.probes.gradients.gradients import Gradients, measure_gradients
from kerasnorm.doctor.probes.inputs.inputs import (
    InputMoments,
    describe_inputs,
    uses_little_of_its_range,
)
from kerasnorm.doctor.probes.labels.labels import LabelOrder, measure_label_order
from kerasnorm.doctor.probes.optimizer import OptimizerState, inspect_optimizer
from kerasnorm.doctor.probes.overfit_one_batch import (
    SingleBatchResult,
    has_learned,
    overfit_one_batch,
)
from kerasnorm.doctor.probes.structure import inspect_structure
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.time_limit import TimeLimit


@dataclass(frozen=True)
class Head:
    """How labels, outputs and loss fit each other.

    Args:
        loss: The loss of samples, None without labels or where they do not fit.
        mismatch: What does not fit, None if all does.
        loss_name: Name of the loss, None without labels.
        outputs: Width of the outputs, None where unknown.
    """

    loss: LossOfSamples | None
    mismatch: str | None = None
    loss_name: str | None = None
    outputs: int | None = None


@dataclass(frozen=True)
class Wiring:
    """What is known of model and optimizer before the first step.

    Args:
        optimizer: State of the optimizer.
        variables: Number of variables of the model.
        trainable: Number of those that train.
        flags: For each layer called with a constant `training=`, the constant.
        norms: Number of batch norms in training mode.
        momentum: Largest momentum of them.
    """

    optimizer: OptimizerState
    variables: int
    trainable: int
    flags: Mapping[str, bool]
    norms: int
    momentum: float


@dataclass(frozen=True)
class InitialLoss:
    """What the new weights make of the training samples.

    Args:
        loss: Mean loss.
        scale: What a loss of one means.
        mismatch: What does not fit between the last activation and the loss, None if
            nothing is wrong.
        activation: Name of the last activation, None if unknown.
    """

    loss: float
    scale: LossScale
    mismatch: str | None
    activation: str | None


@dataclass(frozen=True)
class PreflightMeasurements:
    """What was measured before a training; None where it was not.

    Args:
        batch_size: Samples in a training batch.
        last_size: Samples in the last training batch of the epoch.
        steps: Training steps in an epoch.
        head: Labels, outputs and loss.
        train_inputs: Moments of training inputs.
        validation_inputs: Moments of validation inputs.
        little_range: Whether training images use a small part of their range.
        label_order: Order of the classes in training batches.
        wiring: Model and optimizer.
        initial: Loss of the new weights.
        gradients: Gradients of the first batch.
        single_batch: Training on one batch with the model's own optimizer.
        single_batch_adam: The same with Adam at its usual rate; only where the own
            optimizer learned nothing.
    """

    batch_size: int
    last_size: int | None
    steps: int | None
    head: Head
    train_inputs: InputMoments | None
    validation_inputs: InputMoments | None
    little_range: bool
    label_order: LabelOrder | None
    wiring: Wiring
    initial: InitialLoss | None = None
    gradients: Gradients | None = None
    single_batch: SingleBatchResult | None = None
    single_batch_adam: SingleBatchResult | None = None


def measure_preflight(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    loss: Any,
    steps: int | None,
    limit: TimeLimit,
    quick: bool = False,
) -> PreflightMeasurements:
    """Measure everything that there are data and time for.

    Args:
        model: The model; its weights change: wrap the call in `state.restored_after`.
        train: Training samples.
        validation: Validation samples, or None.
        loss: Loss to use instead of the compiled one, or None.
        steps: Training steps in an epoch, None where unknown.
        limit: Time for what runs the model.
        quick: Whether to leave out what trains.
    """
    head = inspect_head(model, train, validation, loss)
    train_inputs = describe_inputs(train)
    validation_inputs = None
    if validation is not None and train_inputs is not None:
        validation_inputs = describe_inputs(validation)
    # Before anything trains: an optimizer that has run tells other things.
    wiring = inspect_wiring(model)
    initial = gradients = single_batch = single_batch_adam = None
    can_train = bool(model.trainable_variables) and not quick
    if head.loss is not None and limit.allows("the loss of the new weights"):
        initial = measure_initial_loss(model, train, head.loss)
        batch, scale = first_batch(model, train), initial.scale
        has_loss = getattr(model, "loss", None) is not None
        if can_train and has_loss and limit.allows("gradients"):
            gradients = measure_gradients(
                model, batch, scale.loss_unit, lambda: limit.left > 0
            )
        if can_train and limit.allows("training on one batch"):
            single_batch, single_batch_adam = train_on_one_batch(
                model, batch, head.loss, scale
            )
    return PreflightMeasurements(
        batch_size=train.batch_size,
        last_size=train.last_size,
        steps=steps,
        head=head,
        train_inputs=train_inputs,
        validation_inputs=validation_inputs,
        little_range=train_inputs is not None and uses_little_of_its_range(train.x),
        label_order=measure_label_order(train),
        wiring=wiring,
        initial=initial,
        gradients=gradients,
        single_batch=single_batch,
        single_batch_adam=single_batch_adam,
    )


def inspect_head(
    model: keras.Model, train: Samples, validation: Samples | None, given: Any
) -> Head:
    """Compare the labels of both splits with outputs and loss.

    Args:
        model: The model.
        train: Training samples.
        validation: Validation samples, or None.
        given: Loss to use instead of the compiled one, or None.
    """
    splits = [split for split in (train, validation) if split is not None]
    loss = known_loss(model, splits, given)
    if loss is None:
        return Head(None)
    outputs = getattr(model, "outputs", None)
    shape = outputs[0].shape if outputs and len(outputs) == 1 else None
    for split in splits:
        mismatch = label_mismatch_reason(split.labels, shape, loss)
        if mismatch:
            return Head(None, mismatch, loss.name, shape and shape[-1])
    loss = resolve_loss(model, train, given)
    return Head(loss, None, loss.name)


def inspect_wiring(model: keras.Model) -> Wiring:
    """Read what model and optimizer tell before the first step.

    Args:
        model: The model.
    """
    norms = batch_norms(model)
    return Wiring(
        inspect_optimizer(model),
        len(model.variables),
        len(model.trainable_variables),
        inspect_structure(model).baked_flags or {},
        len(norms),
        max((getattr(norm, "momentum", 0.0) for norm in norms.values()), default=0.0),
    )


def measure_initial_loss(
    model: keras.Model, train: Samples, loss: LossOfSamples
) -> InitialLoss:
    """Measure the loss of the weights as they are, and its scale.

    Args:
        model: The model.
        train: Training samples.
        loss: The loss.
    """
    batches = evaluation_batches(model, train, loss)
    found = forward_pass(model, train, batches, loss)
    activation = last_activation(model)
    return InitialLoss(
        float(found.losses.mean()),
        measure_scale(loss, train, found),
        logits_mismatch_reason(found.outputs, loss.name, loss.from_logits, activation),
        activation,
    )


def train_on_one_batch(
    model: keras.Model, batch: Samples, loss: LossOfSamples, scale: LossScale
) -> tuple[SingleBatchResult, SingleBatchResult | None]:
    """Train on one batch as the model would, and with Adam where that learns nothing.

    Args:
        model: The model; its weights change.
        batch: Samples of one batch.
        loss: The loss.
        scale: What a loss of one means.
    """
    before = model.get_weights()
    single_batch = overfit_one_batch(model, batch, loss, scale)
    learned = has_learned(single_batch.begin, single_batch.end, scale)
    if not single_batch.steps or learned or scale.targets_are_far:
        return single_batch, None
    model.set_weights(before)
    adam = keras.optimizers.Adam(1e-3)
    return single_batch, overfit_one_batch(model, batch, loss, scale, adam)
