"""Which regions of an image speak for a class: Grad-CAM of any classifier."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree
from kerasnorm.inspection.loss_gradients import without_gradients
from kerasnorm.inspection.patched_calls import patched_calls

# What hands values on without weights of its own: the activation lies before it.
NEUTRAL = ("Reshape", "Flatten", "Identity", "Dropout")


@dataclasses.dataclass(frozen=True)
class _Call:
    """One call of a layer: its place among the calls of that layer, and two shapes."""

    layer: keras.layers.Layer
    number: int
    received: tuple[int, ...]
    returned: tuple[int, ...]


def grad_cam(model: keras.Model, images: Any, classes: Any) -> np.ndarray:
    """Return how much each region of the last feature map speaks for a class.

    The map is that in front of the last pooling or flattening, however deep it lies;
    its channels are weighted by the mean gradient of the class's logit. Of one sigmoid
    unit class 0 has the negative logit.

    Args:
        model: A classifier of one batch of images; it is not changed.
        images: Images as the model takes them, (batch, height, width, channels).
        classes: A class for each image, (batch,).

    Returns:
        Float32 of shape (batch, map height, map width), 0 where nothing speaks for
        the class.

    Raises:
        ValueError: If the model has several outputs or never leaves the plane of the
            image.

    Reference:
        Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391
    """
    images = keras.ops.convert_to_tensor(images, "float32")
    with without_gradients():
        calls = _record_calls(model, images[:1])
        place = _leaves_the_plane(calls)
        features, gradients = _features_and_gradients(
            model, images, np.asarray(classes), place, _activated_last(calls)
        )
    layout = getattr(place.layer, "data_format", None)
    if (layout or keras.config.image_data_format()) == "channels_first":
        features, gradients = (
            np.moveaxis(values, 1, -1) for values in (features, gradients)
        )
    weights = gradients.mean(axis=(1, 2))
    return np.maximum(np.einsum("bhwc,bc->bhw", features, weights), 0.0)


def _record_calls(model: keras.Model, images: Any) -> list[_Call]:
    """Return the calls of all layers without layers inside, in their order."""
    calls: list[_Call] = []

    def watch(layer: keras.layers.Layer) -> Callable[..., Any]:
        def call(original, *args, **kwargs):
            outputs = original(*args, **kwargs)
            given = keras.tree.flatten([args, kwargs])
            tensors = [value for value in given if keras.ops.is_tensor(value)]
            if len(tensors) == 1 and keras.ops.is_tensor(outputs):
                number = sum(one.layer is layer for one in calls)
                shapes = tuple(tensors[0].shape), tuple(outputs.shape)
                calls.append(_Call(layer, number, *shapes))
            return outputs

        return call

    leaves = [
        layer
        for _, layer in layer_tree.iter_layers(model)
        if not layer_tree.children_of(layer)
    ]
    with patched_calls({layer: watch(layer) for layer in leaves}):
        outputs = model(images, training=False)
    if not keras.ops.is_tensor(outputs) or len(outputs.shape) != 2:
        raise ValueError(
            "Expected a classifier with one output of shape (batch, classes). "
            f"Received: {model.name!r} with other outputs; give the part of it that "
            "ends in the classes."
        )
    return calls


def _leaves_the_plane(calls: list[_Call]) -> _Call:
    """Return the last call that makes a feature map one vector."""

    def is_map(shape: tuple[int, ...]) -> bool:
        return len(shape) == 4 and sorted(shape[1:])[-2] > 1

    last: _Call | None = None
    for call in calls:
        if len(call.received) == 4 and not is_map(call.returned):
            # A map of one pixel has been pooled before, or has nothing to tell.
            if last is None or is_map(call.received):
                last = call
    if last is None:
        raise ValueError(
            "Expected a classifier that pools or flattens a feature map. Received: "
            "one without; give a model that takes images."
        )
    return last


def _activated_last(calls: list[_Call]) -> _Call | None:
    """Return the call that makes probabilities of logits, if one does."""
    for call in reversed(calls):
        if isinstance(call.layer, keras.layers.Softmax):
            return call
        activation = getattr(call.layer, "activation", None)
        if activation in (keras.activations.softmax, keras.activations.sigmoid):
            return call
        is_linear = activation is keras.activations.linear and not call.layer.weights
        if not is_linear and not type(call.layer).__name__.startswith(NEUTRAL):
            return None
    return None


def _features_and_gradients(
    model: keras.Model,
    images: Any,
    classes: np.ndarray,
    place: _Call,
    activated: _Call | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a feature map and the gradient of the classes' logits, (batch, ...)."""
    features: list[Any] = []
    rows = np.arange(len(classes))

    def scores(shift: Any) -> Any:
        """Return the sum of the logits when the map is moved by so much."""
        features.clear()

        def shifted(value: Any) -> Any:
            is_map = keras.ops.is_tensor(value)
            return value + keras.ops.cast(shift, value.dtype) if is_map else value

        def leave(original, *args, **kwargs):
            given = keras.tree.flatten([args, kwargs])
            features.extend(value for value in given if keras.ops.is_tensor(value))
            if len(features) != place.number + 1:
                return original(*args, **kwargs)
            _remember_gradients()
            args, kwargs = keras.tree.map_structure(shifted, (args, kwargs))
            return original(*args, **kwargs)

        patches = {place.layer: leave}
        if activated is not None:
            patches[activated.layer] = _without_activation(activated.layer)
        with patched_calls(patches):
            logits = keras.ops.cast(model(images, training=False), "float32")
        signs = np.ones(len(classes), "float32")
        columns = classes
        if logits.shape[-1] == 1:
            signs, columns = np.where(classes == 0, -1.0, 1.0), np.zeros_like(classes)
        chosen = np.zeros(tuple(logits.shape), "float32")
        chosen[rows, columns] = signs
        return keras.ops.sum(logits * keras.ops.convert_to_tensor(chosen))

    shape = (len(classes), *place.received[1:])
    compute = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    gradients = compute[keras.config.backend()](keras.ops.zeros(shape), scores)
    found = keras.ops.cast(features[place.number], "float32")
    return keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(gradients)


def _without_activation(layer: keras.layers.Layer) -> Callable[..., Any]:
    def call(original, *args, **kwargs):
        if isinstance(layer, keras.layers.Softmax):
            return args[0] if args else kwargs["inputs"]
        before = layer.activation
        layer.activation = keras.activations.linear
        try:
            return original(*args, **kwargs)
        finally:
            layer.activation = before

    return call


def _remember_gradients() -> None:
    """End what `without_gradients` began, up to where that ends itself."""
    if keras.config.backend() == "torch":
        import torch

        torch.set_grad_enabled(True)


def _tensorflow(shift: Any, scores: Callable[[Any], Any]) -> Any:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(shift)
        value = scores(shift)
    return tape.gradient(value, shift)


def _jax(shift: Any, scores: Callable[[Any], Any]) -> Any:
    import jax

    return jax.grad(scores)(shift)


def _torch(shift: Any, scores: Callable[[Any], Any]) -> Any:
    import torch

    shift = shift.detach().requires_grad_(True)
    return torch.autograd.grad(scores(shift), shift)[0].detach()
