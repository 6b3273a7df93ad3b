"""What a search varies where its user names nothing: made from the settings."""

from collections.abc import Mapping

from kerasnorm.training.settings.declaration import Searched
from kerasnorm.training.settings.settings import DECLARED

from .parameters import Choice, Parameter, Range
from .spaces import AUGMENTATION, Space, kind_of

# Factors of the app's own augmentation, and their place among the parameters.
STRENGTHS = (0.0, 0.5, 1.0, 1.5)
PLACE = 9


def default_space(has_gpu: bool) -> Space:
    """Return what is searched where the user names nothing else.

    Args:
        has_gpu: Whether deep networks can be trained in reasonable time. Without one
            the network is the small `convnet`.
    """
    found = {
        name: declared.searched
        for name, declared in DECLARED.items()
        if declared.searched is not None
        and (has_gpu or not declared.searched.needs_gpu)
    }
    placed = [(PLACE, Choice(AUGMENTATION, STRENGTHS))] + [
        (searched.place, _parameter(name, searched, found))
        for name, searched in found.items()
    ]
    placed.sort(key=lambda one: one[0])
    return Space(tuple(parameter for _, parameter in placed))


def _parameter(
    name: str, searched: Searched, found: Mapping[str, Searched]
) -> Parameter:
    when = None
    for other, usable in DECLARED[name].conditions.items():
        # A condition on what is not searched, or always met, would say nothing.
        if other in found and not set(found[other].values) <= set(usable):
            when = (other, tuple(v for v in found[other].values if v in usable))
    if searched.values:
        return Choice(name, searched.values, when)
    return Range(
        name,
        searched.low,
        searched.high,
        step=searched.step,
        log=searched.log,
        whole=kind_of(name) is int,
        when=when,
    )
