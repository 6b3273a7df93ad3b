"""Puts weights into a new network, and says which of its layers train then."""

import os
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnorm import models, surgery
from kerasnorm.inspection import layer_tree
from kerasnorm.models.efficientnet_lite import pretrained_file
from kerasnorm.models.weights.transfer import NoLayerFitsError
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.record import run_directory
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import paths

PRETRAINED = "pretrained"
# Names of the layers of every network from the pooling on.
POOL, CLASSIFIER = "pool", "classifier"


def find_weights(settings: Settings) -> None:
    """Raise before anything is loaded if weights to start from are not there.

    Published ones are converted here, where it does not change the random numbers of
    the run.

    Args:
        settings: Says which weights.

    Raises:
        UsageError: If there is no file with weights, or the package is missing.
    """
    if settings.weights == PRETRAINED:
        try:
            pretrained_file(settings.model)
        except RuntimeError as error:
            raise UsageError(str(error)) from error
    elif settings.weights not in (None, "imagenet"):
        _file_of(paths.fetched(str(settings.weights), "--weights"), ())


def take_weights(
    model: keras.Model,
    settings: Settings,
    class_names: Sequence[str],
    say: Callable[[str], Any],
) -> None:
    """Fill a network with the weights to start from, as far as they fit.

    Args:
        model: The new network; it is changed in place.
        settings: Says which weights.
        class_names: Names of the classes; a run that had others does not give its
            classifier.
        say: Is told what was taken.

    Raises:
        UsageError: If there is no file with weights, or nothing in it fits.
        RuntimeError: If the package of the weights is missing.
    """
    given = str(settings.weights)
    if given == "imagenet":
        return
    if given == PRETRAINED:
        file: str | os.PathLike = pretrained_file(settings.model)
        others = True
    else:
        file, others = _file_of(paths.fetched(given, "--weights"), class_names)
    if settings.model.startswith("keras:") and _fill_backbone(model, file):
        say(f"{given}: all weights of the backbone taken")
        return
    without = (CLASSIFIER,) if others else ()
    try:
        taken = models.take_weights(model, file, without)
    except NoLayerFitsError as error:
        raise UsageError(
            f"expected --weights of such a network as --model {settings.model} and its "
            f"flags make, received {given}, of which no layer fits; leave these flags "
            "out where it is a run, which says what its network is"
        ) from error
    say(f"{given}: {taken}")


def _fill_backbone(model: keras.Model, file: str | os.PathLike) -> bool:
    """Fill a backbone with weights of its own, whose layers may have no lasting names.

    Returns:
        Whether the file is that of a backbone without its top.
    """
    if pathlib.Path(file).suffix != ".h5":
        return False
    base = model.get_layer("backbone")
    before = base.get_weights()
    try:
        with warnings.catch_warnings():
            # Keras only warns of parts that it finds no weights for.
            warnings.simplefilter("error", UserWarning)
            base.load_weights(os.fspath(file))
    except (ValueError, OSError, LookupError, UserWarning):
        base.set_weights(before)
        return False
    return True


def _file_of(path: str, class_names: Sequence[str]) -> tuple[pathlib.Path, bool]:
    """Return a file with weights, and whether it is of a run with other classes."""
    given = pathlib.Path(path)
    if not given.is_dir():
        return given, False
    directory = run_directory.open_run(given)
    if not directory.model_file.is_file():
        raise UsageError(
            f"expected --weights to be a finished run, received {path}, which has no "
            f"{directory.model_file.name} yet; let it finish with --resume {path}"
        )
    known = directory.read_report()["class_names"]
    return directory.model_file, bool(class_names) and known != list(class_names)


def with_norm_policy(model: keras.Model, settings: Settings) -> keras.Model:
    """Return a network of which the layers train that the settings say.

    Args:
        model: The network with its weights.
        settings: Says what trains, and what becomes of batch norms.
    """
    wish = "group" if settings.norm_policy == "group" else settings.norm
    built = "batch" if _is_built_with_batch(settings) else settings.norm
    if wish != built and not (built == "batch" and NORM_KINDS[wish].is_batch_norm):
        model, _ = surgery.swap_norm(model, wish)
    if settings.norm_policy == "frozen":
        for _, layer in layer_tree.iter_layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    if settings.frozen:
        for layer in before_head(model):
            layer.trainable = False
    return model


def before_head(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers in front of the pooling.

    Args:
        model: A network of `kerasnorm.models`.
    """
    names = [layer.name for layer in model.layers]
    return model.layers[: names.index(POOL)]


def _is_built_with_batch(settings: Settings) -> bool:
    return settings.weights == PRETRAINED or settings.model.startswith("keras:")
