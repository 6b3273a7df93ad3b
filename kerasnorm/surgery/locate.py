"""Lists every norm layer of a model."""

import dataclasses

import keras

from kerasnorm.inspection import layer_tree
from kerasnorm.layers.factory import layer_class
from kerasnorm.norm_kinds import NORM_KINDS, NormKind


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
    def is_batch_norm(self) -> bool:
        """Whether it has the weights and arguments of batch normalization."""
        return NORM_KINDS[self.kind].is_batch_norm

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
    if isinstance(layer, keras.layers.Identity):
        # Kind "none", which normalizes nothing.
        return None
    # Of kinds that are equally close the later one counts: renormalization changes
    # more than synchronization does.
    found = [
        (closeness, name)
        for name, kind in reversed(NORM_KINDS.items())
        if (closeness := _closeness(layer, kind)) is not None
    ]
    if not found:
        return None
    _, name = max(found, key=lambda one: one[0])
    if name == "layer_channels" and not _has_one_axis(layer):
        return "layer"
    return name


def _closeness(layer: keras.layers.Layer, kind: NormKind) -> tuple[int, int] | None:
    """Return how closely a kind describes a layer, or None if it does not."""
    classes = [layer_class(path) for path in (kind.layer, *kind.also)]
    fitting = [one for one in classes if isinstance(layer, one)]
    if not fitting or any(
        getattr(layer, option, None) != value for option, value in kind.options.items()
    ):
        return None
    # A subclass says more than its base, an option more than none.
    return max(len(one.__mro__) for one in fitting), len(kind.options)


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
