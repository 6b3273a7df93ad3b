"""Settings to a compiled model: the only place where names become objects."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnorm import callbacks, models, optimizers, surgery
from kerasnorm.inspection import layer_tree
from kerasnorm.model_kinds import MODEL_KINDS
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.devices import precision
from kerasnorm.training.pretrained import start
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.settings import DECLARED

# Norm-free networks need clipped gradients; a tighter limit throttles small batches.
AGC_OF_NORM_FREE = 0.04
# The limit of the paper that Ranger21 is from.
AGC_OF_RANGER21 = 0.01
# Part of the training in which `stable_decay` lowers the learning rate to 0.
DECAY_SHARE = 0.3


def build_model(
    settings: Settings,
    num_classes: int,
    *,
    class_names: Sequence[str] = (),
    say: Callable[[str], Any] = lambda line: None,
    fill: bool = True,
) -> keras.Model:
    """Return the uncompiled network.

    Args:
        settings: Says which model, norm, weights and precision.
        num_classes: Units of the classifier.
        class_names: Their names; a run that had others does not give its classifier.
        say: Is told which weights were taken.
        fill: Whether to read the weights to start from. A training that goes on gets
            them from its checkpoint.
    """
    before = keras.config.dtype_policy()
    settings = precision.resolve_auto_precision(settings)
    if settings.precision != "float32":
        keras.config.set_dtype_policy(f"mixed_{settings.precision}")
    try:
        model = _build_model(settings, num_classes, fill)
        if settings.weights is not None:
            if fill:
                start.take_weights(model, settings, class_names, say)
            model = start.with_norm_policy(model, settings)
    finally:
        keras.config.set_dtype_policy(before)
    surgery.use_fused_batch_norm(model)
    return model


def _build_model(settings: Settings, num_classes: int, fill: bool) -> keras.Model:
    side = settings.image_size if settings.has_one_size else None
    shape = (side, side, 3)
    if settings.model.startswith("keras:"):
        return _build_backbone(settings, shape, num_classes, fill)
    kind = MODEL_KINDS[settings.model]
    build = getattr(models, kind.builder or settings.model)
    chosen = {**_model_options(settings), **kind.fixed}
    norm = "batch" if settings.weights == "pretrained" else settings.norm
    if NORM_KINDS[norm].has_moving_statistics:
        chosen["norm_options"] = {"momentum": settings.norm_momentum}
    return build(shape, num_classes, norm=norm, **chosen)


def _model_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of the builder that are settings and not left to it."""
    options = {
        declared.argument: value
        for name, declared in DECLARED.items()
        if declared.argument is not None
        and declared.argument in MODEL_KINDS[settings.model].options
        and (value := getattr(settings, name)) is not None
    }
    if "depths" in options:
        options["depths"] = (1,) * options["depths"]
    return options


def _build_backbone(
    settings: Settings,
    shape: tuple[int | None, int | None, int],
    num_classes: int,
    fill: bool,
) -> keras.Model:
    model = models.backbone(
        settings.model,
        shape,
        num_classes,
        weights="imagenet" if fill and settings.weights == "imagenet" else None,
        dropout=settings.dropout,
    )
    if settings.norm != "batch" and settings.weights is None:
        model, _ = surgery.swap_norm(model, settings.norm)
    for _, layer in layer_tree.iter_layers(model):
        if hasattr(layer, "moving_variance") and hasattr(layer, "momentum"):
            layer.momentum = settings.norm_momentum
    return model


def look_at_center(model: keras.Model, side: int) -> keras.Model:
    """Return the network behind a layer that cuts out the middle of larger images.

    Args:
        model: A network for images of one size; its weights are shared.
        side: Side of the larger square images, in pixels.
    """
    _, height, width, channels = model.input_shape
    margins = [
        (around // 2, around - around // 2) for around in (side - height, side - width)
    ]
    images = keras.Input((side, side, channels), name="images")
    # In float32 whatever the precision: bfloat16 would round the pixels.
    middle = keras.layers.Cropping2D(margins, dtype="float32", name="center_crop")
    whole = keras.Model(images, model(middle(images)), name=f"{model.name}_center_crop")
    # By the policy `compile` decides whether the loss is scaled, as it was in training.
    whole.dtype_policy = model.dtype_policy
    return whole


def build_optimizer(
    settings: Settings, model: keras.Model
) -> keras.optimizers.Optimizer:
    """Return the optimizer with its wrappers, at the highest rate of the schedule.

    `build_pacing` moves the rate. The optimizer itself holds a number, whatever the
    schedule and its length, so that a checkpoint fits when either is another one.

    Weight decay is kept from vectors (biases, gamma, beta and their like): they do
    not overfit, and shrinking them only fights the norm.

    Args:
        settings: Says which optimizer and wrappers.
        model: The built model, for the variables that weight decay leaves alone.
    """
    rate = float(settings.learning_rate)
    if settings.optimizer == "ranger21":
        # Clipping, centralization and Lookahead are parts of it.
        optimizer = optimizers.Ranger21(
            rate,
            weight_decay=settings.weight_decay,
            clip_factor=settings.agc or AGC_OF_RANGER21,
            gradient_accumulation_steps=_accumulation(settings),
        )
    else:
        optimizer = _wrapped(_plain_optimizer(settings, rate), model, settings)
    if settings.sam is not None:
        optimizer = optimizers.SAM(optimizer, rho=settings.sam)
    return optimizer


def compile_model(model: keras.Model, settings: Settings) -> keras.Model:
    """Compile a model for one-hot labels and probabilities.

    Label smoothing and MixUp are done to the training labels in the pipeline, so the
    validation loss is the plain cross-entropy.

    Args:
        model: The network; it is compiled in place.
        settings: The run's settings.
    """
    optimizer = build_optimizer(settings, model)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    if isinstance(optimizer, optimizers.SAM):
        optimizer.attach(model)
    return model


def _plain_optimizer(settings: Settings, rate: Any) -> keras.optimizers.Optimizer:
    steps = _accumulation(settings)
    decay = settings.weight_decay or None
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=decay,
            gradient_accumulation_steps=steps,
        )
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(
            rate, weight_decay=decay, gradient_accumulation_steps=steps
        )
    kind = optimizers.Muon if settings.optimizer == "muon" else keras.optimizers.AdamW
    return kind(
        rate,
        weight_decay=settings.weight_decay,
        gradient_accumulation_steps=steps,
    )


def _accumulation(settings: Settings) -> int | None:
    # Keras refuses 1.
    return settings.accumulate if settings.accumulate > 1 else None


def _wrapped(
    optimizer: keras.optimizers.Optimizer, model: keras.Model, settings: Settings
) -> keras.optimizers.Optimizer:
    optimizer.exclude_from_weight_decay(
        var_list=[v for v in model.trainable_variables if len(v.shape) < 2]
    )
    if settings.weights is not None and settings.first_layer_rate < 1:
        factors = optimizers.rising_rates(model, settings.first_layer_rate)
        optimizer = optimizers.LayerRates(optimizer, factors)
    if settings.lookahead:
        optimizer = optimizers.Lookahead(optimizer)
    if settings.gradient_centralization:
        optimizer = optimizers.GradientCentralization(optimizer)
    agc = settings.agc
    if agc is None and settings.norm == "none":
        agc = AGC_OF_NORM_FREE
    if agc is not None:
        optimizer = optimizers.AGC(optimizer, clip_factor=agc)
    return optimizer


def build_pacing(
    settings: Settings,
    steps_per_epoch: int,
    time_share: Callable[[], float] = lambda: 0.0,
) -> list[keras.callbacks.Callback]:
    """Return what moves the learning rate along the schedule, if anything does.

    Args:
        settings: Says which schedule and how long.
        steps_per_epoch: Training steps in one epoch.
        time_share: Says which fraction of the allowed time has passed, from 0; for a
            training without a limit none has.
    """
    total_steps = settings.epochs * steps_per_epoch
    warmup = min(round(settings.warmup_epochs * steps_per_epoch), total_steps - 1)
    peak = float(settings.learning_rate)
    if settings.schedule == "constant":
        return []
    if settings.schedule == "cosine":
        schedule = optimizers.WarmupCosine(peak, total_steps, warmup_steps=warmup)
    else:
        schedule = optimizers.WarmupStableDecay(
            peak,
            total_steps,
            warmup_steps=warmup,
            # In a short training the warm-up leaves fewer.
            decay_steps=min(round(DECAY_SHARE * total_steps), total_steps - warmup),
        )
    return [callbacks.TimeAwareSchedule(schedule, total_steps, time_share)]
