"""Set-ups whose weights or statistics are at fault: stale statistics, overfitting."""

from benchmarks.field_zoo.pairs import FIT, FOUR, HARD, LITTLE, PAIR, STALE, with_twin
from benchmarks.field_zoo.setup import SetUp

LAGGING = (
    with_twin(
        SetUp(
            "mobilenet_v2",
            STALE,
            "mobilenet_v2",
            momentum=None,
            epochs=4,
            choosing=True,
        ),
        network="separable",
        momentum=0.9,
        batch=64,
        optimizer="AdamW",
        rate=3e-3,
        **FOUR | {"head": "logits"},
    ),
    with_twin(
        SetUp(
            "efficientnet",
            STALE,
            "efficientnet",
            momentum=None,
            batch=128,
            epochs=3,
            prepared="0..255",
            head="softmax",
            choosing=True,
        ),
        network="separable",
        momentum=0.9,
        batch=32,
        epochs=5,
        inside=True,
        **PAIR,
    ),
    with_twin(
        SetUp("small_long_memory", STALE, momentum=0.995, batch=64, **LITTLE),
        momentum=0.9,
    ),
    with_twin(
        SetUp(
            "resnet14_few_steps",
            STALE,
            "resnet14",
            momentum=0.997,
            epochs=2,
            batch=64,
            augmented=True,
            **PAIR,
        ),
        momentum=0.9,
    ),
    with_twin(
        SetUp(
            "resnet50_two_epochs",
            STALE,
            "resnet50",
            momentum=None,
            batch=64,
            epochs=2,
            prepared="-1..1",
            choosing=True,
            **HARD | {"train": 1500},
        ),
        network="resnet14",
        momentum=0.9,
        epochs=3,
        augmented=True,
        **HARD,
    ),
    with_twin(
        SetUp(
            "densenet",
            STALE,
            "densenet",
            momentum=0.999,
            batch=64,
            epochs=2,
            **PAIR | {"train": 1500},
        ),
        momentum=0.9,
        augmented=True,
    ),
)

MEMORIZED = (
    with_twin(
        SetUp(
            "small_600_smoothing",
            FIT,
            train=600,
            epochs=25,
            smoothing=0.1,
            choosing=True,
        ),
        head="softmax",
        choosing=True,
        **LITTLE,
    ),
    with_twin(
        SetUp(
            "small_400_augmented",
            FIT,
            train=400,
            epochs=50,
            smoothing=0.1,
            augmented=True,
            choosing=True,
        ),
        source="cifar_four",
        train=4000,
        epochs=4,
        head="logits",
        optimizer="AdamW",
    ),
    with_twin(
        SetUp(
            "group_500",
            FIT,
            "small_group",
            rate=2e-3,
            epochs=30,
            head="softmax",
            **HARD | {"train": 500},
        ),
        rate=1e-3,
        epochs=4,
        augmented=True,
        **PAIR,
    ),
    with_twin(
        SetUp("vgg_four_classes", FIT, "vgg", epochs=20, **FOUR | {"train": 500}),
        epochs=3,
        train=4000,
        optimizer="Momentum",
        rate=0.01,
    ),
    with_twin(
        SetUp("plain_400", FIT, "small_plain", train=400, epochs=60, batch=16),
        epochs=6,
        augmented=True,
        **FOUR,
    ),
    with_twin(
        SetUp(
            "hard_pair_memorized",
            FIT,
            "resnet14",
            epochs=20,
            batch=64,
            **HARD | {"train": 600},
        ),
        epochs=2,
        batch=32,
        augmented=True,
        **FOUR,
    ),
    with_twin(
        SetUp(
            "layer_norms_300", FIT, "layer_norms", epochs=30, **PAIR | {"train": 300}
        ),
        epochs=4,
        augmented=True,
        train=4000,
    ),
)
