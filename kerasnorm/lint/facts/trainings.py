"""What a script compiles and fits, with arguments by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kerasnorm.lint.facts.networks import (
    Network,
    is_model,
    kind_of_class,
    network_of,
)
from kerasnorm.lint.facts.preparation import Preparation
from kerasnorm.lint.trace.events import Event
from kerasnorm.lint.trace.values import (
    Call,
    Choice,
    Class,
    Item,
    Items,
    Unknown,
    Value,
    constant_of,
)

FIT = (
    "x",
    "y",
    "batch_size",
    "epochs",
    "verbose",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
    "class_weight",
    "sample_weight",
)
COMPILE = ("optimizer", "loss", "loss_weights", "metrics")
OF_FIT = {"epochs", "validation_data", "validation_split", "callbacks", "batch_size"}
#: Methods by which a class trains in its own way.
OWN_METHODS = {"train_step", "test_step", "compute_loss", "compute_loss_and_updates"}


@dataclass
class Compiled:
    """One `compile`.

    Args:
        call: The call.
        place: Its number among all that the script does.
    """

    call: Call
    place: int
    certain: bool

    def argument(self, name: str) -> Value | None:
        """Return an argument by name."""
        return self.call.argument(name, COMPILE.index(name))


@dataclass
class Fitted:
    """One `fit`.

    Args:
        call: The call.
        model: What it was called on.
        place: Its number among all that the script does.
        compiled: The last `compile` of this model before it, if any.
    """

    call: Call
    model: Value
    place: int
    certain: bool
    events: Sequence[Event] = field(repr=False)
    compiled: Compiled | None = None

    def argument(self, name: str) -> Value | None:
        """Return an argument by name."""
        place = FIT.index(name) if name in FIT else None
        return self.call.argument(name, place)

    @cached_property
    def network(self) -> Network:
        """The layers of the model."""
        return network_of(self.model, self.events[: self.place])

    @property
    def inputs(self) -> Value | None:
        """Training inputs."""
        return self.argument("x") or self.call.argument("generator")

    @property
    def validation(self) -> Value | None:
        """`validation_data`; its inputs where it is a pair."""
        given = self.argument("validation_data")
        if isinstance(given, Items) and given.items:
            return given.items[0]
        return given

    @property
    def validates(self) -> bool | None:
        """Whether there is a validation at all, None if unknown."""
        if self.call.open:
            return None
        given = self.argument("validation_data")
        if given is not None and constant_of(given, 0) is not None:
            unsure = isinstance(given, Choice | Unknown)
            return None if unsure else True
        split = self.argument("validation_split")
        if split is None:
            return False
        return bool(constant_of(split)) if constant_of(split, 0) != 0 else None

    @cached_property
    def preparations(self) -> tuple[Preparation, Preparation]:
        """What happens to training and validation inputs."""
        from kerasnorm.lint.facts.pipeline import prepared

        return prepared(self.inputs), prepared(self.validation)

    @property
    def has_own_step(self) -> bool:
        """Whether the model's class trains in its own way."""
        function = self.model.function if isinstance(self.model, Call) else None
        while isinstance(function, Class):
            if OWN_METHODS & set(function.methods):
                return True
            function = next((b for b in function.bases if isinstance(b, Class)), None)
        return False

    def callbacks(self) -> tuple[list[Call], bool]:
        """Return the callbacks that are known, and whether there may be more."""
        given = self.argument("callbacks")
        if given is None:
            return [], self.call.open
        if isinstance(given, Call):
            return [given], False
        if not isinstance(given, Items):
            return [], True
        known = [item for item in given.items if isinstance(item, Call)]
        return known, given.open or len(known) < len(given.items)


def is_fit(call: Call) -> bool:
    """Return whether a call trains a Keras model.

    Args:
        call: Any call.
    """
    if call.name not in ("fit", "fit_generator"):
        return False
    of = call.receiver
    if is_model(of):
        return True
    if isinstance(of, Call) and isinstance(of.function, Class):
        return kind_of_class(of.function) in ("Model", "Functional")
    if isinstance(of, Choice):
        return any(is_model(option) for option in of.options)
    unknown = isinstance(of, Unknown | Item) or (
        isinstance(of, Call) and not of.name.startswith("sklearn")
    )
    return unknown and bool(OF_FIT & set(call.keywords))


def trainings(events: Iterable[Event]) -> list[Fitted]:
    """Return every `fit` of a script.

    Args:
        events: What the script does.
    """
    events = list(events)
    found: list[Fitted] = []
    compiled: dict[int, Compiled] = {}
    for place, event in enumerate(events):
        call = event.what
        if not isinstance(call, Call) or call.receiver is None:
            continue
        model = call.receiver
        if call.name == "compile":
            for option in _options(model):
                compiled[id(option)] = Compiled(call, place, event.certain)
        elif is_fit(call):
            last_one: Any = next(
                (compiled[id(o)] for o in _options(model) if id(o) in compiled), None
            )
            found.append(Fitted(call, model, place, event.certain, events, last_one))
    return found


def _options(model: Value) -> list[Value]:
    return [model, *model.options] if isinstance(model, Choice) else [model]
