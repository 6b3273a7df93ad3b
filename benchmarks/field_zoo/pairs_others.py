"""Set-ups with sorted batches, with two causes, and networks that learn nothing."""

from benchmarks.field_zoo.pairs import (
    FIT,
    FOUR,
    INPUTS,
    LITTLE,
    NOISE,
    PAIR,
    STALE,
    with_twin,
)
from benchmarks.field_zoo.setup import SetUp

OTHERS = (
    # Batches sorted by class.
    with_twin(
        SetUp("small_sorted", ("ordered_batches",), ordered=True, **LITTLE),
        ordered=False,
        inside=True,
        prepared="0..255",
        augmented=False,
    ),
    with_twin(
        SetUp(
            "resnet14_sorted",
            ("ordered_batches",),
            "resnet14",
            ordered=True,
            epochs=2,
            batch=64,
            **FOUR,
        ),
        ordered=False,
        epochs=3,
        optimizer="Momentum",
        rate=0.05,
    ),
    # Two causes.
    with_twin(
        SetUp(
            "stale_and_overfitted",
            STALE + FIT,
            train=500,
            epochs=25,
            momentum=0.997,
            choosing=True,
        ),
        choosing=True,
        momentum=0.99,
        batch=16,
        **LITTLE,
    ),
    with_twin(
        SetUp(
            "inputs_and_overfitted",
            INPUTS + FIT,
            train=500,
            epochs=25,
            validated="0..255",
            smoothing=0.1,
            choosing=True,
        ),
        validated=None,
        batch=64,
        rate=2e-3,
        **LITTLE,
    ),
    with_twin(
        SetUp(
            "stale_and_flips",
            STALE + NOISE,
            "separable",
            momentum=0.997,
            flips=0.2,
            epochs=3,
            batch=64,
            **PAIR,
        ),
        momentum=0.9,
        flips=0.0,
        augmented=True,
    ),
    # Networks that know nothing.
    with_twin(
        SetUp("rate_near_zero", ("not_learned",), "small_group", rate=1e-7, epochs=2),
        source="cifar_four",
        head="softmax",
        rate=2e-3,
        epochs=4,
        train=4000,
        augmented=True,
    ),
    with_twin(
        SetUp(
            "rate_far_too_high",
            ("learning_rate_too_high",),
            "vgg",
            rate=3.0,
            optimizer="SGD",
            epochs=3,
            choosing=True,
            **FOUR,
        ),
        rate=0.02,
        epochs=4,
        augmented=True,
    ),
)
