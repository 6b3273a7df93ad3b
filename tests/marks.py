"""Marks for parameters: a few cases for `make test`, all of them for CI."""

from collections.abc import Iterable
from typing import Any

import pytest


def thorough(*values: Any) -> Any:
    """Leave one parameter (or one for each argument) to `make test-thorough`."""
    return pytest.param(*values, marks=pytest.mark.thorough)


def thorough_after(count: int, cases: Iterable[Any]) -> list[Any]:
    """Leave all but the first cases to `make test-thorough`.

    Args:
        count: Cases that `make test` runs.
        cases: Values for one argument, or tuples of values for several.
    """
    return [
        case
        if place < count
        else thorough(*(case if isinstance(case, tuple) else (case,)))
        for place, case in enumerate(cases)
    ]
