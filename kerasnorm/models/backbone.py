"""Any model of `keras.applications` as backbone of a classifier."""

import difflib
import os
import warnings
from typing import Any

import keras

from kerasnorm.inspection import layer_tree
from kerasnorm.models import blocks
from kerasnorm.models.conv_block import channel_axis

PREFIX = "keras:"
# How each family wants its images, longest name first; as in the
# `preprocess_input` of its module.
PREPROCESSING = {
    "ConvNeXt": "inside",
    "DenseNet": "torch",
    "EfficientNet": "inside",
    "MobileNetV3": "inside",
    "ResNet": "caffe",
    "VGG": "caffe",
}
TORCH_MEAN = (0.485, 0.456, 0.406)
TORCH_DEVIATION = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def list_backbones() -> list[str]:
    """List the names that `backbone` knows, without the prefix `keras:`."""
    return sorted(
        name
        for name in dir(keras.applications)
        if name[0].isupper() and callable(getattr(keras.applications, name))
    )


def backbone(
    name: str,
    input_shape: tuple,
    num_classes: int,
    *,
    weights: str | os.PathLike | None = None,
    frozen: bool = False,
    dropout: float = 0.2,
) -> keras.Model:
    """Put a classifier on a model of `keras.applications`.

    With weights, the batch norms of the backbone always stay in inference mode
    (`trainable=False`), because small batches would overwrite the statistics that the
    weights were trained with. That is the only freeze that Keras 3 respects:
    `training=False` baked into a functional model is overridden by `fit`. Without
    weights everything trains.

    To fine-tune in two phases, train with `frozen=True`, call `unfreeze(model)` and
    compile again.

    Args:
        name: Name in `keras.applications`, with or without the prefix `keras:`.
        input_shape: (height, width, 3).
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        weights: None for a random start, `"imagenet"` to download, or a file that
            `load_weights` reads for the backbone without its top.
        frozen: Whether only the classifier trains.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.

    Returns:
        An uncompiled model from float32 RGB images of (batch, height, width, 3) in
        0..255 to float32 probabilities of (batch, num_classes). The backbone is its
        layer `"backbone"`; its own preprocessing is part of the model.

    Raises:
        ValueError: If the name is unknown or the file does not fit.
        RuntimeError: If the weights cannot be downloaded.

    Example:
        >>> model = backbone("keras:EfficientNetV2B0", (128, 128, 3), 2)
    """
    kind = str(name).removeprefix(PREFIX)
    base = _build(kind, input_shape, weights)
    # Not as an argument: some of Keras' builders look their blocks up by the name.
    base.name = "backbone"
    images = keras.Input(input_shape, name="images")
    features = base(_preprocess(kind, images))
    outputs = blocks.classify(features, num_classes, dropout)
    model = keras.Model(images, outputs, name=kind)
    if frozen:
        base.trainable = False
    elif weights is not None:
        unfreeze(model)
    return model


def unfreeze(model: keras.Model) -> keras.Model:
    """Make a frozen backbone trainable, but for its batch norms.

    Args:
        model: A model made by `backbone`. Compile it again afterwards: a compiled
            model does not notice the change.

    Returns:
        The model itself.
    """
    base = model.get_layer("backbone")
    base.trainable = True
    for _, layer in layer_tree.iter_layers(base):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return model


def _build(kind: Any, input_shape: tuple[int, ...], weights: Any):
    known = list_backbones()
    if kind not in known:
        close = difflib.get_close_matches(kind, known, 3) or known
        raise ValueError(
            "Expected a model of `keras.applications`, for example "
            f"{', '.join(close)}. Received: {kind!r}."
        )
    builder = getattr(keras.applications, kind)
    options = {"include_top": False, "input_shape": input_shape}
    if weights is None:
        return builder(weights=None, **options)
    if weights == "imagenet":
        return _download(builder, kind, options)
    if not os.path.isfile(weights):
        raise ValueError(
            "Expected `weights` to be None, 'imagenet' or an existing file. "
            f"Received: {os.fspath(weights)!r}."
        )
    base = builder(weights=None, **options)
    try:
        with warnings.catch_warnings():
            # Keras only warns of parts that it finds no weights for.
            warnings.simplefilter("error", UserWarning)
            base.load_weights(os.fspath(weights))
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise ValueError(
            f"Expected weights of {kind} without its top, as saved by `save_weights` "
            f"of `keras.applications.{kind}(include_top=False)`. "
            f"Received: {os.fspath(weights)!r}, which does not fit: {error}"
        ) from error
    return base


def _download(builder: Any, kind: Any, options: dict[str, Any]):
    try:
        return builder(weights="imagenet", **options)
    except ValueError:
        raise
    # Keras raises a bare Exception when a download fails.
    except Exception as error:
        raise RuntimeError(
            f"Expected to download the ImageNet weights of {kind}. Received: {error}. "
            "Without network, pass `weights` the file of the weights without top."
        ) from error


def _preprocess(kind: Any, images: Any):
    """Bring RGB images of 0..255 to what the family was trained on."""
    matches = [prefix for prefix in PREPROCESSING if kind.startswith(prefix)]
    mode = PREPROCESSING[max(matches, key=len)] if matches else "tf"
    if kind.startswith("ResNet") and kind.endswith("V2"):
        mode = "tf"
    if mode == "inside":
        return images
    if mode == "tf":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocess")(images)
    if mode == "caffe":
        flipped = keras.ops.flip(images, axis=channel_axis())
        return _rescale(flipped, 1.0, [-mean for mean in CAFFE_MEAN_BGR])
    pairs = list(zip(TORCH_MEAN, TORCH_DEVIATION, strict=True))
    return _rescale(
        images,
        [1 / (255 * std) for _, std in pairs],
        [-mean / std for mean, std in pairs],
    )


def _rescale(x: Any, scale: Any, offset: Any):
    return keras.layers.Rescaling(scale, offset=offset, name="preprocess")(x)
