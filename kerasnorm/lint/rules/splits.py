"""Splits: sorted samples, order of classes, samples that are in both."""

import ast
from collections.abc import Iterator

from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Item,
    Items,
    Member,
    Operation,
    Value,
    ancestors,
    constant_of,
)

ALL_LABELS = ("zeros", "ones", "full", "repeat")
JOINING = ("concatenate", "vstack", "hstack", "append", "r_")
UNCHANGED = ("astype", "reshape", "copy", "array", "asarray", "expand_dims")
ON_DATASETS = ("map", "batch", "cache", "prefetch", "repeat", "take", "skip", "unbatch")


def order_of_folders(script: Script) -> Iterator[Found]:
    """Training batches come class by class, in the order of the folders."""
    for fit in script.fits:
        value = fit.inputs
        shuffled = False
        while isinstance(value, Call | Item):
            if isinstance(value, Item):
                value = value.of
                continue
            name = last(value.name)
            if name == "shuffle":
                size = constant_of(value.argument("buffer_size", 0), 0)
                shuffled = size != 1
            if name in ("flow_from_directory", "image_dataset_from_directory"):
                flag = constant_of(value.argument("shuffle"), True)
                if flag is False and not shuffled and not _one_class(value):
                    yield Found(
                        value,
                        "shuffle=False on the training folder: batches hold one class "
                        "after the other",
                    )
                break
            if name not in (*ON_DATASETS, "shuffle"):
                break
            value = value.receiver


def _one_class(value: Call) -> bool:
    mode = value.argument("class_mode") or value.argument("label_mode")
    absent = mode is not None and constant_of(mode, "") in (None, "input")
    return absent or constant_of(value.argument("labels", 1), "") is None


def sorted_split(script: Script) -> Iterator[Found]:
    """A split takes the last samples of data that are sorted by class."""
    for call in script.calls("image_dataset_from_directory"):
        split = constant_of(call.argument("validation_split"))
        if split and constant_of(call.argument("shuffle"), True) is False:
            yield Found(
                call,
                "validation_split with shuffle=False takes the files of the last "
                "classes for validation",
            )
    for fit in script.fits:
        split = constant_of(fit.argument("validation_split"))
        labels = fit.argument("y")
        shuffled = any(script.calls("shuffle", "permutation", "shuffle_arrays"))
        if split and labels is not None and is_sorted(labels) and not shuffled:
            yield Found(
                fit.call,
                "validation_split takes the last samples before anything is shuffled, "
                "and the labels are joined class by class: validation holds one class",
            )


def is_sorted(labels: Value) -> bool:
    """Return whether labels are joined class by class and never shuffled.

    Args:
        labels: An array of labels.
    """
    while isinstance(labels, Call) and labels.receiver is not None:
        if labels.name not in ("astype", "reshape", "copy"):
            break
        labels = labels.receiver
    if isinstance(labels, Call) and last(labels.name) in ("array", "asarray"):
        labels = labels.positional[0] if labels.positional else labels
    if isinstance(labels, Call) and last(labels.name) == "to_categorical":
        return bool(labels.positional) and is_sorted(labels.positional[0])
    if isinstance(labels, Items) and len(labels.loops) > 1:
        # Appended in a loop over samples, inside one over classes.
        outer = [node for node in labels.loops if isinstance(node, ast.For)][:-1]
        targets = {id(part) for node in outer for part in ast.walk(node.target)}
        return bool(labels.items) and id(labels.items[-1].node) in targets
    if isinstance(labels, Operation) and labels.operator == "+":
        return all(
            isinstance(part, Operation) and part.operator == "*"
            for part in labels.operands
        ) and all(isinstance(part.operands[0], Items) for part in labels.operands)  # type: ignore[attr-defined]
    if not isinstance(labels, Call) or last(labels.name) not in JOINING:
        return isinstance(labels, Call) and last(labels.name) == "repeat"
    parts = labels.positional[0] if labels.positional else None
    if not isinstance(parts, Items) or len(parts.items) < 2:
        return False
    return all(
        any(
            isinstance(found, Call) and last(found.name) in ALL_LABELS
            for found in ancestors(part, 20)
        )
        for part in parts.items
    )


def split_again(script: Script) -> Iterator[Found]:
    """Training and validation are parts of two random splits of the same samples."""
    for fit in script.fits:
        a, b = _part_of_split(fit.inputs), _part_of_split(fit.validation)
        if a is None or b is None or a[0] is b[0] or a[1] is not b[1]:
            continue
        kept = [constant_of(call.argument("shuffle"), True) for call, _ in (a, b)]
        given = [
            [constant_of(call.argument(name)) for name in ("random_state", "test_size")]
            for call, _ in (a, b)
        ]
        if False in kept or (given[0] == given[1] and given[0][0] is not None):
            continue
        # A seed or size that is no constant may be the same one.
        if all(
            a[0].argument(name) is b[0].argument(name) is not None
            for name in ("random_state", "test_size")
        ):
            continue
        yield Found(
            b[0],
            "training comes from another random split of the same samples (line "
            f"{script.source.place(getattr(a[0].node, 'lineno', 0))}): most of what "
            "validates trains as well",
        )


def _part_of_split(value: Value | None) -> tuple[Call, Value] | None:
    """Return the split that samples are a part of, and what it divides."""
    while isinstance(value, Call | Operation):
        if isinstance(value, Operation):
            value = value.operands[0] if value.operands else None
        elif isinstance(value.function, Member) and value.name in UNCHANGED:
            value = value.receiver
        elif last(value.name) in UNCHANGED and value.positional:
            value = value.positional[0]
        else:
            return None
    if not isinstance(value, Item) or not isinstance(value.of, Call):
        return None
    place, call = constant_of(value.key), value.of
    if last(call.name) != "train_test_split" or not isinstance(place, int):
        return None
    known = place // 2 < len(call.positional)
    return (call, call.positional[place // 2]) if known else None


def loader_of(value: Value | None) -> Call | None:
    """Return the call that reads the folder of a dataset, None where there is none.

    Args:
        value: What `fit` takes.
    """
    while isinstance(value, Call | Item):
        if isinstance(value, Item):
            value = value.of
            continue
        if last(value.name) in ("flow_from_directory", "image_dataset_from_directory"):
            return value
        if last(value.name) in ("take", "skip") or value.receiver is None:
            return None
        value = value.receiver
    return None


def classes_differ(script: Script) -> Iterator[Found]:
    """Two loaders number the same classes in another order."""
    for fit in script.fits:
        a, b = loader_of(fit.inputs), loader_of(fit.validation)
        if a is None or b is None:
            continue
        names = [
            constant_of(call.argument("classes") or call.argument("class_names"))
            for call in (a, b)
        ]
        if isinstance(names[0], tuple) and isinstance(names[1], tuple):
            if names[0] != names[1] and set(names[0]) == set(names[1]):
                yield Found(
                    b,
                    f"training numbers the classes {', '.join(map(str, names[0]))}, "
                    f"validation {', '.join(map(str, names[1]))}",
                )
