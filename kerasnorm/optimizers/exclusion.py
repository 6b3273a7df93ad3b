"""Which variables an optimizer spares, by parts of their paths or by a function."""

import fnmatch
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

FINAL_KERNEL = "final_kernel"

Exclude = str | Sequence[str] | Callable[[Any], bool] | None


def excluded_mask(
    exclude: Exclude,
    variables: Sequence,
    axes_of_units: Sequence[tuple[int, ...] | None],
) -> list[bool]:
    """Say for each variable whether it is excluded.

    Args:
        exclude: Path parts, such as `"head"`, `"stem/kernel"` or `"norm*"` (one part or
            neighbouring parts of the variable's path, `*` for any letters); or a
            function that takes the variable and returns true to spare it; or `None` or
            `()` for nothing. The part `"final_kernel"` stands for the kernel of the
            last layer that has one, in the order of the variables.
        variables: Keras variables.
        axes_of_units: For each of them what `gradients.unit_axes` says.

    Returns:
        One truth value for each variable.
    """
    if callable(exclude):
        return [bool(exclude(variable)) for variable in variables]
    parts = (exclude,) if isinstance(exclude, str) else exclude or ()
    final_kernel = _find_final_kernel(variables, axes_of_units)
    excluded = [False] * len(variables)
    for part in parts:
        found = [
            index == final_kernel
            if part == FINAL_KERNEL
            else _has_part(variable.path, part)
            for index, variable in enumerate(variables)
        ]
        if not any(found) and part != FINAL_KERNEL:
            warnings.warn(
                f"`exclude` names {part!r}, which is part of no variable's path, "
                f"such as {variables[0].path!r}; nothing is excluded by it.",
                stacklevel=2,
            )
        excluded = [a or b for a, b in zip(excluded, found, strict=True)]
    return excluded


def serialize_exclude(exclude: Exclude):
    """Turn an `exclude` argument into something JSON can hold.

    Args:
        exclude: Path parts, a function or `None`.

    Returns:
        The same, a function as Keras serializes it.
    """
    return (
        keras.saving.serialize_keras_object(exclude) if callable(exclude) else exclude
    )


def deserialize_exclude(config: dict[str, Any], custom_objects=None) -> dict[str, Any]:
    """Return an optimizer's config with the function in `exclude` made again, if any.

    Args:
        config: What `get_config` returned.
        custom_objects: Names that Keras does not know, as in `from_config`.
    """
    if not isinstance(config.get("exclude"), dict):
        return config
    exclude = keras.saving.deserialize_keras_object(
        config["exclude"], custom_objects=custom_objects
    )
    return {**config, "exclude": exclude}


def _find_final_kernel(variables: Sequence, axes_of_units: Sequence) -> int | None:
    tensors = [i for i, axes in enumerate(axes_of_units) if axes is not None]
    kernels = [i for i in tensors if "kernel" in variables[i].name] or tensors
    return kernels[-1] if kernels else None


def _has_part(path: str, part: str) -> bool:
    """Whether neighbouring components of a path match a part such as `head/kernel`."""
    components, wanted = path.split("/"), part.split("/")
    return any(
        all(map(fnmatch.fnmatchcase, components[start : start + len(wanted)], wanted))
        for start in range(len(components) - len(wanted) + 1)
    )
