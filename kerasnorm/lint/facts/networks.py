"""The layers of a model, in the order in which data pass them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kerasnorm.lint.facts import applications
from kerasnorm.lint.trace.events import Event
from kerasnorm.lint.trace.names import is_keras, last
from kerasnorm.lint.trace.values import (
    Call,
    Choice,
    Class,
    Constant,
    Item,
    Items,
    Member,
    Name,
    Operation,
    Value,
    constant_of,
)

INPUTS = ("Input", "InputLayer")


@dataclass
class Network:
    """The layers of a model.

    Args:
        layers: Layers, and functions that stand for one, in order.
        bases: Networks of keras.applications inside.
        models: All models, this one included.
        is_whole: Whether every layer is known.
        is_functional: Whether it was made of `keras.Input` and calls of layers.
        applied: Calls of layers and models on tensors.
    """

    layers: list[Value] = field(default_factory=list)
    bases: list[Call] = field(default_factory=list)
    models: list[Value] = field(default_factory=list)
    is_whole: bool = True
    is_functional: bool = False
    applied: list[Call] = field(default_factory=list)
    outputs: int = 1

    def named(self, *names: str) -> list[Call]:
        """Return the layers of some kinds.

        Args:
            *names: Such as `"Dense"`.
        """
        calls = (layer for layer in self.layers if isinstance(layer, Call))
        return [layer for layer in calls if last(layer.name) in names]

    @property
    def batch_norms(self) -> list[Call]:
        """Batch norms that the script names."""
        return self.named("BatchNormalization", "SyncBatchNormalization")

    @property
    def has_batch_norms(self) -> bool:
        """Whether there are batch norms, in a base or outside."""
        bases = any(applications.has_batch_norms(base.name) for base in self.bases)
        return bool(self.batch_norms) or bases


def is_sequential(value: Value | None) -> bool:
    """Return whether a value is a `Sequential`."""
    return is_made_by(value, "Sequential")


def is_made_by(value: Value | None, *names: str) -> bool:
    """Return whether a value is made by a class or function of Keras.

    Args:
        value: The value.
        *names: Last parts of names.
    """
    return (
        isinstance(value, Call)
        and isinstance(value.function, Name)
        and is_keras(value.name)
        and last(value.name) in names
    )


def kind_of_class(value: Value | None) -> str:
    """Return what of Keras a class of the script is made from, such as `"Model"`.

    Args:
        value: A class.
    """
    if isinstance(value, Name):
        return last(value.name) if is_keras(value.name) else ""
    if isinstance(value, Class):
        return next((k for base in value.bases if (k := kind_of_class(base))), "")
    return ""


def is_model(value: Value | None) -> bool:
    """Return whether a value is a Keras model that the script makes."""
    if not isinstance(value, Call):
        return False
    if isinstance(value.function, Class):
        return kind_of_class(value.function) in ("Model", "Functional", "Sequential")
    names = ("Sequential", "Model", "Functional", "load_model", "clone_model")
    return is_made_by(value, *names) or applications.is_application(value.name)


def network_of(model: Value, events: Iterable[Event]) -> Network:
    """Return the layers of a model.

    Args:
        model: What the script holds as a model.
        events: What the script does.
    """
    found = Network()
    _Walk(found, list(events)).model(model)
    return found


class _Walk:
    def __init__(self, found: Network, events: list[Event]) -> None:
        self.found = found
        self.events = events
        self.seen: set[int] = set()

    def model(self, model: Value) -> None:
        if id(model) in self.seen:
            return
        self.seen.add(id(model))
        self.found.models.append(model)
        if isinstance(model, Choice):
            self.found.is_whole = False
            for option in model.options:
                self.model(option)
        elif not isinstance(model, Call):
            self.found.is_whole = False
        elif applications.is_application(model.name):
            self._base(model)
        elif is_sequential(model):
            self._sequential(model)
        elif is_made_by(model, "Model", "Functional"):
            self.found.is_functional = True
            outputs = model.argument("outputs", 1)
            if isinstance(outputs, Items):
                self.found.outputs = len(outputs.items)
            self.tensor(outputs)
        elif isinstance(model.function, Class):
            self._of_class(model)
        else:
            self.found.is_whole = False

    def _base(self, model: Call) -> None:
        self.found.bases.append(model)
        self.found.layers.append(model)
        tensor = model.argument("input_tensor")
        if tensor is not None:
            self.tensor(tensor)

    def _sequential(self, model: Call) -> None:
        given = model.argument("layers", 0)
        if isinstance(given, Items):
            self.found.is_whole = self.found.is_whole and not given.open
            for layer in given.items:
                self.layer(layer)
        elif given is not None and not isinstance(given, Constant):
            self.found.is_whole = False
        for event in self.events:
            call = event.what
            if isinstance(call, Call) and call.receiver is model:
                if call.name == "add" and call.positional:
                    self.found.is_whole = self.found.is_whole and event.certain
                    self.layer(call.positional[0])
                elif call.name == "pop" and self.found.layers:
                    self.found.layers.pop()

    def _of_class(self, model: Call) -> None:
        if model.applied is not None and constant_of(model.applied, 0) is not None:
            self.tensor(model.applied)
            return
        self.found.is_whole = False

    def layer(self, layer: Value) -> None:
        """Add a layer, or those of a model that serves as one."""
        if is_model(layer):
            self.model(layer)
        elif isinstance(layer, Call) and isinstance(layer.function, Class):
            self.found.layers.append(layer)
            self._of_class(layer)
        elif isinstance(layer, Call) and last(layer.name) in INPUTS:
            return
        elif isinstance(layer, Call) and isinstance(layer.function, Name):
            wrapped = layer.argument("layer", 0)
            if last(layer.name) in ("TimeDistributed", "Bidirectional", "Wrapper"):
                if wrapped is not None:
                    self.layer(wrapped)
                    return
            self.found.layers.append(layer)
        else:
            self.found.is_whole = False

    def tensor(self, value: Value | None) -> None:
        """Add the layers that a tensor has passed, the first ones first."""
        if value is None or isinstance(value, Constant) or id(value) in self.seen:
            return
        self.seen.add(id(value))
        if isinstance(value, Items):
            for item in value.items:
                self.tensor(item)
        elif isinstance(value, Operation):
            for operand in value.operands:
                self.tensor(operand)
            self.found.layers.append(value)
        elif isinstance(value, Member):
            self._member(value)
        elif isinstance(value, Call):
            self._called(value)
        elif isinstance(value, Choice):
            self.found.is_whole = False
            for option in value.options:
                self.tensor(option)
        elif isinstance(value, Item):
            self.found.is_whole = False
            self.tensor(value.of)
        elif type(value) is not Value:
            # An argument of a method `call`.
            for part in value.parts():
                self.tensor(part)

    def _called(self, value: Call) -> None:
        if last(value.name) in INPUTS:
            self.found.is_functional = True
            return
        for argument in [*value.positional, *value.keywords.values()]:
            self.tensor(argument)
        if isinstance(value.function, Name):
            # A function: `keras.layers.add`, `tf.nn.softmax`.
            self.found.layers.append(value)
        elif value.receiver is not None or isinstance(value.function, Call):
            self.found.applied.append(value)
            callee = value.function if isinstance(value.function, Call) else None
            if callee is not None:
                self.layer(callee)
            elif isinstance(value.function, Member) and value.name == "call":
                self.layer(value.function.of)
            else:
                self.found.is_whole = False
        else:
            self.found.is_whole = False

    def _member(self, value: Member) -> None:
        """Add what stands before `base.output`, `base.get_layer(NAME).output`."""
        if value.name in ("output", "outputs", "layers"):
            of: Value | None = value.of
            while isinstance(of, Item | Member) or (
                isinstance(of, Call) and of.name == "get_layer"
            ):
                of = of.receiver if isinstance(of, Call) else of.of
            if of is not None:
                self.layer(of)
                self.found.is_functional = True
                return
        if value.name in ("input", "inputs"):
            self.found.is_functional = True
            return
        self.found.is_whole = False
