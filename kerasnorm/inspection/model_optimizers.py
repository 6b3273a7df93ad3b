"""The optimizers that a model holds besides the one it was compiled with."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerasnorm.inspection.layer_tree import iter_layers


def other_optimizers(model: keras.Model) -> dict[str, Any]:
    """Return the optimizers that a model keeps besides its own, by name.

    A GAN, for example, has one for each of its networks: in attributes, in lists or
    dictionaries, or as those that its networks were compiled with.

    Args:
        model: Any Keras model.
    """
    own = getattr(model, "optimizer", None)
    found: dict[str, Any] = {}
    for path, _, attribute, value in optimizer_attributes(model):
        for name, optimizer in _optimizers_in(f"{path}{attribute}", value):
            if optimizer is not own and all(optimizer is not o for o in found.values()):
                found[name] = optimizer
    return found


def optimizer_attributes(model: keras.Model) -> list[tuple[str, Any, str, Any]]:
    """Return every attribute of a model and its layers that holds optimizers.

    Args:
        model: Any Keras model.

    Returns:
        Path of the holder, empty for the model, else with a slash behind it; the
        holder; the name of the attribute; its value.
    """
    holders = [("", model), *((f"{path}/", n) for path, n in iter_layers(model))]
    return [
        (path, holder, attribute, value)
        for path, holder in holders
        for attribute, value in sorted(vars(holder).items())
        if any(True for _ in _optimizers_in(attribute, value))
    ]


def replace_optimizers(value: Any, new: Callable[[Any], Any]) -> Any:
    """Return an optimizer, or a nest of such, with others in their place.

    Args:
        value: Value of an attribute; what holds no optimizer comes back as it is.
        new: Returns the optimizer to take for one.
    """
    if isinstance(value, keras.optimizers.Optimizer):
        return new(value)
    if not any(True for _ in _optimizers_in("", value)):
        return value
    if isinstance(value, dict):
        return {key: replace_optimizers(item, new) for key, item in value.items()}
    items = [replace_optimizers(item, new) for item in value]
    if hasattr(value, "_fields"):
        return type(value)(*items)
    return tuple(items) if isinstance(value, tuple) else items


def _optimizers_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.optimizers.Optimizer):
        yield name, value
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _optimizers_in(f"{name}[{place}]", item)
    elif isinstance(value, dict) and not name.startswith("_"):
        for key, item in value.items():
            yield from _optimizers_in(f"{name}[{key!r}]", item)


def trained_places(optimizer: Any, model: keras.Model) -> list[int]:
    """Return which of the model's variables an optimizer trains, by their places.

    Args:
        optimizer: An optimizer of the model, built or not.
        model: The model.

    Raises:
        ValueError: If it trains variables that are not the model's.
    """
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    trained = list(getattr(optimizer, "_trainable_variables", None) or [])
    try:
        return [places[id(variable)] for variable in trained]
    except KeyError:
        foreign = next(v for v in trained if id(v) not in places)
        raise ValueError(
            f"expected every optimizer of {type(model).__name__} to train variables of "
            f"that model, received {optimizer.name}, which trains {foreign.path}; keep "
            "its layer in an attribute of the model"
        ) from None


def build_for(optimizer: Any, model: keras.Model, places: list[int]) -> None:
    """Let an optimizer make its slots for some variables of a model.

    Args:
        optimizer: The optimizer; one that is built stays as it is.
        model: The model.
        places: What `trained_places` returned; nothing is built for none.
    """
    if places and not optimizer.built:
        variables = model.variables
        optimizer.build([variables[place] for place in places])


def new_optimizer_like(optimizer: Any) -> Any:
    """Return a new optimizer of the same settings, whose slots are empty.

    Keras makes no function from what it saves of one: a `MultiOptimizer` that chooses
    by a function gets the function itself.

    Args:
        optimizer: Any Keras optimizer or wrapper.

    Raises:
        TypeError: If it cannot be made from its own settings.
        ValueError: Likewise.
    """
    chosen = getattr(optimizer, "_optimizer_map", None)
    if inspect.isroutine(chosen):
        return type(optimizer)(chosen)
    return type(optimizer).from_config(optimizer.get_config())
