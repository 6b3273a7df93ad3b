"""Folds batch norms into the layers in front of them, for inference."""

from typing import Any

import keras
import numpy as np

from kerasnorm import layers
from kerasnorm.inspection import layer_tree
from kerasnorm.surgery import affine, model_graph
from kerasnorm.surgery.copier import RewritePlan
from kerasnorm.surgery.rebuild import compile_like, rebuild

# What does nothing in inference may stand between the two.
SILENT = (
    keras.layers.Identity,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
    layers.StochasticDepth,
)


def fold_batch_norm(model: keras.Model, batch: Any = None) -> keras.Model:
    """Return a copy of a model whose batch norms are part of its convolutions.

    In inference a batch norm is a scale and shift per channel. Right behind a
    convolution or a dense layer it can be part of that layer's kernel and bias, which
    saves its time and memory. Use it on a finished model; the copy is for prediction,
    not for further training.

    Folded is what is exact: the layer in front has no activation, each of the two is
    called once, and nothing else reads what lies between them. Other batch norms,
    such as those in front of a convolution, stay. Weight standardization is baked in
    on the way. `ChannelScale` is folded as well.

    Which layer feeds which is known in functional and sequential models, wherever they
    lie: in each other, in a wrapper such as `TimeDistributed`, in a subclassed model.

    Args:
        model: A built Keras model; it is not changed.
        batch: Inputs of one batch, for subclassed models that must be called to be
            built.

    Returns:
        A new model with predictions equal up to rounding, compiled if the given one
        was.

    Raises:
        ValueError: If the model has no batch norm, or all its layers are wired by the
            code of a subclassed model.

    Example:
        >>> fast = fold_batch_norm(model)
    """
    inside = [layer for _, layer in layer_tree.iter_layers(model)]
    if not any(isinstance(layer, affine.AFFINE) for layer in inside):
        raise ValueError(
            "Expected a model with at least one batch norm to fold. Received: "
            f"{model.name!r}, which has none."
        )
    if not model_graph.iter_graph_models(model):
        raise ValueError(
            "Expected a functional or sequential model, whose layers know what feeds "
            f"them. Received: a subclassed model, {type(model).__name__}."
        )
    substitutes: dict[Any, Any] = {}
    weights: dict[Any, dict[str, np.ndarray]] = {}
    folds = find_folds(model)
    for norm, front in folds:
        factor, offset = affine.read_affine(norm)
        new, numbers = affine.make_folded(front, factor, offset)
        substitutes[front], weights[new] = new, numbers
    dropped = frozenset(norm for norm, _ in folds)
    rebuilt = rebuild(model, RewritePlan(substitutes, dropped=dropped, batch=batch))
    for layer, numbers in weights.items():
        for name, value in numbers.items():
            getattr(layer, name).assign(value.astype("float32"))
    compile_like(model, rebuilt.model)
    return rebuilt.model


def find_folds(model: keras.Model) -> list[tuple[Any, Any]]:
    """List the norms of a model that can be folded, each with the layer it goes into.

    Args:
        model: A built Keras model.
    """
    found = []
    shared = model_graph.find_shared(model)
    for level in model_graph.iter_graph_models(model):
        graph = model_graph.read_graph(level)
        for norm in list(graph.consumers):
            if not isinstance(norm, affine.AFFINE):
                continue
            front = _find_front(graph, norm)
            if front is not None and not {norm, front} & shared:
                found.append((norm, front))
    return found


def _find_front(graph: model_graph.ModelGraph, norm: Any) -> Any:
    """Find the layer that a norm can be folded into, or None."""
    current = norm
    while graph.calls[current] == 1 and len(graph.producers[current]) == 1:
        (front,) = graph.producers[current]
        if len(graph.consumers[front]) != 1:
            return None
        if type(front) not in SILENT:
            foldable = graph.calls[front] == 1 and affine.takes_affine(front, norm.axis)
            return front if foldable else None
        current = front
    return None
