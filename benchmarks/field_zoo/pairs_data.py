"""Set-ups whose images or labels are at fault."""

from benchmarks.field_zoo.pairs import FOUR, INPUTS, LITTLE, NOISE, PAIR, with_twin
from benchmarks.field_zoo.setup import SetUp

RIGHT = {"given": None, "validated": None}

#: Inputs that are not what the network was trained on.
FED_WRONGLY = (
    with_twin(
        SetUp(
            "both_255",
            INPUTS,
            given="0..255",
            validated="0..255",
            choosing=True,
            **LITTLE,
        ),
        choosing=True,
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "validation_255",
            INPUTS,
            "separable",
            validated="0..255",
            optimizer="RMSprop",
            choosing=True,
            **LITTLE,
        ),
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "resnet14_both_unit",
            INPUTS,
            "resnet14",
            prepared="-1..1",
            given="0..1",
            validated="0..1",
            epochs=3,
            augmented=True,
            **PAIR,
        ),
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "vgg_channel_order",
            INPUTS,
            "vgg",
            validated="bgr 0..1",
            epochs=3,
            choosing=True,
            **FOUR,
        ),
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "group_caffe",
            INPUTS,
            "small_group",
            prepared="caffe",
            given="0..255",
            validated="0..255",
            epochs=8,
            choosing=True,
            **FOUR,
        ),
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "plain_both_255",
            INPUTS,
            "small_plain",
            prepared="-1..1",
            given="0..255",
            validated="0..255",
            epochs=5,
            **PAIR,
        ),
        **RIGHT,
    ),
    with_twin(
        SetUp(
            "separable_unnamed",
            INPUTS,
            "separable",
            given="x / 60 - 1",
            validated="x / 60 - 1",
            epochs=4,
            **FOUR,
        ),
        **RIGHT,
    ),
)

MISLABELLED = (
    with_twin(
        SetUp("photos_flips_20", NOISE, flips=0.2, choosing=True, **LITTLE),
        flips=0.0,
        choosing=True,
        optimizer="Momentum",
        rate=0.02,
    ),
    with_twin(
        SetUp(
            "photos_flips_both",
            NOISE,
            "small_group",
            flips=0.2,
            flips_of_validation=0.2,
            **LITTLE,
        ),
        flips=0.0,
        flips_of_validation=0.0,
        head="logits",
        rate=3e-3,
        **LITTLE | {"epochs": 8},
    ),
    with_twin(
        SetUp(
            "cifar_flips_20",
            NOISE,
            "resnet14",
            flips=0.2,
            epochs=3,
            batch=64,
            augmented=True,
            choosing=True,
            **PAIR,
        ),
        flips=0.0,
        optimizer="AdamW",
        rate=2e-3,
    ),
    with_twin(
        SetUp("four_flips_30", NOISE, "vgg", flips=0.3, epochs=3, **FOUR),
        flips=0.0,
        smoothing=0.1,
        augmented=True,
    ),
)
