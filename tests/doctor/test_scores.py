"""Scores against scikit-learn and plain NumPy; what the judging loss is."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor.forward.statistics import Pass
from kerasnorm.doctor.loss_matrix.scores import loss_to_judge_by, score
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.samples import Samples

# The environment of the other backends has no scikit-learn.
metrics = pytest.importorskip("sklearn.metrics")


def outputs_of(seed=0, count=400, classes=3, sharpness=2.0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(count, classes)) * sharpness
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([generator.choice(classes, p=row) for row in p])
    return logits.astype("float32"), p.astype("float32"), labels


def samples_of(y):
    return Samples(None, y, None, (len(y),))


@pytest.mark.parametrize("form", ["sparse", "one hot", "smoothed"])
@pytest.mark.parametrize("from_logits", [False, True])
def test_scores_agree_with_scikit_learn(form, from_logits):
    logits, p, labels = outputs_of()
    y = {
        "sparse": labels,
        "one hot": np.eye(3, dtype="float32")[labels],
        "smoothed": np.eye(3, dtype="float32")[labels] * 0.9 + 0.1 / 3,
    }[form]
    scores = score(samples_of(y), logits if from_logits else p, from_logits)
    assert scores.accuracy == metrics.accuracy_score(labels, p.argmax(axis=1))
    assert scores.loss.mean() == pytest.approx(metrics.log_loss(labels, p), rel=1e-5)


def test_confidence_and_guessing_are_plain_means():
    _, p, labels = outputs_of()
    scores = score(samples_of(labels), p, False)
    assert scores.confidence == pytest.approx(p.max(axis=1).mean(), rel=1e-5)
    assert scores.guessing == np.bincount(labels).max() / len(labels)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_column_is_the_second_of_two_classes(shape):
    _, p, labels = outputs_of(classes=2)
    scores = score(samples_of(labels.reshape(shape)), p[:, 1:], False)
    assert scores.accuracy == metrics.accuracy_score(labels, p.argmax(axis=1))
    assert scores.loss.mean() == pytest.approx(metrics.log_loss(labels, p), rel=1e-5)


def test_calibration_takes_overconfidence_away():
    logits, p, labels = outputs_of(count=4000)
    honest = score(samples_of(labels), p, False)
    sure = score(samples_of(labels), 8 * logits, True)
    assert sure.loss.mean() > 2 * honest.loss.mean()
    assert sure.calibrated_loss.mean() == pytest.approx(honest.loss.mean(), rel=0.02)
    assert sure.skill[0] == pytest.approx(
        1 - honest.loss.mean() / sure.prior_entropy, abs=0.02
    )


def test_outputs_that_know_nothing_have_no_skill():
    _, p, _ = outputs_of(count=1000)
    labels = np.random.default_rng(5).integers(0, 3, 1000)
    low, high = score(samples_of(labels), p, False).skill[1:]
    assert low < 0.02 and high < 0.1


@pytest.mark.parametrize(
    ("outputs", "y"),
    [
        (np.full((8, 3), np.nan, "float32"), np.zeros(8, int)),
        (np.full((8, 3), 1 / 3, "float32"), np.full(8, 3)),
        (np.full((8, 1), 7.0, "float32"), np.zeros(8, int)),
        (np.full((8, 4, 3), 1 / 3, "float32"), np.zeros(8, int)),
        (np.full((8, 1), 0.5, "float32"), np.linspace(0, 1, 8)),
        ({"a": np.zeros((8, 1))}, np.zeros(8, int)),
    ],
)
def test_what_is_no_classification_has_no_scores(outputs, y):
    assert score(samples_of(y), outputs, False) is None


def model(loss):
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    made.compile("sgd", loss)
    return made


@pytest.mark.parametrize(
    ("loss", "is_hard"),
    [
        (keras.losses.CategoricalCrossentropy(), False),
        (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), True),
        (keras.losses.CategoricalFocalCrossentropy(), True),
        (keras.losses.MeanSquaredError(), True),
    ],
)
def test_other_losses_are_judged_with_hard_labels(loss, is_hard):
    _, p, labels = outputs_of()
    y = np.eye(3, dtype="float32")[labels]
    samples = Samples(np.zeros((len(p), 2), "float32"), y, None, (len(p),))
    compiled = resolve_loss(model(loss), samples)
    judged = loss_to_judge_by(compiled, samples, Pass(p, compiled.of(y, p)))
    assert (judged is not compiled) is is_hard
    assert judged.of(y, p, None).mean() == pytest.approx(
        metrics.log_loss(labels, p), rel=1e-4
    )


def test_class_weights_do_not_change_the_judging_loss():
    _, p, labels = outputs_of()
    x, weights = np.zeros((400, 2), "float32"), np.full(400, 3.0, "float32")
    weighted = Samples(x, labels, weights, (400,))
    compiled = resolve_loss(model("sparse_categorical_crossentropy"), weighted)
    judged = loss_to_judge_by(
        compiled, weighted, Pass(p, compiled.of(labels, p, weights))
    )
    assert judged.of(labels, p, weighted.weights).mean() == pytest.approx(
        metrics.log_loss(labels, p), rel=1e-4
    )
