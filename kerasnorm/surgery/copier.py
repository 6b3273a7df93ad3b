"""Copies a model layer by layer, with some layers replaced or left out."""

import contextlib
import dataclasses
import inspect
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from kerasnorm.inspection import layer_tree
from kerasnorm.surgery import attributes, model_graph
from kerasnorm.surgery.layer_configs import in_dtype, not_built


@dataclasses.dataclass(frozen=True)
class RewritePlan:
    """What to change.

    Args:
        substitutes: New layers by the layers they replace.
        absorbed: Pairs (producer, reader): the reader falls away wherever it is
            called on outputs of the producer's substitute.
        dropped: Layers that fall away wherever they are called.
        batch: Inputs of one batch, for models that have to be called to be built.
        dtype: Type in which all layers of floats then compute, None for their own.
    """

    substitutes: Mapping[keras.layers.Layer, keras.layers.Layer]
    fused_activations: frozenset[tuple[Any, Any]] = frozenset()
    dropped: frozenset[Any] = frozenset()
    batch: Any = None
    dtype: str | None = None


class Copier:
    """Copies layers, each once, so that what was shared stays shared.

    Args:
        plan: What to change.
    """

    def __init__(self, plan: RewritePlan) -> None:
        self.plan = plan
        self.notes: list[str] = []
        self.restorable = True
        # Pairs whose inner layers are paired once both are built, and pairs as such.
        self.roots: list[tuple[Any, Any]] = []
        self.pairs: list[tuple[Any, Any]] = []
        self._copies: dict[Any, Any] = {}

    def copy(self, layer: Any) -> Any:
        """Return the copy of a layer, model or operation, or its substitute.

        Args:
            layer: The layer.

        Returns:
            A new layer without the old one's weights.

        Raises:
            ValueError: If the layer cannot be copied through its configuration.
        """
        if layer not in self._copies:
            self._copies[layer] = self._copy(layer)
        return self._copies[layer]

    def _copy(self, layer: Any) -> Any:
        if layer in self.plan.substitutes:
            return self.plan.substitutes[layer]
        if layer in self.plan.dropped:
            return keras.layers.Identity(name=layer.name)
        if model_graph.has_graph(layer):
            if isinstance(layer, keras.Sequential):
                return self._copy_sequential(layer)
            return self._copy_functional(layer)
        copy = _copy_by_config(layer, self.plan.dtype)
        if isinstance(layer, keras.layers.Layer):
            carry_assets(layer, copy)
            self._replace_inside(layer, copy)
        return copy

    def _copy_sequential(self, model: keras.Sequential) -> keras.Sequential:
        kept: list[Any] = []
        previous = None
        for layer in model.layers:
            falls_away = (previous, layer) in self.plan.fused_activations
            if layer not in self.plan.dropped and not falls_away:
                kept.append(self.copy(layer))
            previous = layer
        new = keras.Sequential(
            [*_inputs_like(model, self.plan.dtype), *kept], name=model.name
        )
        self._note_class(model, new)
        return new

    def _copy_functional(self, model: keras.Model) -> keras.Model:
        origin: dict[int, Any] = {}
        producers: dict[int, tuple[Any, Any]] = {}

        def clone(layer: Any) -> Any:
            new = self.copy(layer)
            origin[id(new)] = layer
            return new

        def call(new: Any, *args: Any, **kwargs: Any) -> Any:
            layer = origin[id(new)]
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            producer = producers.get(id(inputs), (None, None))[1]
            if (
                layer in self.plan.dropped
                or (producer, layer) in self.plan.fused_activations
            ):
                return inputs
            if layer in self.plan.substitutes:
                # A graph of batch norms hands on masks that other norms do not take.
                kwargs.pop("mask", None)
            outputs = new(*args, **kwargs)
            if layer in self.plan.substitutes:
                # Holding the tensor keeps its id from being given away.
                producers[id(outputs)] = (outputs, layer)
            return outputs

        inputs = None
        # Left to itself, Keras makes all inputs dense.
        is_odd = any(tensor.sparse or tensor.ragged for tensor in model.inputs)
        if is_odd or self.plan.dtype is not None:
            likes = _inputs_like(model, self.plan.dtype)
            inputs = keras.tree.pack_sequence_as(model.input, likes)
        with _uncompiled(model):
            new = keras.models.clone_model(
                model, inputs, clone_function=clone, call_function=call
            )
        self._note_class(model, new)
        return new

    def _replace_inside(self, layer: keras.layers.Layer, copy: Any) -> None:
        """Replace what a layer holds in attributes, before the copy is built."""
        inside = [x for _, x in layer_tree.iter_layers(layer)]
        if not any(x in self.plan.substitutes for x in inside):
            self.roots.append((layer, copy))
            return
        self.pairs.append((layer, copy))
        pairs = attributes.pair_layers(
            layer, copy, enter=lambda inner: not model_graph.has_graph(inner)
        )
        # Models that know their graph are put together again as a whole; what else
        # holds a layer of theirs gets the same new one.
        for old, _ in pairs:
            if model_graph.has_graph(old):
                self.copy(old)
        replacements = {}
        for old, copied in pairs:
            if old in self.plan.substitutes or old in self._copies:
                replacements[copied] = self.copy(old)
            else:
                self._copies[old] = copied
                self.pairs.append((old, copied))
        attributes.replace_layers(copy, replacements)
        if not self._is_restorable(copy):
            self.restorable = False
            self.notes.append(
                f"{type(layer).__name__} makes its norms itself, so the new model "
                "cannot be loaded from a .keras file: save its weights, or change the "
                "class."
            )

    def _is_restorable(self, layer: keras.layers.Layer) -> bool:
        """Return whether a configuration gives back the layers that are held now."""
        ours, theirs = (
            [inner for _, inner in layer_tree.iter_layers(owner)]
            for owner in (layer, _from_config(layer))
        )
        if [type(inner) for inner in ours] != [type(inner) for inner in theirs]:
            return False
        new = set(self.plan.substitutes.values())
        return all(
            one.get_config() == other.get_config()
            for one, other in zip(ours, theirs, strict=True)
            if one in new
        )

    def _note_class(self, model: keras.Model, new: keras.Model) -> None:
        if type(new) is not type(model):
            self.notes.append(
                f"{model.name!r} was a {type(model).__name__} and is now a plain "
                f"{type(new).__name__}; methods of its own are gone."
            )


def _inputs_like(model: keras.Model, dtype: str | None) -> list[Any]:
    return [
        keras.Input(
            batch_shape=tensor.shape,
            dtype=in_dtype(tensor.dtype, dtype),
            sparse=tensor.sparse,
            ragged=tensor.ragged,
            name=tensor.name,
        )
        for tensor in model.inputs
    ]


@contextlib.contextmanager
def _uncompiled(model: keras.Model) -> Iterator[None]:
    """Keep `clone_model` from compiling, which is decided elsewhere."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled


def _copy_by_config(layer: Any, dtype: str | None) -> Any:
    if isinstance(layer, keras.layers.Lambda):
        # Reading a function back from a configuration is refused as unsafe; here it
        # is at hand.
        return keras.layers.Lambda(
            layer.function,
            output_shape=layer._output_shape,
            mask=layer.mask,
            arguments=layer.arguments,
            name=layer.name,
            dtype=dtype or layer.dtype_policy,
        )
    try:
        return _from_config(layer, dtype)
    except Exception as error:
        raise ValueError(
            f"Expected the layer {layer.name!r} to be copyable by "
            f"`{type(layer).__name__}.from_config(layer.get_config())`. Received: "
            f"{type(error).__name__}: {error}. Give the class a `get_config` that "
            "returns all arguments of its constructor."
        ) from error


def _from_config(layer: Any, dtype: str | None = None) -> Any:
    cls, config = type(layer), not_built(layer.get_config(), dtype)
    parameters = inspect.signature(cls.__init__).parameters.values()
    # Classes of users need not be registered to be copied.
    known = {
        type(inner).__name__: type(inner)
        for _, inner in layer_tree.iter_layers(layer)
        if not type(inner).__module__.startswith("keras.")
    }
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    if isinstance(layer, keras.Model) and not open_ended:
        # Keras adds `trainable` and `dtype`, which many models of users do not take.
        names = {parameter.name for parameter in parameters}
        return cls(**{key: config[key] for key in config if key in names})
    with keras.saving.custom_object_scope(known):
        return cls.from_config(config)


def carry_assets(layer: Any, copy: Any) -> None:
    """Give a copy what a layer keeps outside of weights and configuration.

    Adapted vocabularies and lookup tables are such assets. They decide shapes, so the
    copy needs them before it is called.

    Args:
        layer: A layer of any kind; those without assets are passed over.
        copy: Its copy.
    """
    if not hasattr(layer, "load_assets"):
        return
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    if store:
        copy.load_own_variables(store)
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        if os.listdir(folder):
            copy.load_assets(folder)
