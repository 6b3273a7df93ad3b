import math

import keras
import numpy as np
import pytest

from kerasnorm.data import DecodedImages
from kerasnorm.training.report.evaluation import Evaluation, evaluate

LABELS = np.array([0, 1, 2, 1])
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.0, 0.9], [0.01, 0.04, 0.95]]
)
RESULT = Evaluation(LABELS, PROBABILITIES)


def test_the_loss_is_keras_own():
    expected = keras.losses.CategoricalCrossentropy()(np.eye(3)[LABELS], PROBABILITIES)
    assert RESULT.loss == pytest.approx(float(expected), rel=1e-6)


def test_accuracy_and_confusion_count_the_same_hits():
    assert RESULT.accuracy == 0.5
    np.testing.assert_array_equal(RESULT.confusion, [[1, 0, 0], [1, 0, 1], [0, 0, 1]])


def test_the_most_confident_mistake_comes_first():
    assert RESULT.worst(5) == [3, 1]
    assert RESULT.worst(1) == [3]


def test_nan_stays_nan():
    probabilities = np.where(LABELS[:, None] == 1, np.nan, PROBABILITIES)
    assert math.isnan(Evaluation(LABELS, probabilities).loss)


def test_a_zero_probability_gives_a_finite_loss():
    result = Evaluation(np.array([0]), np.array([[0.0, 1.0]]))
    assert result.loss == pytest.approx(-math.log(1e-7))


def test_mirror_images_are_averaged_when_asked_for(capsys):
    pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), np.uint8)
    decoded = DecodedImages(images, np.array([0, 1, 1, 0, 1]), ("",) * 5, ("a", "b"))
    model = keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )

    def opinion(batch):
        return keras.ops.convert_to_numpy(model(batch.astype("float32")))

    plain = evaluate(model, decoded, batch_size=2).probabilities
    averaged = evaluate(model, decoded, batch_size=2, mirrored=True).probabilities
    expected = (opinion(images) + opinion(images[:, :, ::-1])) / 2
    np.testing.assert_allclose(plain, opinion(images), atol=1e-6)
    np.testing.assert_allclose(averaged, expected, atol=1e-6)
    assert np.abs(averaged - plain).max() > 0.01
    assert capsys.readouterr().out == ""


def test_the_surest_come_first_and_classes_in_turn():
    labels = np.array([0, 0, 0, 1, 1, 2])
    sure = np.array([0.5, 0.9, 0.8, 0.7, 0.4, 0.9])
    probabilities = np.full((6, 3), 0.05)
    probabilities[np.arange(6), labels] = sure
    probabilities[5] = [0.9, 0.05, 0.05]
    result = Evaluation(labels, probabilities)
    assert result.surest(9) == [1, 3, 2, 4, 0]
    assert result.surest(2) == [1, 3]
    assert Evaluation(labels[5:], probabilities[5:]).surest(3) == []
