"""Lists every norm layer of a model."""

import dataclasses

import keras

from kerasnorm import layers
from kerasnorm.inspection import layer_tree

# Subclasses before their bases: the first match names the kind.
KINDS = (
    (layers.GhostBatchNorm, "ghost_batch"),
    (keras.layers.BatchNormalization, "batch"),
    (layers.InstanceNorm, "instance"),
    (layers.GroupNorm, "group"),
    (keras.layers.GroupNormalization, "group"),
    (layers.FilterResponseNorm, "frn"),
    (layers.SwitchableNorm, "switchable"),
    (keras.layers.LayerNormalization, "layer_channels"),
)
BATCH_KINDS = ("batch", "sync_batch", "batch_renorm", "ghost_batch")


@dataclasses.dataclass(frozen=True)
class NormSite:
    """One norm layer of a model.

    Args:
        path: Names on the way to the layer, such as `"backbone/block1/bn"`.
        layer: The layer itself.
        kind: Its name in `kerasnorm.layers.make_norm`.
        axis: Axis of the channels; -1 whenever that is the last.
        channels: Number of channels.
        input_shape: Shape of its inputs with the batch first; unknown sizes are None.
        is_frozen: Whether it does not train.
    """

    path: str
    layer: keras.layers.Layer
    kind: str
    axis: int
    channels: int
    input_shape: tuple
    is_frozen: bool

    @property
    def has_one_pixel(self) -> bool:
        """Whether each channel is known to have a single number per sample."""
        sizes = list(self.input_shape[1:])
        del sizes[self.axis if self.axis == -1 else self.axis - 1]
        return all(size == 1 for size in sizes)


def find_norms(model: keras.layers.Layer) -> list[NormSite]:
    """List the norm layers of a model, nested models and attributes included.

    Args:
        model: A built Keras model.

    Returns:
        One site per layer, in the order of the model; a shared layer is listed once,
        one that the model holds but does not call is left out.

    Raises:
        ValueError: If there are norms, but none has been built.

    Example:
        >>> [site.path for site in find_norms(model) if site.kind == "batch"]
    """
    found = [
        (path, layer, kind)
        for path, layer in layer_tree.iter_layers(model)
        if (kind := norm_kind(layer)) is not None
    ]
    if found and not any(layer.built for _, layer, _ in found):
        raise ValueError(
            "Expected a built model, whose layers know their channels. Received: a "
            f"model whose norm {found[0][0]!r} has not been built. Call the model on a "
            "batch first."
        )
    return [_site(*norm) for norm in found if norm[1].built]


def norm_kind(layer: keras.layers.Layer) -> str | None:
    """Return the name of a norm layer's kind, or None for other layers.

    Args:
        layer: Any layer.

    Returns:
        A name that `kerasnorm.layers.make_norm` knows, or None.
    """
    for cls, kind in KINDS:
        if isinstance(layer, cls):
            if kind == "batch" and getattr(layer, "renorm", False):
                return "batch_renorm"
            if kind == "batch" and layer.synchronized:
                return "sync_batch"
            if kind == "group" and layer.groups == 1:
                return "layer"
            if kind == "layer_channels" and not _has_one_axis(layer):
                return "layer"
            return kind
    return None


def _has_one_axis(layer):
    return isinstance(layer.axis, int) or len(layer.axis) == 1


def _site(path, layer, kind):
    input_shape = tuple(layer.get_build_config()["input_shape"])
    axis = layer.axis
    axis = axis[-1] if isinstance(axis, list | tuple) else axis
    axis = -1 if axis % len(input_shape) == len(input_shape) - 1 else axis
    return NormSite(
        path=path,
        layer=layer,
        kind=kind,
        axis=axis,
        channels=input_shape[axis],
        input_shape=input_shape,
        is_frozen=not layer.trainable,
    )
