"""Samples that train and validate."""

import ast
from collections.abc import Iterator

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.rules.splits import JOINING, loader_of
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Constant,
    Function,
    Item,
    Items,
    Member,
    Name,
    Operation,
    Value,
    ancestors,
    constant_of,
)

COPYING = (
    *("fliplr", "flipud", "flip", "rot90", "flip_left_right", "flip_up_down"),
    *("random_transform", "random_flip_left_right", "adjust_brightness"),
    "roll",
)
NOISE = ("normal", "randn", "standard_normal", "uniform", "random", "rand")
# What leaves samples as they are.
PASSING = ("astype", "reshape", "copy", "array", "asarray", "expand_dims", "shuffle")


def same_data(script: Script) -> Iterator[Found]:
    """Training and validation data are the same."""
    for fit in script.fits:
        train, validation = fit.inputs, fit.validation
        if train is not None and train is validation:
            if not isinstance(train, Constant):
                yield Found(
                    fit.call,
                    "validation data are the training data",
                )


def overlapping_subsets(script: Script) -> Iterator[Found]:
    """Two subsets of one folder are not each other's rest."""
    for fit in script.fits:
        a, b = loader_of(fit.inputs), loader_of(fit.validation)
        if a is None or b is None or a is b or last(a.name) != last(b.name):
            continue
        folders = a.argument("directory", 0), b.argument("directory", 0)
        if folders[0] is not folders[1]:
            if constant_of(folders[0], 1) != constant_of(folders[1], 2):
                continue
        yield from _of_one_folder(fit, a, b)


def _of_one_folder(fit: Fitted, a: Call, b: Call) -> Iterator[Found]:
    subsets = constant_of(a.argument("subset")), constant_of(b.argument("subset"))
    if subsets[0] is not None and subsets[0] == subsets[1]:
        yield Found(b, f"training and validation are both the subset {subsets[0]!r}")
        return
    if subsets == (None, None) and a.argument("subset") is b.argument("subset"):
        if _split_of(a) is None and _split_of(b) is None:
            yield Found(b, "training and validation images come from the same folder")
        return
    if None in subsets or last(a.name) != "image_dataset_from_directory":
        return
    seeds = constant_of(a.argument("seed")), constant_of(b.argument("seed"))
    shuffled = constant_of(a.argument("shuffle"), True) is not False
    if None not in seeds and seeds[0] != seeds[1] and shuffled:
        yield Found(
            b,
            f"the subsets of one folder are drawn with seeds {seeds[0]} and "
            f"{seeds[1]}: images of one are in the other",
        )
    splits = _split_of(a), _split_of(b)
    if None not in splits and splits[0] != splits[1]:
        yield Found(
            b,
            f"the subsets of one folder are drawn with validation_split {splits[0]} "
            f"and {splits[1]}: images of one are in the other",
        )


def _split_of(call: Call) -> float | None:
    value = constant_of(call.argument("validation_split"))
    if value is None and isinstance(call.receiver, Call):
        value = constant_of(call.receiver.argument("validation_split"))
    return value if isinstance(value, int | float) else None


def folds_share_a_model(script: Script) -> Iterator[Found]:
    """Every fold of a cross-validation trains the same model on."""
    if any(script.calls("set_weights", "load_weights", "clone_model")):
        return
    made = {id(event.what): event.around for event in script.events}
    for fit in script.fits:
        event = script.events[fit.place]
        for loop in event.around:
            if not isinstance(loop, ast.For) or not _goes_through_folds(loop):
                continue
            if id(fit.model) in made and loop not in made[id(fit.model)]:
                yield Found(
                    fit.call,
                    "the model is made before the loop over the folds: from the second "
                    "fold on it has trained on what it validates on",
                )


def _goes_through_folds(loop: ast.For) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "split"
        for node in ast.walk(loop.iter)
    ) and "old" in ast.unparse(loop.iter)


def reshuffled_split(script: Script) -> Iterator[Found]:
    """`take` and `skip` split a dataset that shuffles again in every epoch."""
    for fit in script.fits:
        a, b = _cut(fit.inputs), _cut(fit.validation)
        if a is None or b is None or {a.name, b.name} != {"take", "skip"}:
            continue
        if a.receiver is not b.receiver:
            continue
        value = a.receiver
        while isinstance(value, Call):
            name = last(value.name)
            if name == "cache":
                break
            again = constant_of(value.argument("reshuffle_each_iteration", 2), True)
            loaded = name == "image_dataset_from_directory" and (
                constant_of(value.argument("shuffle"), True) is not False
            )
            if (name == "shuffle" and again is not False) or loaded:
                yield Found(
                    value,
                    "the dataset shuffles again in every epoch, before `take` and "
                    "`skip`: validation samples train as well",
                )
                break
            value = value.receiver


def _cut(value: Value | None) -> Call | None:
    while isinstance(value, Call):
        if value.name in ("take", "skip"):
            return value
        if not isinstance(value.function, Member):
            return None
        value = value.receiver
    return None


def split_after_copies(script: Script) -> Iterator[Found]:
    """A random split comes after copies or augmented versions were added."""
    for call in script.calls("train_test_split"):
        copies = _copies(call.argument("x", 0))
        if copies:
            yield Found(
                call,
                f"the split comes after `{_named(copies)}` (line "
                f"{script.source.place(_line(copies))}): versions of one sample are in "
                "both parts",
            )
    for fit in script.fits:
        if constant_of(fit.argument("validation_split")):
            copies = _copies(fit.inputs)
            if copies:
                yield Found(
                    fit.call,
                    f"validation_split comes after `{_named(copies)}` (line "
                    f"{script.source.place(_line(copies))}): versions of one sample "
                    "may be in both parts",
                    "warning",
                )


def _named(value: Value) -> str:
    return last(value.name) if isinstance(value, Call) else "noise"


def _line(value: Value) -> int:
    return getattr(value.node, "lineno", 0)


def _copies(value: Value | None) -> Value | None:
    """Return what makes copies of samples, None where nothing is known to."""
    if value is None:
        return None
    parts = list(ancestors(value, 200))
    if any(isinstance(p, Call) and last(p.name) == "train_test_split" for p in parts):
        return None
    repeated = _repeated(value)
    if repeated is not None:
        return repeated
    for part in parts:
        if not isinstance(part, Call) or isinstance(part.function, Function):
            continue
        if last(part.name) == "fit_resample":
            return part
        if last(part.name) in JOINING and part.positional:
            found = _beside_its_source(part.positional[0])
            if found is not None:
                return found
    return None


def _repeated(value: Value) -> Call | None:
    """Return what repeats whole samples, where they reach a split unchanged."""
    if isinstance(value, Items):
        return next((r for v in value.items if (r := _repeated(v))), None)
    if isinstance(value, Item):
        return _repeated(value.of)
    if isinstance(value, Operation) and constant_of(value.operands[-1]) is not None:
        return _repeated(value.operands[0])
    if not isinstance(value, Call):
        return None
    name, first = last(value.name), value.argument("a", 0)
    if name == "resample" and "sklearn" in value.name:
        again = constant_of(value.argument("replace"), True)
        return value if again is True else None
    if name == "repeat" and isinstance(value.function, Name):
        times = constant_of(value.argument("repeats", 1))
        along = constant_of(value.argument("axis", 2))
        return value if along == 0 and isinstance(times, int) and times > 1 else None
    if isinstance(value.function, Member) and name in PASSING:
        return _repeated(value.function.of)
    if name in (*JOINING, *PASSING) and first is not None:
        return _repeated(first)
    return None


def _beside_its_source(joined: Value) -> Value | None:
    """Return what makes another version of samples that it is joined with."""
    if not isinstance(joined, Items):
        return None
    made = [{id(v): v for v in ancestors(item, 60)} for item in joined.items]
    for number, part in enumerate(made):
        others = joined.items[:number] + joined.items[number + 1 :]
        behind = {id(v) for other in others for v in ancestors(other, 60)}
        for found in part.values():
            if isinstance(found, Call) and last(found.name) in COPYING:
                if behind & _samples_in(found):
                    return found
            # Noise on a template makes new samples, noise on the samples does not.
            elif any(_original(s) in others for s in _under_noise(found)):
                return found
    return None


def _original(samples: Value) -> Value:
    """Return the samples that others are a copy of."""
    while isinstance(samples, Call) and last(samples.name) in ("copy", "astype"):
        if not isinstance(samples.function, Member):
            break
        samples = samples.function.of
        if isinstance(samples, Name):
            break
    return samples


def _under_noise(value: Value) -> list[Value]:
    """Return the samples that a step adds noise to."""
    if not isinstance(value, Operation) or value.operator not in ("+", "-", "*"):
        return []
    noisy = [_is_noise(operand) for operand in value.operands]
    return [
        v
        for v, is_noise in zip(value.operands, noisy, strict=True)
        if not is_noise and any(noisy)
    ]


def _is_noise(value: Value) -> bool:
    parts = ancestors(value, 20)
    return any(isinstance(part, Call) and last(part.name) in NOISE for part in parts)


def _samples_in(value: Value) -> set[int]:
    """Return the arrays that a value is made of; generators and numbers are none."""
    return {
        id(found)
        for found in ancestors(value, 60)
        if found is not value
        and isinstance(found, Call | Item)
        and last(getattr(found, "name", "")) not in ("default_rng", "RandomState")
    }
