"""Values of settings that contradict each other."""

import os
import re
from typing import Any

from kerasnorm.model_kinds import KERAS, MODEL_KINDS, find_model_kind, models_with
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.spelling import flag_of
from kerasnorm.training.system.paths import LONGEST_NAME

# The smallest side that the networks take, in pixels.
SMALLEST = 16
NOT_IN_A_FILE_NAME = set('/\\:*?"<>|\0')


def check(settings: Any) -> None:
    """Raise UsageError for values that contradict each other.

    Args:
        settings: The settings; each value by itself is possible.
    """
    _check_data(settings)
    _check_folds(settings)
    _check_model(settings)
    _check_optimizer(settings)
    for name in ("app", "name"):
        _check_folder_name(name, getattr(settings, name))


def _check_data(settings: Any) -> None:
    if settings.eval_size < SMALLEST:
        raise UsageError(
            f"expected --center-crop to leave at least {SMALLEST} of the "
            f"{settings.image_size} pixels of --image-size, received "
            f"{settings.center_crop!r}"
        )
    if settings.validation_fraction + settings.test_fraction >= 1:
        raise UsageError(
            "expected --validation-fraction and --test-fraction to leave something to "
            f"train on, received {settings.validation_fraction!r} and "
            f"{settings.test_fraction!r}"
        )
    if settings.norm == "ghost_batch" and settings.batch_size < 2:
        raise UsageError(
            "expected --batch-size 2 or more with --norm ghost_batch, received "
            f"{settings.batch_size}; --norm group works with single images"
        )


def _check_folds(settings: Any) -> None:
    if settings.fold >= settings.folds:
        raise UsageError(
            f"expected --fold 0 to {settings.folds - 1}, received {settings.fold!r}; "
            f"--folds {settings.folds} makes no more"
        )
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


def _check_model(settings: Any) -> None:
    kind = find_model_kind(settings.model)
    if settings.weights == "imagenet" and kind != KERAS:
        raise UsageError(
            f"expected --weights imagenet together with --model {KERAS}, received "
            f"--model {settings.model}"
        )
    published = [name for name, one in MODEL_KINDS.items() if one.is_published]
    if settings.weights == "pretrained" and kind not in published:
        raise UsageError(
            f"expected --weights pretrained together with --model "
            f"{' or '.join(published)}, received --model {settings.model}"
        )
    if settings.frozen and settings.weights is None:
        raise UsageError(
            "expected --frozen together with --weights, received no weights; a "
            "backbone that starts from chance has to train"
        )
    if settings.flip_tta and not settings.horizontal_flip:
        raise UsageError(
            "expected --flip-tta together with --horizontal-flip, received "
            "--no-horizontal-flip; the model has never seen mirror images then"
        )
    is_asymmetric = settings.asymmetric and kind in models_with("asymmetric")
    if is_asymmetric and settings.norm != "batch":
        raise UsageError(
            f"expected --asymmetric together with --norm batch, received --norm "
            f"{settings.norm}; its convolutions bring batch norms of their own"
        )
    if is_asymmetric and settings.distribute != "none":
        raise UsageError(
            "expected --asymmetric together with --distribute none, received "
            f"--distribute {settings.distribute}; the batch norms of its convolutions "
            "cannot be synchronized"
        )


def _check_optimizer(settings: Any) -> None:
    inside = [
        flag_of(name)
        for name in ("lookahead", "gradient_centralization")
        if settings.optimizer == "ranger21" and getattr(settings, name)
    ]
    if inside:
        raise UsageError(
            f"expected --optimizer ranger21 by itself, received {' and '.join(inside)} "
            "with it, which it does anyway; leave the flag out"
        )
    if settings.sam is not None and settings.precision == "float16":
        raise UsageError(
            "expected --sam with a loss that is not scaled, received --precision "
            "float16; use --precision bfloat16"
        )
    if settings.sam is not None and settings.accumulate > 1:
        raise UsageError(
            "expected --sam without --accumulate, received both; sharpness-aware "
            "minimization takes two gradients of every batch"
        )


def _check_folder_name(name: str, value: str | None) -> None:
    if value is None:
        return
    if not value or set(value) & NOT_IN_A_FILE_NAME:
        raise UsageError(
            f"expected {flag_of(name)} to be the name of a folder, received {value!r}; "
            'leave out slashes and the characters : * ? " < > |'
        )
    if len(os.fsencode(value)) > LONGEST_NAME:
        raise UsageError(
            f"expected {flag_of(name)} to be the name of a folder, at most "
            f"{LONGEST_NAME} bytes long, received {value!r}"
        )
    if value in (".", ".."):
        raise UsageError(
            f"expected {flag_of(name)} to be the name of a new folder, received "
            f"{value!r}"
        )
