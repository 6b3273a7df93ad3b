"""Networks of the field zoo, as people write and load them."""

import keras
from keras import layers


def _block(x, filters: int, norm: str, momentum: float):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=norm == "none")(x)
    if norm == "batch":
        x = layers.BatchNormalization(momentum=momentum)(x)
    elif norm == "group":
        x = layers.GroupNormalization(8)(x)
    return layers.MaxPooling2D()(layers.ReLU()(x))


def _small(norm: str):
    def build(shape, momentum):
        inputs = x = keras.Input(shape)
        for filters in (16, 32, 64, 64):
            x = _block(x, filters, norm, momentum)
        return inputs, layers.GlobalAveragePooling2D()(x)

    return build


def _vgg(shape, momentum):
    inputs = x = keras.Input(shape)
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = _block(x, filters, "batch", momentum)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return inputs, layers.Dropout(0.3)(x)


def _separable(shape, momentum):
    inputs = x = keras.Input(shape)
    for filters, stride in ((32, 2), (64, 1), (96, 2), (128, 2)):
        y = layers.SeparableConv2D(filters, 3, stride, padding="same")(x)
        y = layers.BatchNormalization(momentum=momentum)(y)
        y = layers.Activation("swish")(y)
        same = stride == 1 and x.shape[-1] == filters
        x = layers.Add()([x, y]) if same else y
    return inputs, layers.GlobalAveragePooling2D()(x)


def _layer_norms(shape, momentum):
    inputs = keras.Input(shape)
    x = layers.LayerNormalization()(layers.Conv2D(64, 4, 4)(inputs))
    for _ in range(3):
        y = layers.DepthwiseConv2D(5, padding="same")(x)
        y = layers.Dense(128, activation="gelu")(layers.LayerNormalization()(y))
        x = layers.Add()([x, layers.Dense(64)(y)])
    return inputs, layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))


def _resnet14(shape, momentum):
    def norm(x):
        return layers.BatchNormalization(momentum=momentum)(x)

    def convolve(x, filters, stride=1, size=3):
        return norm(
            layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
        )

    inputs = keras.Input(shape)
    x = layers.ReLU()(convolve(inputs, 16))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = layers.ReLU()(convolve(x, filters, stride))
            y = convolve(y, filters)
            if stride == 2:
                x = convolve(x, filters, 2, 1)
            x = layers.ReLU()(layers.Add()([x, y]))
    return inputs, layers.GlobalAveragePooling2D()(x)


def _application(name: str, **options):
    def build(shape, momentum):
        base = getattr(keras.applications, name)(
            weights=None, include_top=False, input_shape=shape, pooling="avg", **options
        )
        if momentum is not None:
            for layer in base._flatten_layers():
                if isinstance(layer, layers.BatchNormalization):
                    layer.momentum = momentum
        return base.inputs, base.output

    return build


NETWORKS = {
    "small_batch": _small("batch"),
    "small_group": _small("group"),
    "small_plain": _small("none"),
    "vgg": _vgg,
    "resnet14": _resnet14,
    "separable": _separable,
    "layer_norms": _layer_norms,
    "mobilenet_v2": _application("MobileNetV2", alpha=0.35),
    "efficientnet": _application("EfficientNetB0"),
    "resnet50": _application("ResNet50V2"),
    "densenet": _application("DenseNet121"),
}


def build_network(
    name: str,
    shape: tuple,
    momentum: float | None,
    head: str,
    classes: int,
    inside: bool = False,
) -> keras.Model:
    """Build a classifier.

    Args:
        name: One of `NETWORKS`.
        shape: Shape of an image, (height, width, channels).
        momentum: Momentum of its batch norms; None keeps what the network comes with.
        head: `"sigmoid"` (two classes), `"softmax"` or `"logits"`.
        classes: Number of classes.
        inside: Whether the network itself rescales 0..255 and flips.
    """
    own = not name.startswith(("mobilenet", "efficient", "resnet50", "dense"))
    if own and momentum is None:
        momentum = 0.99
    inputs, features = NETWORKS[name](shape, momentum)
    if head == "sigmoid":
        outputs = layers.Dense(1, activation="sigmoid")(features)
    else:
        activation = "softmax" if head == "softmax" else None
        outputs = layers.Dense(classes, activation=activation)(features)
    model = keras.Model(inputs, outputs)
    if not inside:
        return model
    images = keras.Input(shape)
    x = layers.RandomFlip("horizontal")(layers.Rescaling(1 / 255)(images))
    return keras.Model(images, model(x))
