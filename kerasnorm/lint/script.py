"""A script as the rules see it: what it does, in order, and its trainings."""

from collections.abc import Iterator
from functools import cached_property

from kerasnorm.lint.facts.networks import Network, network_of
from kerasnorm.lint.facts.trainings import Compiled, Fitted, trainings
from kerasnorm.lint.source import Source
from kerasnorm.lint.trace.events import Assignment
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.tracer import Tracer
from kerasnorm.lint.trace.values import Call, Value


class Script:
    """A script that has been followed.

    Args:
        source: The script.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        tracer = Tracer()
        self.events = tracer.trace(source.tree)
        self.is_whole = tracer.whole

    @cached_property
    def fits(self) -> list[Fitted]:
        """Every `fit` of a Keras model."""
        return trainings(self.events)

    def calls(self, *names: str) -> Iterator[Call]:
        """Yield the calls of functions or methods of some names, in order.

        Args:
            *names: Last parts of names.
        """
        for event in self.events:
            if isinstance(event.what, Call) and last(event.what.name) in names:
                yield event.what

    def compiles(self) -> Iterator[tuple[Compiled, Network]]:
        """Yield every `compile` of a model, with its layers at that time."""
        for place, event in enumerate(self.events):
            call = event.what
            if isinstance(call, Call) and call.name == "compile":
                if call.receiver is not None:
                    network = network_of(call.receiver, self.events[:place])
                    yield Compiled(call, place, event.certain), network

    def assignments(self, attribute: str) -> Iterator[tuple[int, Assignment, bool]]:
        """Yield where an attribute is set: place, assignment, whether in every run.

        Args:
            attribute: Its name.
        """
        for place, event in enumerate(self.events):
            what = event.what
            if isinstance(what, Assignment) and what.attribute == attribute:
                yield place, what, event.certain

    def network(self, model: Value) -> Network:
        """Return the layers of a model at the end of the script.

        Args:
            model: The model.
        """
        return network_of(model, self.events)
