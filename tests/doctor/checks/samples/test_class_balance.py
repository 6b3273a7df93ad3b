"""Outputs that favour classes: what a correction of the outputs alone proves."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.checks.samples.class_balance import (
    check_collapse,
    check_imbalance,
    check_label_drift,
    matching_biases,
)
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.loss_matrix.scores import Scores
from tests.doctor.checks.test_thresholds import measured
from tests.doctor.networks import batches, data, sharp_network


def softmax_network(x, slope=4.0):
    """Return a network without norms that answers two classes by the first feature."""
    model = keras.Sequential(
        [keras.Input(x.shape[1:]), keras.layers.Dense(2, "softmax", name="head")]
    )
    kernel = np.zeros((x.shape[1], 2), "float32")
    kernel[0] = -slope / 2, slope / 2
    model.get_layer("head").set_weights([kernel, np.zeros(2, "float32")])
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    return model


CHECKS = (check_collapse, check_imbalance, check_label_drift)
NETWORKS = {"norm_sigmoid": sharp_network, "softmax": softmax_network}


def with_bias(model, bias):
    head = model.get_layer("head")
    kernel, biases = head.get_weights()
    biases[-1] += bias
    head.set_weights([kernel, biases])
    return model


BLUR = 0.6


def best_network(network, train, blur=BLUR):
    """Return the network that answers `noisy` inputs as well as they allow."""
    x, y = train
    has_norm = network == "norm_sigmoid"
    mean, std = (x[:, 0].mean(), x[:, 0].std()) if has_norm else (0.0, 1.0)
    model = NETWORKS[network](x, slope=std / blur**2)
    return with_bias(model, np.log(y.mean() / (1 - y.mean())) + mean / blur**2)


def noisy(fraction, seed, samples=1024, blur=BLUR):
    """Return classes in other fractions whose inputs overlap."""
    generator = np.random.default_rng(seed)
    y = (generator.random(samples) < fraction).astype("float32")
    x = generator.normal(0, blur, (samples, 2)).astype("float32")
    x[:, 0] += y - 0.5
    return x, y


def findings(model, train, validation):
    """Judge the outputs of a network, as `examine` does, without its other probes."""
    scores = {}
    for cell, (x, y) in (("B", train), ("D", validation)):
        outputs = np.asarray(model(x), "float64")
        p = (
            np.concatenate([1 - outputs, outputs], 1)
            if len(outputs[0]) == 1
            else outputs
        )
        scores[cell] = Scores(y.astype(int), np.log(np.clip(p, 1e-7, 1 - 1e-7)))
    losses = {cell: found.loss for cell, found in scores.items()}
    means = {cell: float(loss.mean()) for cell, loss in losses.items()}
    m = dataclasses.replace(measured(means, scores=scores), matrix=LossMatrix(losses))
    judged = (check(m) for check in CHECKS)
    return {finding.code: finding for finding in judged if finding}


def found(model, train, validation, code):
    return findings(model, train, validation)[code]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_collapse_is_an_error_where_biases_bring_the_classes_back(network):
    train, validation = data(), data(seed=1)
    model = with_bias(NETWORKS[network](train[0]), 12.0)
    finding = found(model, train, validation, "class_collapse")
    assert finding.severity == "error"
    assert finding.evidence["validation_accuracy"] < 0.6
    assert finding.evidence["validation_accuracy_corrected"] > 0.9


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_knows_nothing_is_collapsed_for_information(network):
    train, validation = data(), data(seed=1)
    model = with_bias(NETWORKS[network](train[0], slope=0.0), 1.0)
    finding = found(model, train, validation, "class_collapse")
    assert finding.severity == "info"


@pytest.mark.parametrize("network", NETWORKS)
def test_answers_of_unequal_classes_are_no_collapse(network):
    """96% of the answers are one class, as are the samples: a rule of answers errs."""
    train, validation = noisy(0.96, 0, blur=0.1), noisy(0.96, 1, blur=0.1)
    model = best_network(network, train, blur=0.1)
    codes = findings(model, train, validation)
    assert not codes.keys() & {"class_collapse", "class_imbalance", "label_drift"}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_rare_class_that_is_known_but_never_named_is_found(network):
    train, validation = noisy(0.1, 0), noisy(0.1, 1)
    model = best_network(network, train)
    finding = found(model, train, validation, "class_imbalance")
    assert finding.severity == "warning"
    before, after = (finding.evidence[f"recalls{end}"] for end in ("", "_corrected"))
    assert after[1] > before[1] + 0.3


@pytest.mark.parametrize("network", NETWORKS)
def test_other_class_fractions_are_a_warning_where_they_cost(network):
    train, validation = noisy(0.5, 0), noisy(0.1, 1)
    unaware = best_network(network, train)
    finding = found(unaware, train, validation, "label_drift")
    assert finding.severity == "warning"
    evidence = finding.evidence
    gain = evidence["validation_accuracy_corrected"] - evidence["validation_accuracy"]
    assert gain > 0.05


@pytest.mark.parametrize("network", NETWORKS)
def test_other_class_fractions_that_cost_nothing_are_information(network):
    train, validation = noisy(0.5, 0, blur=0.1), noisy(0.1, 1, blur=0.1)
    model = best_network(network, train, blur=0.1)
    assert found(model, train, validation, "label_drift").severity == "info"


def test_biases_make_the_mean_output_the_fractions():
    log_p = np.log(np.random.default_rng(0).dirichlet([5, 1, 1], 500))
    fractions = np.array([0.2, 0.5, 0.3])
    scores = np.exp(log_p + matching_biases(log_p, fractions))
    mean = (scores / scores.sum(axis=1, keepdims=True)).mean(axis=0)
    assert mean == pytest.approx(fractions, abs=1e-3)


@pytest.mark.thorough
def test_an_examination_finds_a_collapse():
    train, validation = data(), data(seed=1)
    model = with_bias(sharp_network(train[0]), 8.0)
    examination = examine(model, batches(*train), batches(*validation))
    assert examination.verdict == "class_collapse"
