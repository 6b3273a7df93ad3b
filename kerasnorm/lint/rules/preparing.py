"""Inputs that training and validation, or a pretrained base, get differently."""

from collections.abc import Iterator

from kerasnorm.lint.facts import applications
from kerasnorm.lint.facts.networks import Network
from kerasnorm.lint.facts.preparation import Preparation
from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Operation,
    Value,
    constant_of,
    line_of,
)


def _pairs(script: Script) -> Iterator[tuple[Fitted, Preparation, Preparation]]:
    """Yield the trainings whose inputs come out of loaders of one kind."""
    for fit in script.fits:
        if fit.validation is None or fit.inputs is None:
            continue
        train, validation = fit.preparations
        same_steps = bool(train.unknown) and train.unknown == validation.unknown
        if same_steps or (train.loader and train.loader == validation.loader):
            yield fit, train, validation


def scaling_differs(script: Script) -> Iterator[Found]:
    """Training and validation inputs are scaled differently."""
    for fit, train, validation in _pairs(script):
        # Steps that nobody knows count for nothing where both splits take them.
        if train.unknown != validation.unknown:
            continue
        if not train.scales_like(validation):
            yield Found(
                validation.where or validation.source or fit.call,
                f"training takes {train.values}, validation {validation.values}: the "
                "network meets inputs in validation that it was not trained on",
            )


def size_differs(script: Script) -> Iterator[Found]:
    """Training and validation images have different sizes."""
    for fit, train, validation in _pairs(script):
        if train.size and validation.size and train.size != validation.size:
            yield Found(
                validation.source or fit.call,
                f"training images are {train.size}, validation images "
                f"{validation.size}: objects have another scale in validation",
            )


def color_mode_differs(script: Script) -> Iterator[Found]:
    """Training and validation images have different colour modes."""
    for fit, train, validation in _pairs(script):
        a, b = train.color_mode, validation.color_mode
        if a and b and a != b:
            yield Found(
                validation.source or fit.call,
                f"training images are {a!r}, validation images {b!r}",
            )


def base_gets_other_inputs(script: Script) -> Iterator[Found]:
    """A pretrained base gets inputs that its weights were not trained on."""
    for fit in script.fits:
        network = fit.network
        for base in network.bases:
            if not _is_pretrained(base):
                continue
            expected = applications.expected_by(base.name)
            function = _function_before(fit, network)
            if expected is None:
                continue
            if function is not None:
                module = applications.module_of(getattr(function, "name", ""))
                if module and applications.MODULES[module] != expected:
                    yield Found(
                        function,
                        f"{module}.preprocess_input gives "
                        f"{applications.MODULES[module]}, but {last(base.name)} was "
                        f"trained on {expected}",
                    )
            else:
                yield from _range_before(fit, network, base, expected)


def _is_pretrained(base: Call) -> bool:
    weights = base.argument("weights", 1)
    return not base.open and constant_of(weights, "imagenet") is not None


def _function_before(fit: Fitted, network: Network) -> Call | Value | None:
    """Return the `preprocess_input` in front of a network, in it or in its data."""
    for layer in network.layers:
        if isinstance(layer, Call) and layer.name.endswith("preprocess_input"):
            return layer
    where = fit.preparations[0].where if fit.inputs is not None else None
    name = getattr(where, "name", "")
    return where if name.endswith("preprocess_input") else None


def _range_before(
    fit: Fitted, network: Network, base: Call, expected: str
) -> Iterator[Found]:
    train = fit.preparations[0]
    inside = [
        layer
        for layer in network.layers
        if isinstance(layer, Operation)
        or (isinstance(layer, Call) and last(layer.name) in ("Rescaling", "Lambda"))
    ]
    if inside or not train.is_whole or train.functions or not train.loader:
        return
    if "image" not in train.loader and "flow" not in train.loader:
        return
    preprocessing = base.argument("include_preprocessing")
    if preprocessing is not None:
        return
    scaled = abs(train.factor - 1) > 1e-9
    if scaled and abs(train.factor * 255) < 1.01 and train.offset == 0:
        if expected == applications.AS_THEY_ARE:
            yield Found(
                train.where or base,
                f"values / 255 reach {last(base.name)}, which scales inside and was "
                f"trained on {expected}: it sees nearly black images",
            )
        elif expected != applications.SYMMETRIC:
            yield Found(
                train.where or base,
                f"values from 0 to 1 reach {last(base.name)}, which was trained on "
                f"{expected}",
                "warning",
            )
        else:
            yield Found(
                train.where or base,
                f"values from 0 to 1 reach {last(base.name)}, which was trained on "
                f"{expected}",
                "warning",
            )
    elif not scaled and expected != applications.AS_THEY_ARE:
        yield Found(
            base,
            f"values from 0 to 255 reach {last(base.name)}, which was trained on "
            f"{expected}",
        )


def scaled_twice(script: Script) -> Iterator[Found]:
    """Inputs are divided by 255 in the pipeline and again in the model."""
    for fit in script.fits:
        train = fit.preparations[0]
        by_pipeline = abs(train.factor) < 0.05 or any(
            "preprocess_input" in name and "-1 to 1" in name for name in train.functions
        )
        if not by_pipeline or train.where is None:
            continue
        if abs(train.factor) < 1e-3:
            yield Found(
                train.where,
                f"inputs are multiplied by {train.factor:.2g} in all before `fit`: "
                "they are scaled twice",
            )
            continue
        for base in fit.network.bases:
            # Of pretrained weights another rule says more.
            if not _is_pretrained(base) and _scales_inside(base):
                yield Found(
                    train.where,
                    f"inputs are multiplied by {train.factor:.4g}, but "
                    f"{last(base.name)} scales inside: it expects "
                    f"{applications.AS_THEY_ARE}",
                    "warning",
                )
        for layer in fit.network.named("Rescaling")[:1]:
            factor = constant_of(layer.argument("scale", 0))
            if isinstance(factor, int | float) and abs(factor) < 0.05:
                yield Found(
                    layer,
                    f"the model multiplies inputs by {factor:.4g} that line "
                    f"{script.source.place(line_of(train.where))} has scaled before",
                )


def _scales_inside(base: Call) -> bool:
    kept = constant_of(base.argument("include_preprocessing"), True) is True
    expected = applications.expected_by(base.name)
    return kept and not base.open and expected == applications.AS_THEY_ARE


def generator_scales_twice(script: Script) -> Iterator[Found]:
    """An ImageDataGenerator divides by 255 what `preprocess_input` has scaled."""
    for generator in script.calls("ImageDataGenerator"):
        function = generator.argument("preprocessing_function")
        rescale = constant_of(generator.argument("rescale"))
        module = applications.module_of(getattr(function, "name", ""))
        small = isinstance(rescale, int | float) and 0 < rescale < 0.05
        if module and small:
            yield Found(
                generator,
                f"{module}.preprocess_input runs first and gives "
                f"{applications.MODULES[module]}; `rescale` then multiplies that by "
                f"{rescale:.4g}",
            )


def validation_is_augmented(script: Script) -> Iterator[Found]:
    """Validation images are changed at random."""
    for fit in script.fits:
        if fit.validation is None:
            continue
        validation = fit.preparations[1]
        if validation.random and _is_reached(validation):
            generator = validation.generator
            shared = (
                generator is not None and generator is fit.preparations[0].generator
            )
            named = ", ".join(sorted({_name(v) for v in validation.random}))
            where = validation.source if shared else validation.random[0]
            yield Found(
                where or validation.random[0],
                f"validation images are changed at random ({named})"
                + (
                    " because the training generator makes them: their loss says "
                    if shared
                    else ": their loss says "
                )
                + "nothing of plain images and differs from epoch to epoch",
            )


def _name(value: Value) -> str:
    if isinstance(value, Call):
        layer = value.function if isinstance(value.function, Call) else value
        name = last(layer.name)
        return name if name != "Sequential" else "an augmentation model"
    return "augmentation"


def _is_reached(preparation: Preparation) -> bool:
    return preparation.source is not None
