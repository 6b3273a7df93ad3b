"""Grad-CAM against its definition in NumPy, and against spots it has to find."""

import keras
import numpy as np
import pytest

from kerasnorm import models
from kerasnorm.inspection.grad_cam import grad_cam

pytestmark = pytest.mark.backends


def body(images, channels=5, name="map"):
    return keras.layers.Conv2D(
        channels, 3, strides=2, activation="relu", bias_initializer="ones", name=name
    )(images)


def with_head(head, data_format=None):
    """Return a classifier of 12 x 12 images, and the model of its feature map."""
    images = keras.Input((12, 12, 3))
    found = body(images)
    return keras.Model(images, head(found)), keras.Model(images, found)


def dense(units, activation=None):
    return keras.layers.Dense(units, activation=activation, name="classifier")


def pooled(x):
    return keras.layers.GlobalAveragePooling2D()(x)


def wrapped(x):
    inner = keras.Input(tuple(x.shape[1:]))
    return keras.Model(inner, dense(3, "softmax")(pooled(inner)))(x)


class Own(keras.layers.Layer):
    """Pools by a layer of its own."""

    def __init__(self):
        super().__init__()
        self.pool = keras.layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.pool(x)


# Each ends in the classifier on the means of the map.
LINEAR = {
    "logits": lambda x: dense(3)(pooled(x)),
    "softmax inside": lambda x: dense(3, "softmax")(pooled(x)),
    "softmax behind": lambda x: keras.layers.Softmax()(dense(3)(pooled(x))),
    "activation behind": lambda x: keras.layers.Activation("softmax")(
        dense(3)(pooled(x))
    ),
    "cast behind": lambda x: keras.layers.Activation("linear")(
        dense(3, "softmax")(pooled(x))
    ),
    "dropout": lambda x: dense(3)(keras.layers.Dropout(0.5)(pooled(x))),
    "kept dimensions": lambda x: dense(3)(
        keras.layers.Flatten()(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    ),
    "pooled by a layer's layer": lambda x: dense(3, "softmax")(Own()(x)),
    "nested": wrapped,
}


def literal(features, weights):
    """Return Grad-CAM as the paper writes it, for a linear classifier on means."""
    batch, height, width, channels = features.shape
    out = np.zeros((batch, height, width))
    for i in range(batch):
        for k in range(channels):
            # A classifier on means has the same gradient in every pixel of a channel.
            gradient = np.full((height, width), weights[i, k] / (height * width))
            out[i] += gradient.mean() * features[i, :, :, k]
    return np.maximum(out, 0)


def kernel_of(model):
    kernels = [w for w in model.weights if w.path.endswith("classifier/kernel")]
    return keras.ops.convert_to_numpy(kernels[0])


@pytest.mark.parametrize("head", LINEAR)
def test_it_is_the_literal_definition(head):
    keras.utils.set_random_seed(0)
    model, maps = with_head(LINEAR[head])
    images = np.random.default_rng(0).uniform(-1, 1, (4, 12, 12, 3)).astype("float32")
    classes = np.array([0, 2, 1, 2])
    features = keras.ops.convert_to_numpy(maps(images))
    expected = literal(features, kernel_of(model)[:, classes].T)
    before = model.predict(images, verbose=0)
    found = grad_cam(model, images, classes)
    assert found.dtype == np.float32
    assert expected.max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)


def test_a_certain_model_has_a_map_all_the_same():
    """Through the softmax the gradient of a probability of 1 would be 0."""
    model, maps = with_head(LINEAR["softmax inside"])
    kernel = kernel_of(model) * 1e4
    model.get_layer("classifier").kernel.assign(kernel)
    images = np.ones((1, 12, 12, 3), "float32")
    label = model.predict(images, verbose=0).argmax(-1)
    assert model.predict(images, verbose=0).max() == 1.0
    features = keras.ops.convert_to_numpy(maps(images))
    np.testing.assert_allclose(
        grad_cam(model, images, label), literal(features, kernel[:, label].T), rtol=1e-4
    )


def test_of_one_sigmoid_unit_each_class_has_its_sign():
    keras.utils.set_random_seed(1)
    model, maps = with_head(lambda x: dense(1, "sigmoid")(pooled(x)))
    images = np.random.default_rng(1).uniform(-1, 1, (2, 12, 12, 3)).astype("float32")
    features = keras.ops.convert_to_numpy(maps(images))
    signs = np.array([[-1.0], [1.0]])
    expected = literal(features, signs * kernel_of(model).T)
    found = grad_cam(model, images, np.array([0, 1]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_of_a_pool_called_twice_the_last_map_counts():
    keras.utils.set_random_seed(2)
    pool = keras.layers.GlobalAveragePooling2D()
    images = keras.Input((12, 12, 3))
    early = body(images, 3, "early")
    gate = keras.layers.Reshape((1, 1, 3))(pool(early))
    late = keras.layers.Conv2D(5, 1, name="late")(
        keras.layers.Multiply()([early, gate])
    )
    model = keras.Model(images, dense(3, "softmax")(pool(late)))
    batch = np.random.default_rng(2).uniform(-1, 1, (2, 12, 12, 3)).astype("float32")
    features = keras.ops.convert_to_numpy(keras.Model(images, late)(batch))
    expected = literal(features, kernel_of(model)[:, [1, 2]].T)
    np.testing.assert_allclose(
        grad_cam(model, batch, [1, 2]), expected, rtol=1e-4, atol=1e-7
    )


NETWORKS = {
    "convnet": lambda: models.convnet((64, 64, 3), 2, width=8),
    "convnet, any size": lambda: models.convnet((None, None, 3), 2, width=8),
    "resnet": lambda: models.resnet((64, 64, 3), 2, depth=8),
    "group": lambda: models.convnet((64, 64, 3), 2, width=8, norm="group"),
    "res2net": lambda: models.res2net((64, 64, 3), 2, depth=50),
    "nf_resnet": lambda: models.nf_resnet((64, 64, 3), 2, depth=50),
    "efficientnet_lite": lambda: models.efficientnet_lite((64, 64, 3), 2),
    "keras:MobileNetV3Small": lambda: models.backbone(
        "keras:MobileNetV3Small", (64, 64, 3), 2
    ),
    "keras:VGG16": lambda: models.backbone("keras:VGG16", (64, 64, 3), 2),
}
LARGE = ("res2net", "nf_resnet", "efficientnet_lite", "keras:MobileNetV3Small")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if name in LARGE else ())
        for name in NETWORKS
    ],
)
def test_every_kind_of_network_has_a_map(name):
    """It is that of the classifier on the means of what `pool` is given."""
    keras.utils.set_random_seed(4)
    model = NETWORKS[name]()
    images = np.random.default_rng(4).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    maps = keras.Model(model.input, model.get_layer("pool").input)
    features = keras.ops.convert_to_numpy(maps(images, training=False))
    classifier = model.get_layer("classifier")
    # So that something speaks for each class, for every seed.
    classifier.kernel.assign(keras.ops.abs(classifier.kernel))
    kernel = keras.ops.convert_to_numpy(classifier.kernel)
    expected = literal(features, kernel[:, [1, 0]].T)
    found = grad_cam(model, images, np.array([1, 0]))
    assert found.shape == features.shape[:3]
    assert expected.max() > 0
    scale = np.abs(features).max() * np.abs(kernel).max()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * scale)


def spots(count, generator):
    """Draw bright squares (class 1) or crosses (class 0) on noise, and where."""
    images = generator.uniform(0, 90, (count, 32, 32, 3))
    labels = generator.integers(0, 2, count)
    corners = generator.integers(1, 22, (count, 2))
    for image, label, (top, left) in zip(images, labels, corners, strict=True):
        spot = image[top : top + 9, left : left + 9]
        if label:
            spot[:] = 250
        else:
            spot[4] = 250
            spot[:, 4] = 250
    return images.astype("float32"), labels, corners


@pytest.mark.thorough
def test_it_finds_planted_spots():
    keras.utils.set_random_seed(5)
    generator = np.random.default_rng(5)
    images, labels, _ = spots(512, generator)
    model = models.convnet((32, 32, 3), 2, width=8, depths=(1, 1))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=8, verbose=0)
    images, labels, corners = spots(64, generator)
    predicted = model.predict(images, verbose=0).argmax(-1)
    assert (predicted == labels).mean() > 0.95
    maps = grad_cam(model, images, labels)
    step = 32 / maps.shape[1]
    near = []
    for heat, corner in zip(maps, corners, strict=True):
        peak = np.array(np.unravel_index(heat.argmax(), heat.shape))
        center = (peak + 0.5) * step
        near.append((np.abs(center - (corner + 4.5)) <= 4.5 + step).all())
    # By chance one peak in six would lie so near.
    assert np.mean(near) > 0.9


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), "pools"),
        (
            lambda: keras.Sequential(
                [keras.Input((12, 12, 3)), keras.layers.Conv2D(2, 3)]
            ),
            "one output",
        ),
    ],
)
def test_what_is_no_classifier_of_images_is_refused(build, word):
    model = build()
    images = np.zeros((1, *model.input_shape[1:]), "float32")
    with pytest.raises(ValueError, match=word):
        grad_cam(model, images, [0])
