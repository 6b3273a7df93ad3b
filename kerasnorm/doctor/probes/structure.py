"""Measures how a model is wired: what is frozen, shared, or written into its graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.inspection.layer_tree import iter_layers

DROPOUT_LAYERS = (
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianNoise,
)
DROPOUT_NAMES = ("StochasticDepth", "SpatialDropout1D", "SpatialDropout2D", "DropPath")
AUGMENTATION_NAMES = ("RandAugment", "AugMix", "MixUp", "CutMix", "AutoContrast")


@dataclass(frozen=True)
class Structure:
    """How the batch norms of a model are wired.

    Args:
        norms: Paths of norms in training mode.
        frozen_norms: Paths of norms that are frozen.
        unfrozen_in_frozen_base: Paths of norms that train between frozen layers.
        baked_flags: For each layer called with a constant `training=`, the constant;
            only calls that concern a norm in training mode.
        shared_norms: Paths of norms that are called on more than one input.
    """

    norms: tuple[str, ...] = ()
    frozen_norms: tuple[str, ...] = ()
    unfrozen_in_frozen_base: tuple[str, ...] = ()
    baked_flags: Mapping[str, bool] | None = None
    shared_norms: tuple[str, ...] = ()


def inspect_structure(model: keras.Model) -> Structure:
    """Read the wiring of a model, nested models included.

    Args:
        model: Any built Keras model; flags and sharing are read from functional
            models only, because other models hide them in code.
    """
    active = batch_norms(model)
    frozen = [path for path in batch_norms(model, frozen=True) if path not in active]
    nodes = list(_nodes(model))
    return Structure(
        tuple(active),
        tuple(frozen),
        tuple(_unfrozen_in_frozen_base(model, active)),
        dict(_baked_flags(model, active, nodes)),
        tuple(_shared(active, nodes)),
    )


def random_layers(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """Return the layers that act in training only: dropout and augmentation."""
    found: dict[str, list[keras.layers.Layer]] = {"dropout": [], "augmentation": []}
    for _, layer in iter_layers(model):
        name = type(layer).__name__
        if name in AUGMENTATION_NAMES or name.startswith("Random"):
            found["augmentation"].append(layer)
        elif isinstance(layer, DROPOUT_LAYERS) or name in DROPOUT_NAMES:
            found["dropout"].append(layer)
    return {group: layers for group, layers in found.items() if layers}


def _nodes(model, prefix: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the path and the calls of every layer of functional models."""
    if isinstance(model, keras.Sequential) or not hasattr(model, "layers"):
        config: dict = {}
    else:
        try:
            config = model.get_config()
        except NotImplementedError:
            config = {}
    for entry in config.get("layers", []):
        if isinstance(entry, dict) and "inbound_nodes" in entry:
            yield prefix + entry["name"], entry["inbound_nodes"]
    for layer in getattr(model, "layers", []):
        if isinstance(layer, keras.Model):
            yield from _nodes(layer, f"{prefix}{layer.name}/")


def _baked_flags(model, active, nodes) -> Iterator[tuple[str, bool]]:
    for path, calls in nodes:
        concerns = path in active or any(p.startswith(path + "/") for p in active)
        flags = [call.get("kwargs", {}).get("training") for call in calls]
        for flag in flags:
            if concerns and isinstance(flag, bool):
                yield path, flag


def _shared(active, nodes) -> Iterator[str]:
    for path, calls in nodes:
        if len(calls) > 1:
            yield from (p for p in active if p == path or p.startswith(path + "/"))


def _unfrozen_in_frozen_base(model, active) -> Iterator[str]:
    everything = dict(iter_layers(model))
    siblings: dict[str, list[str]] = {}
    for path in everything:
        siblings.setdefault(path.rpartition("/")[0], []).append(path)
    for path in active:
        parent = path.rpartition("/")[0]
        family = siblings[parent]
        weighty = [p for p in family if _is_weighty(everything[p], p, active)]
        frozen = [p for p in weighty if not everything[p].trainable]
        place = family.index(path)
        before = any(family.index(p) < place for p in frozen)
        after = any(family.index(p) > place for p in frozen)
        whole_base = parent != "" and len(frozen) == len(weighty) > 0
        if (before and after) or whole_base:
            yield path


def _is_weighty(layer, path: str, active) -> bool:
    is_norm = path in active or getattr(layer, "moving_mean", None) is not None
    return bool(layer.weights) and not is_norm and not isinstance(layer, keras.Model)
