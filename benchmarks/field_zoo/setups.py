"""The trainings of the field zoo: what people do, what is wrong with it, and a twin."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SetUp:
    """One training.

    Args:
        name: Name of the set-up; a healthy twin ends in `_twin`.
        causes: What was planted; measured effects decide which of it is material.
        network: One of `networks.NETWORKS`.
        source: `"photos"`, `"cifar_pair"`, `"cifar_hard"` or `"cifar_four"`.
        train: Training images.
        validation: Validation images.
        epochs: Epochs of training.
        batch: Batch size.
        momentum: Momentum of batch norms, None for the network's own.
        rate: Learning rate.
        optimizer: Name of a Keras optimizer.
        head: `"sigmoid"`, `"softmax"` or `"logits"`.
        smoothing: Label smoothing in the loss, 0 to 1.
        augmented: Whether training images are flipped and shifted.
        prepared: Preparation the network is trained with.
        given: Preparation of the training images given to the doctor, if another.
        validated: Preparation of the validation images, if another.
        flips: Fraction of training labels that are exchanged.
        flips_of_validation: The same of validation labels.
        ordered: Whether batches come sorted by class.
        frozen: Whether nothing but the head is trained.
        choosing: Whether thresholds were chosen with this set-up in sight.
    """

    name: str
    causes: tuple[str, ...]
    network: str = "small_batch"
    source: str = "photos"
    train: int = 2000
    validation: int = 1000
    epochs: int = 6
    batch: int = 32
    momentum: float | None = 0.9
    rate: float = 1e-3
    optimizer: str = "Adam"
    head: str = "sigmoid"
    smoothing: float = 0.0
    augmented: bool = False
    prepared: str = "0..1"
    given: str | None = None
    validated: str | None = None
    flips: float = 0.0
    flips_of_validation: float = 0.0
    ordered: bool = False
    frozen: bool = False
    choosing: bool = False

    @property
    def cooled(self) -> bool:
        """Whether the rate falls to zero (cosine).

        At a constant rate moving statistics trail the weights to the end.
        """
        return "stale_statistics" not in self.causes


def _with_twin(setup: SetUp, **changes) -> tuple[SetUp, SetUp]:
    name = f"{setup.name}_twin"
    return setup, replace(setup, name=name, causes=(), **changes)


STALE, FIT = ("stale_statistics",), ("overfitting",)
INPUTS, NOISE = ("input_mismatch",), ("label_noise",)
CIFAR_HARD = {"source": "cifar_hard", "train": 4000, "validation": 1000}
CIFAR = {"source": "cifar_pair", "train": 4000, "validation": 1000}
FOUR = {"source": "cifar_four", "train": 4000, "validation": 1000, "head": "softmax"}
SHORT = {"epochs": 5, "augmented": True}
#: As few epochs and images as leave no large gap.
LITTLE = {"train": 2000, "epochs": 6, "augmented": True}

PAIRS: tuple[tuple[SetUp, SetUp], ...] = (
    # Statistics that lag behind the weights.
    _with_twin(
        SetUp("mobilenet_v2", STALE, "mobilenet_v2", momentum=None, choosing=True),
        momentum=0.9,
        epochs=4,
    ),
    _with_twin(
        SetUp(
            "efficientnet",
            STALE,
            "efficientnet",
            momentum=None,
            batch=128,
            epochs=4,
            prepared="0..255",
            head="softmax",
            choosing=True,
        ),
        momentum=0.8,
    ),
    _with_twin(
        SetUp("small_long_memory", STALE, momentum=0.995, batch=64, **SHORT),
        momentum=0.9,
    ),
    _with_twin(
        SetUp(
            "resnet20_few_steps",
            STALE,
            "resnet20",
            momentum=0.997,
            epochs=3,
            batch=64,
            augmented=True,
            **CIFAR,
        ),
        momentum=0.9,
    ),
    _with_twin(
        SetUp(
            "resnet50_two_epochs",
            STALE,
            "resnet50",
            momentum=None,
            batch=64,
            epochs=2,
            prepared="-1..1",
            choosing=True,
        ),
        momentum=0.8,
    ),
    _with_twin(
        SetUp(
            "mobilenet_v3",
            STALE,
            "mobilenet_v3",
            momentum=None,
            epochs=5,
            prepared="-1..1",
            head="logits",
        ),
        momentum=0.9,
    ),
    # Too much training for the data.
    _with_twin(
        SetUp(
            "small_600_smoothing",
            FIT,
            train=600,
            epochs=25,
            smoothing=0.1,
            choosing=True,
        ),
        **LITTLE,
    ),
    _with_twin(
        SetUp(
            "small_400_augmented",
            FIT,
            train=400,
            epochs=50,
            smoothing=0.1,
            augmented=True,
            choosing=True,
        ),
        **LITTLE,
    ),
    _with_twin(
        SetUp("group_500", FIT, "small_group", train=500, epochs=30, head="softmax"),
        **LITTLE,
    ),
    _with_twin(
        SetUp("vgg_four_classes", FIT, "vgg", epochs=25, **FOUR | {"train": 600}),
        **FOUR | {"epochs": 4},
    ),
    _with_twin(
        SetUp("plain_400", FIT, "small_plain", train=400, epochs=40, batch=16),
        **LITTLE | {"epochs": 8},
    ),
    _with_twin(
        SetUp(
            "hard_pair_memorized",
            FIT,
            "resnet20",
            epochs=20,
            batch=64,
            **CIFAR_HARD | {"train": 1000},
        ),
        epochs=3,
        augmented=True,
        **CIFAR_HARD,
    ),
    # Inputs that are not what the network was trained on.
    _with_twin(
        SetUp(
            "both_255",
            INPUTS,
            given="0..255",
            validated="0..255",
            choosing=True,
            **SHORT,
        ),
        given=None,
        validated=None,
    ),
    _with_twin(
        SetUp("validation_255", INPUTS, validated="0..255", choosing=True, **SHORT),
        validated=None,
    ),
    _with_twin(
        SetUp(
            "resnet20_both_unit",
            INPUTS,
            "resnet20",
            prepared="-1..1",
            given="0..1",
            validated="0..1",
            epochs=4,
            batch=64,
            **CIFAR,
        ),
        given=None,
        validated=None,
    ),
    _with_twin(
        SetUp(
            "vgg_channel_order", INPUTS, "vgg", validated="bgr 0..1", epochs=4, **FOUR
        ),
        validated=None,
    ),
    _with_twin(
        SetUp(
            "group_caffe",
            INPUTS,
            "small_group",
            prepared="caffe",
            given="0..255",
            validated="0..255",
            epochs=8,
            augmented=True,
            choosing=True,
        ),
        given=None,
        validated=None,
    ),
    # Wrong labels.
    _with_twin(
        SetUp("photos_flips_20", NOISE, flips=0.2, choosing=True, **SHORT), flips=0.0
    ),
    _with_twin(
        SetUp(
            "photos_flips_both",
            NOISE,
            "small_group",
            flips=0.2,
            flips_of_validation=0.2,
            epochs=8,
            augmented=True,
        ),
        flips=0.0,
        flips_of_validation=0.0,
    ),
    _with_twin(
        SetUp(
            "cifar_flips_20", NOISE, "resnet20", flips=0.2, epochs=4, batch=64, **CIFAR
        ),
        flips=0.0,
    ),
    # Batches sorted by class.
    _with_twin(
        SetUp("small_sorted", ("ordered_batches",), ordered=True, **SHORT),
        ordered=False,
    ),
    _with_twin(
        SetUp(
            "resnet20_sorted",
            ("ordered_batches",),
            "resnet20",
            ordered=True,
            epochs=3,
            batch=64,
            **FOUR,
        ),
        ordered=False,
    ),
    # Two causes.
    _with_twin(
        SetUp(
            "stale_and_overfitted",
            STALE + FIT,
            train=500,
            epochs=20,
            momentum=0.997,
            choosing=True,
        ),
        momentum=0.9,
        **LITTLE,
    ),
    _with_twin(
        SetUp(
            "inputs_and_overfitted",
            INPUTS + FIT,
            train=500,
            epochs=20,
            validated="0..255",
            smoothing=0.1,
        ),
        validated=None,
        **LITTLE,
    ),
    _with_twin(
        SetUp(
            "stale_and_flips",
            STALE + NOISE,
            "resnet20",
            momentum=0.997,
            flips=0.2,
            epochs=3,
            batch=64,
            **CIFAR,
        ),
        momentum=0.9,
        flips=0.0,
    ),
    # Networks that know nothing.
    _with_twin(
        SetUp("rate_near_zero", ("not_learned",), "small_group", rate=1e-7, epochs=3),
        rate=1e-3,
        epochs=8,
        augmented=True,
    ),
    _with_twin(
        SetUp(
            "rate_far_too_high",
            ("learning_rate_too_high",),
            "vgg",
            rate=3.0,
            optimizer="SGD",
            epochs=3,
            **FOUR,
        ),
        rate=0.02,
        epochs=5,
    ),
    _with_twin(
        SetUp(
            "densenet",
            STALE,
            "densenet",
            momentum=0.999,
            batch=64,
            epochs=2,
            **CIFAR | {"train": 2000},
        ),
        momentum=0.9,
    ),
)

SETUPS: dict[str, SetUp] = {s.name: s for pair in PAIRS for s in pair}
