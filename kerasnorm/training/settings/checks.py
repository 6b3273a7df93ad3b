"""What the values of settings may be; raises one clear sentence for any other."""

import dataclasses
import numbers
import re
import typing
from collections.abc import Sequence
from typing import Any

from kerasnorm.training.settings.errors import UsageError

# Spelled out because naming them must not import Keras: `--help` answers at once.
# A test keeps this list equal to the table in `layers.factory`.
NORMS = (
    "batch",
    "sync_batch",
    "batch_renorm",
    "ghost_batch",
    "group",
    "layer",
    "layer_channels",
    "instance",
    "frn",
    "switchable",
    "none",
)
MODELS = ("convnet", "resnet", "nf_resnet", "nfnet", "res2net")
OPTIMIZERS = ("sgd", "adam", "adamw", "muon", "ranger21")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
SCHEDULES = ("constant", "cosine", "stable_decay")
ON_NAN = ("stop", "skip", "reduce-lr")
DISTRIBUTE = ("none", "auto")
# Key of a field's metadata: the values of another setting without which it is unused.
ONLY_WITH = "only with"
# Beyond this neither TensorFlow's counters nor anybody's memory goes.
LARGEST = 2**31 - 1
KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    type(None): "null",
}
_CLASSES: dict[type, type] = {int: numbers.Integral, float: numbers.Real}


def check(settings: Any) -> None:
    """Raise UsageError for a value out of range, or values that contradict each other.

    Args:
        settings: The settings.
    """
    _check_kinds(settings)
    _check_numbers(settings)
    _check_names(settings)
    _check_combinations(settings)
    _check_fold_groups(settings)


def refuse_unused(settings: Any, flags: Sequence[str]) -> None:
    """Raise UsageError for a flag that the chosen model or schedule does not use.

    Values of files and presets, which serve several of them, may be left unused.

    Args:
        settings: The settings.
        flags: Names of those that were given as flags.
    """
    for field in dataclasses.fields(settings):
        for other, choices in field.metadata.get(ONLY_WITH, {}).items():
            received = getattr(settings, other)
            if field.name in flags and received not in choices:
                raise UsageError(
                    f"expected {_flag(field.name)} with {_flag(other)} "
                    f"{' or '.join(choices)}, received {_flag(other)} {received}, "
                    f"which does not use it; leave {_flag(field.name)} out"
                )


def describe(kind: Any) -> str:
    """Return what a value of some type is called.

    Args:
        kind: A type, or a union or list of types.
    """
    kinds = [part for part in typing.get_args(kind) or [kind] if part in KINDS]
    return " or ".join(KINDS[part] for part in kinds)


def _check_kinds(settings: Any) -> None:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        kinds = typing.get_args(field.type) or (field.type,)
        # For Python true is a number.
        fits = (
            bool in kinds
            if isinstance(value, bool)
            else isinstance(value, tuple(_CLASSES.get(kind, kind) for kind in kinds))
        )
        if not fits:
            raise UsageError(
                f"expected {_flag(field.name)} to be {describe(field.type)}, "
                f"received {value!r}"
            )


def _check_numbers(settings: Any) -> None:
    for field, low, high in (
        ("image_size", 16, 1024),
        ("batch_size", 1, LARGEST),
        ("folds", 1, LARGEST),
        ("fold", 0, settings.folds - 1),
        ("label_noise", 0, 1),
        ("rotation_range", 0, 180),
        ("width_shift_range", 0, 1),
        ("height_shift_range", 0, 1),
        ("shear_range", 0, 89),
        ("zoom_range", 0, 0.99),
        ("center_crop", 0.01, 1),
        ("crop_area", 0.01, 1),
        ("color_jitter", 0, 1),
        ("random_erasing", 0, 1),
        ("mixup", 0, LARGEST),
        ("cutmix", 0, LARGEST),
        ("label_smoothing", 0, 0.99),
        ("width", 1, LARGEST),
        ("stages", 1, 6),
        ("norm_momentum", 0, 1),
        ("dropout", 0, 0.99),
        ("weight_decay", 0, LARGEST),
        ("warmup_epochs", 0, LARGEST),
        ("accumulate", 1, LARGEST),
        ("epochs", 1, LARGEST),
        ("patience", 1, LARGEST),
        ("seed", 0, 2**32 - 1),
    ):
        value = getattr(settings, field)
        if not low <= value <= high:
            limit = f"{low} or more" if high == LARGEST else f"{low} to {high}"
            raise UsageError(f"expected {_flag(field)} {limit}, received {value!r}")
    if settings.judged_side < 16:
        raise UsageError(
            "expected --center-crop to leave at least 16 of the "
            f"{settings.image_size} pixels of --image-size, received "
            f"{settings.center_crop!r}"
        )
    if not 16 <= settings.training_side <= 1024:
        raise UsageError(
            f"expected --train-size 16 to 1024, received {settings.train_size!r}"
        )
    if settings.stem_strides not in (2, 4):
        raise UsageError(
            f"expected --stem-strides 2 or 4, received {settings.stem_strides!r}"
        )
    for field in ("validation_fraction",):
        value = getattr(settings, field)
        if not 0 < value < 1:
            raise UsageError(
                f"expected {_flag(field)} above 0 and below 1, received {value!r}"
            )
    if not 0 <= settings.test_fraction < 1:
        raise UsageError(
            "expected --test-fraction 0 to below 1, received "
            f"{settings.test_fraction!r}"
        )
    if settings.validation_fraction + settings.test_fraction >= 1:
        raise UsageError(
            "expected --validation-fraction and --test-fraction to leave something to "
            f"train on, received {settings.validation_fraction!r} and "
            f"{settings.test_fraction!r}"
        )
    if not 0 < settings.fraction <= 1:
        raise UsageError(
            f"expected --fraction above 0 to 1, received {settings.fraction!r}"
        )
    if settings.rand_augment is not None and not 0 <= settings.rand_augment <= 1:
        raise UsageError(
            f"expected --rand-augment 0 to 1, received {settings.rand_augment!r}"
        )
    for field in ("agc", "sam", "max_minutes", "learning_rate"):
        value = getattr(settings, field)
        if value is None or value == "auto":
            continue
        if isinstance(value, str) or not 0 < value <= LARGEST:
            raise UsageError(
                f"expected {_flag(field)} to be a number above 0 to {LARGEST}"
                f"{' or auto' if field == 'learning_rate' else ''}, "
                f"received {value!r}"
            )


def _check_names(settings: Any) -> None:
    _one_of("norm", settings.norm, NORMS)
    if not settings.model.startswith("keras:"):
        _one_of("model", settings.model, (*MODELS, "keras:NAME"))
    _one_of("precision", settings.precision, PRECISIONS)
    _one_of("optimizer", settings.optimizer, OPTIMIZERS)
    _one_of("schedule", settings.schedule, SCHEDULES)
    _one_of("on_nan", settings.on_nan, ON_NAN)
    _one_of("distribute", settings.distribute, DISTRIBUTE)
    for field in ("app", "name"):
        value = getattr(settings, field)
        if value is not None and (not value or set(value) & set('/\\:*?"<>|\0')):
            raise UsageError(
                f"expected {_flag(field)} to be the name of a folder, "
                f"received {value!r}; leave out slashes and the characters "
                ': * ? " < > |'
            )
        if value in (".", ".."):
            raise UsageError(
                f"expected {_flag(field)} to be the name of a new folder, "
                f"received {value!r}"
            )


def _check_combinations(settings: Any) -> None:
    if settings.norm == "ghost_batch" and settings.batch_size < 2:
        raise UsageError(
            "expected --batch-size 2 or more with --norm ghost_batch, received "
            f"{settings.batch_size}; --norm group works with single images"
        )
    if settings.average_mirrored and not settings.horizontal_flip:
        raise UsageError(
            "expected --average-mirrored together with --horizontal-flip, received "
            "--no-horizontal-flip; the model has never seen mirror images then"
        )
    inside = [
        _flag(field)
        for field in ("lookahead", "gradient_centralization")
        if settings.optimizer == "ranger21" and getattr(settings, field)
    ]
    if inside:
        raise UsageError(
            f"expected --optimizer ranger21 without {' and '.join(inside)}, which "
            "it does by itself; leave the flag out"
        )
    if settings.sam is not None and settings.precision == "float16":
        raise UsageError(
            "expected --sam without --precision float16, whose scaled loss it cannot "
            "climb; use --precision bfloat16"
        )
    if settings.sam is not None and settings.accumulate > 1:
        raise UsageError(
            "expected --sam without --accumulate, received both; sharpness-aware "
            "minimization takes two gradients of every batch"
        )
    if settings.weights is not None and not settings.model.startswith("keras:"):
        raise UsageError(
            f"expected --weights together with --model keras:NAME, received "
            f"--model {settings.model}"
        )
    if settings.frozen and settings.weights is None:
        raise UsageError(
            "expected --frozen together with --weights, received no weights; a "
            "backbone that starts from chance has to train"
        )


def _check_fold_groups(settings: Any) -> None:
    if settings.fold_groups is None:
        return
    if settings.folds == 1:
        raise UsageError(
            "expected --fold-groups together with --folds 2 or more, received --folds 1"
        )
    try:
        re.compile(settings.fold_groups)
    except re.error as error:
        raise UsageError(
            f"expected --fold-groups to be a regular expression, received "
            f"{settings.fold_groups!r}: {error}"
        ) from None


def _one_of(field: str, value: str, names: Sequence[str]) -> None:
    if value not in names:
        raise UsageError(
            f"expected {_flag(field)} to be one of {', '.join(names)}, "
            f"received {value!r}"
        )


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")
