"""Classifiers in the shape of KerasHub's tasks go through the library's functions.

KerasHub itself is no dependency: these are functional models by their constructor, as
its `ImageClassifier` is, that hold a backbone of the same kind and prepare images in
`fit`.
"""

import keras
import numpy as np
import pytest

from kerasnorm import doctor, surgery

pytestmark = pytest.mark.thorough


@keras.saving.register_keras_serializable("task_models")
class Backbone(keras.Model):
    """Convolutions with batch norms, made by the constructor."""

    def __init__(self, width=8, **kwargs):
        images = x = keras.Input((None, None, 3))
        for number in range(2):
            x = keras.layers.Conv2D(width, 3, 2, name=f"conv{number}")(x)
            x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
            x = keras.layers.ReLU()(x)
        super().__init__(images, x, **kwargs)
        self.width = width

    def get_config(self):
        """Return what the constructor takes."""
        return {"width": self.width, "name": self.name}


@keras.saving.register_keras_serializable("task_models")
class Classifier(keras.Model):
    """A backbone, pooling and a classifier; `fit` prepares what it is given."""

    def __init__(self, backbone, num_classes, preprocessor=None, **kwargs):
        x = backbone(backbone.input)
        x = keras.layers.GlobalAveragePooling2D(name="pooler")(x)
        dense = keras.layers.Dense(num_classes, "softmax", name="predictions")
        super().__init__(backbone.input, dense(x), **kwargs)
        self.backbone, self.preprocessor = backbone, preprocessor
        self.num_classes = num_classes

    def fit(self, x=None, y=None, **kwargs):
        """Prepare images outside of the graph, then train."""
        return super().fit(self.preprocessor(x), y, **kwargs)

    def get_config(self):
        """Return what the constructor takes."""
        layers = {"backbone": self.backbone, "preprocessor": self.preprocessor}
        return {
            **{
                key: keras.saving.serialize_keras_object(v) for key, v in layers.items()
            },
            "num_classes": self.num_classes,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Return the model of a configuration."""
        for key in ("backbone", "preprocessor"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)


@pytest.fixture(scope="module")
def trained():
    """A classifier after a few steps, and prepared batches of both splits."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 256)
    images = (
        generator.uniform(0, 100, (256, 16, 16, 3)) + 120 * labels[:, None, None, None]
    )
    model = Classifier(Backbone(), 2, keras.layers.Rescaling(1 / 255))
    model.compile(
        keras.optimizers.Adam(1e-2),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images.astype("float32"), labels, epochs=2, batch_size=32, verbose=0)
    prepared = (images / 255).astype("float32")
    batches = [
        (prepared[i : i + 32], labels[i : i + 32]) for i in range(0, len(labels), 32)
    ]
    return model, batches[:5], batches[5:]


def values(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_the_doctor_sees_its_norms(trained):
    model, train, validation = trained
    before = values(model)
    found = doctor.examine(model, train, validation, seconds=60.0)
    # 16 steps at a momentum of 0.99: the statistics are those of the start.
    assert found.verdict == "stale_statistics"
    assert all(map(np.array_equal, before, values(model)))


def test_its_norms_are_swapped(trained):
    model, train, _ = trained
    before = values(model)
    swapped, _ = surgery.swap_norm(model, "group")
    kinds = {type(site.layer).__name__ for site in surgery.find_norms(swapped)}
    assert kinds == {"GroupNorm"}
    out = keras.ops.convert_to_numpy(swapped(train[0][0]))
    assert out.shape == (32, 2)
    np.testing.assert_allclose(out.sum(-1), 1, rtol=1e-5)
    assert all(map(np.array_equal, before, values(model)))


def test_its_statistics_are_measured_anew(trained):
    given, train, _ = trained
    model = Classifier.from_config(given.get_config())
    model.set_weights(given.get_weights())
    surgery.recalibrate_batch_norm(model, train)
    first = model.backbone.get_layer("conv0")
    images = np.concatenate([x for x, _ in train])
    expected = keras.ops.convert_to_numpy(first(images)).mean((0, 1, 2))
    measured = keras.ops.convert_to_numpy(model.backbone.get_layer("norm0").moving_mean)
    np.testing.assert_allclose(measured, expected, rtol=1e-3, atol=1e-4)
    stale = keras.ops.convert_to_numpy(given.backbone.get_layer("norm0").moving_mean)
    assert np.abs(stale - expected).max() > 0.01
