"""Makes a new model from a given one with some of its layers replaced."""

import dataclasses
from typing import Any

import keras

from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.model_optimizers import (
    new_optimizer_like,
    replace_optimizers,
)
from kerasnorm.inspection.own_methods import can_be_called
from kerasnorm.surgery import attributes, model_graph
from kerasnorm.surgery.copier import Copier, RewritePlan, carry_assets


@dataclasses.dataclass
class Rebuilt:
    """A new model and where its layers come from.

    Args:
        model: The new model, not compiled.
        carried: Number of weights carried over.
        notes: What could not be kept, one sentence each.
        restorable: Whether the configuration of the new model makes it again.
    """

    model: keras.Model
    carried: int
    notes: list[str]
    restorable: bool


def rebuild(model: keras.Model, plan: RewritePlan, *, weights: bool = True) -> Rebuilt:
    """Copy a model with some layers replaced; the given model is left as it was.

    Functional and sequential models are put together again, nested ones included, and
    layers that were shared stay shared. Other models are copied through their
    configuration and their attributes are replaced.

    Args:
        model: A built Keras model.
        plan: What to change.
        weights: Whether to carry weights over; if not, only what layers were adapted
            to is, and the new model starts from new weights.

    Returns:
        The new model with all weights but those of the substitutes.

    Raises:
        ValueError: If a safe copy cannot be made; the message says why.
    """
    if isinstance(model, keras.Sequential) and not model_graph.has_graph(model):
        raise ValueError(
            "Expected a built model. Received: a Sequential model that does not know "
            "its input shape. Give it a `keras.Input` or call it on a batch first."
        )
    copier = Copier(plan)
    new = copier.copy(model)
    if not model_graph.has_graph(model):
        _build(new, model, plan.batch)
    pairs = list(copier.pairs)
    for old, copy in copier.roots:
        inside = attributes.pair_layers(old, copy)
        for pair in inside:
            carry_assets(*pair)
        pairs += [(old, copy), *inside]
    _check_built(plan)
    carried = sum(
        _carry(*pair) for pair in pairs if weights or hasattr(pair[0], "adapt")
    )
    for old, copy in pairs:
        copy.trainable = old.trainable
    return Rebuilt(new, carried, copier.notes, copier.restorable)


def _build(new: keras.Model, model: keras.Model, batch: Any) -> None:
    """Build the copy of a model that is not a graph of layers."""
    if not can_be_called(model):
        # Its steps call the networks inside, which are built on their own.
        return
    if batch is None:
        shape = (model.get_build_config() or {}).get("input_shape")
        if not shape or not all(isinstance(n, int | None) for n in shape):
            raise ValueError(
                f"Expected `batch`, because {type(model).__name__} does not know the "
                "shape of its inputs. Received: batch=None. Pass one batch of inputs."
            )
        batch = keras.KerasTensor((None, *shape[1:]))
    try:
        new(batch, training=False)
    # Code of the user runs here and may raise anything.
    except Exception as error:
        raise ValueError(
            f"Expected {type(model).__name__} to run with the new norms. Received: "
            f"{type(error).__name__}: {error}. A norm is called with its inputs only, "
            "and has no moving statistics; where the inputs are the trouble, pass "
            "`batch`."
        ) from error


def _check_built(plan: RewritePlan) -> None:
    for old, new in plan.substitutes.items():
        if not new.built:
            raise ValueError(
                f"Expected the new model to call its norm {old.name!r} while it is "
                "being built. Received: a model that did not. Pass `batch`, inputs "
                "that reach all norms."
            )


def _carry(old: Any, new: Any) -> int:
    """Copy the weights that a layer owns itself; return how many."""
    store: dict[str, Any] = {}
    old.save_own_variables(store)
    if store:
        # The layer's own way in: some keep values that they derive from weights.
        values = {
            key: keras.ops.convert_to_numpy(value) for key, value in store.items()
        }
        new.load_own_variables(values)
    return len(store)


def compile_like(
    model: keras.Model, new: keras.Model, optimizer: Any = None
) -> list[str]:
    """Compile a new model with the loss, metrics and optimizer of a given one.

    Optimizers are made again from their configuration, because their slots belong to
    variables that no longer exist.

    Args:
        model: The given model.
        new: The new model.
        optimizer: An optimizer to take instead; the new model then gets no metrics.

    Returns:
        Sentences for the report; none if the given model was not compiled.
    """
    if not model.compiled:
        return []
    own = type(model).compile is not keras.Model.compile
    if optimizer is None and not own:
        try:
            new.compile_from_config(model.get_compile_config())
        except (ValueError, TypeError, AttributeError):
            new.compiled = False
        if new.compiled:
            return ["Compiled as before with a new optimizer; its slots start empty."]
    _compile_by_parts(model, new, optimizer)
    _carry_settings(model, new)
    copies = dict(iter_layers(new))
    for path, layer in iter_layers(model):
        copy = copies.get(path)
        # A step of the user's own may take the optimizer of a network inside.
        if getattr(layer, "optimizer", None) and not getattr(copy, "compiled", True):
            compile_like(layer, copy)
    return [
        "Compiled with the loss as before and new optimizers, without the metrics, "
        "whose configuration cannot be read."
    ]


def _compile_by_parts(model: keras.Model, new: keras.Model, optimizer: Any) -> None:
    """Compile with the very loss of a model, which keeps nothing of its own."""
    compiled = getattr(model, "_compile_loss", None)
    keras.Model.compile(
        new,
        optimizer or new_optimizer_like(model.optimizer),
        loss=model.loss,
        loss_weights=getattr(compiled, "_user_loss_weights", None),
        run_eagerly=model.run_eagerly,
        # XLA would compile longer than a short training lasts.
        jit_compile=False,
    )


def _carry_settings(model: keras.Model, new: keras.Model) -> None:
    """Carry over what a `compile` of the user's own has set: losses, optimizers."""
    for name, value in vars(model).items():
        if name in vars(new) or isinstance(value, keras.layers.Layer):
            continue
        value = replace_optimizers(value, new_optimizer_like)
        if isinstance(value, keras.metrics.Metric):
            value = type(value).from_config(value.get_config())
        setattr(new, name, value)
