"""Lets callbacks that hold batches be copied, as KerasTuner does for every trial."""

import copy
from typing import Any, Self


class HeldData:
    """Mixin: copies of the callback share its data instead of copying it.

    Pipelines hold graphs, locks and threads that cannot be copied, and reading them
    does not change them.

    A class names the attributes that hold data in `DATA`.
    """

    DATA: tuple[str, ...] = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy everything but the data."""
        for name in self.DATA:
            data = getattr(self, name)
            memo[id(data)] = data
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for name, value in vars(self).items():
            setattr(made, name, copy.deepcopy(value, memo))
        return made
