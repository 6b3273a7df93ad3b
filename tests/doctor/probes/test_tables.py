"""Inputs that are tables of features: their preparation, and splits that differ."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.probes.inputs.input_map import feature_maps, is_table
from kerasnorm.doctor.probes.inputs.split_separation import measure_separation
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches

L = keras.layers
FEATURES = 8


def table(samples, seed):
    """Return features of many sizes, and classes that their sum decides."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, FEATURES))
    y = (x[:, :3].sum(axis=1) + 0.3 * generator.normal(size=samples) > 0).astype(int)
    sizes = np.random.default_rng(9)
    scale = np.exp(1.5 * sizes.normal(size=FEATURES))
    return (x * scale + 3 * sizes.normal(size=FEATURES)).astype("float32"), y


def trained(norm, x, y, *, first=False, momentum=0.9):
    keras.utils.set_random_seed(0)
    norms = [L.BatchNormalization(momentum=momentum)] if norm else []
    hidden = L.Dense(24)
    layers = [*norms, hidden] if first else [hidden, *norms]
    model = keras.Sequential(
        [keras.Input((FEATURES,)), *layers, L.ReLU(), L.Dense(2, activation="softmax")]
    )
    model.compile(
        keras.optimizers.Adam(1e-2),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=32, epochs=5, verbose=0)
    return model


def standardized(x):
    reference = table(768, 0)[0]
    return (x - reference.mean(axis=0)) / reference.std(axis=0)


@pytest.mark.thorough
@pytest.mark.parametrize("norm", [True, False], ids=["batch norm", "no norm"])
def test_features_that_were_standardized_in_training_only_are_told(norm):
    (x, y), (validation, labels) = table(768, 0), table(256, 1)
    model = trained(norm, standardized(x), y)
    wrong = examine(model, batches(x, y), batches(validation, labels))
    assert wrong.verdict == "input_mismatch"
    assert wrong.findings[0].evidence["preparation"] == "standardized"
    right = [
        batches(standardized(part), of) for part, of in ((x, y), (validation, labels))
    ]
    assert "input_mismatch" not in {f.code for f in examine(model, *right).findings}


@pytest.mark.thorough
def test_gray_images_without_channels_are_told_from_scaled_ones():
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 180, (768, 12, 12)), np.arange(768) % 2
    for image, label in zip(x, y, strict=True):
        image[:, 6 * label : 6 * label + 6] += generator.integers(10, 75)
    keras.utils.set_random_seed(0)
    body = [L.Flatten(), L.Dense(24), L.BatchNormalization(momentum=0.9)]
    head = [L.ReLU(), L.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((12, 12)), *body, *head])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    whole = x.astype("float32")
    prepared = whole / 255
    model.fit(prepared[:512], y[:512], batch_size=32, epochs=5, verbose=0)
    found = examine(model, batches(whole[:512], y[:512]), batches(whole[512:], y[512:]))
    assert found.verdict == "input_mismatch"
    assert found.findings[0].evidence["preparation"] == "0..1"
    right = batches(prepared[:512], y[:512]), batches(prepared[512:], y[512:])
    assert "input_mismatch" not in {f.code for f in examine(model, *right).findings}


@pytest.mark.thorough
def test_stale_statistics_of_features_are_not_taken_for_their_preparation():
    # At mean 0 and variance 1, where they began, standardized features would fit.
    (x, y), (validation, labels) = table(768, 0), table(256, 1)
    model = trained(True, x, y, first=True, momentum=0.99)
    found = examine(model, batches(x, y), batches(validation, labels))
    codes = {finding.code for finding in found.findings}
    assert "stale_statistics" in codes and "input_mismatch" not in codes


@pytest.mark.parametrize(
    ("shape", "kind", "expected"),
    [
        ((4, 8), "float32", True),
        ((4, 6, 8), "float32", True),
        ((4, 8), "int64", False),
        ((4, 28, 28), "uint8", True),
        ((4, 784), "float32", True),
        ((4, 1), "float32", False),
        ((4, 8, 8, 3), "float32", False),
        ((4, 5000), "float32", False),
    ],
)
def test_tables_are_features_of_samples_or_of_their_steps(shape, kind, expected):
    assert is_table(np.zeros(shape, kind)) is expected


def test_usual_preparations_of_features_are_made_one_by_one():
    x = table(256, 0)[0]
    x[:, 1] = 7
    maps = {images.preparation: images.apply(x) for images in feature_maps(x)}
    varied = np.arange(FEATURES) != 1
    found = maps["standardized"][:, varied]
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-4)
    for name, low in (("scaled to 0..1", 0), ("scaled to -1..1", -1)):
        found = maps[name][:, varied]
        np.testing.assert_allclose(found.min(axis=0), low, atol=1e-4)
        np.testing.assert_allclose(found.max(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize("shape", [(48, 28, 28), (48, 784)], ids=["rows", "flat"])
@pytest.mark.parametrize(
    ("scale", "offset"), [(1.0, 0.0), (1 / 255, 0.0), (1 / 127.5, -1.0)]
)
def test_gray_images_without_channels_get_the_preparations_of_images(
    shape, scale, offset
):
    x = np.random.default_rng(0).integers(0, 256, shape)
    given = (x * scale + offset).astype("float32")
    maps = {images.preparation: images.apply(given) for images in feature_maps(given)}
    assert list(maps)[:3] == ["0..255", "0..1", "-1..1"]
    np.testing.assert_allclose(maps["0..255"], x, atol=1e-2)
    np.testing.assert_allclose(maps["0..1"], x / 255, atol=1e-4)
    np.testing.assert_allclose(maps["-1..1"], x / 127.5 - 1, atol=1e-4)


def test_features_that_spread_wider_are_told_apart():
    x, validation = np.random.default_rng(0).normal(size=(2, 400, FEATURES))
    splits = [sample_batches((part, np.zeros(400))) for part in (x, 2 * validation)]
    assert measure_separation(*splits).low > 0.8
    splits = [sample_batches((part, np.zeros(400))) for part in (x, validation)]
    assert measure_separation(*splits).low < 0.55
