import sys

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, prove, treatments
from kerasnorm.doctor.command import diagnose_model, exit_status
from kerasnorm.doctor.forward.statistics import batch_norms
from tests.doctor.networks import batches, data, set_statistics, sharp_network


@pytest.fixture
def stale():
    train, validation = data(), data(seed=1)
    model = sharp_network(train[0])
    set_statistics(model.get_layer("norm"), [1.2, 0.0], [4.0, 1.0])
    return model, batches(*train), batches(*validation)


def test_stale_statistics_are_mended_on_a_copy(stale):
    model, train, validation = stale
    proof = prove(model, train, validation)
    assert proof.after.verdict == "healthy" and proof.gain > 0.05


def test_the_given_model_stays_as_it_is(stale):
    model, train, validation = stale
    before = [weight.tobytes() for weight in model.get_weights()]
    prove(model, train, validation)
    assert [weight.tobytes() for weight in model.get_weights()] == before


@pytest.mark.parametrize("plant", ["scaled", "exchanged"])
def test_mended_validation_data_close_the_gap(plant):
    (train_x, train_y), (x, y) = data(), data(seed=1)
    train = (train_x + 3, train_y)
    validation = ((x + 3) * 255, y) if plant == "scaled" else (x + 3, 1 - y)
    model = sharp_network(train[0])
    proof = prove(model, batches(*train), batches(*validation))
    assert proof.after.verdict == "healthy"


def test_a_repaired_model_is_saved_beside(stale, tmp_path):
    model, train, validation = stale
    path = tmp_path / "model.keras"
    model.save(path)
    original = path.read_bytes()
    result = diagnose_model(
        model, train, validation, prove_remedy=True, save_beside=path
    )
    repaired = keras.models.load_model(result.repaired)
    assert path.read_bytes() == original and np.allclose(
        repaired.get_layer("norm").moving_variance, data()[0].var(axis=0), rtol=1e-4
    )


@pytest.mark.parametrize("samples", [48, 96])
def test_the_proof_keeps_the_limit_of_samples(stale, samples):
    found = diagnose_model(*stale, prove_remedy=True, samples=samples, seconds=30.0)
    for examination in (found.proof.before, found.proof.after):
        for split in ("training", "validation"):
            words = examination.subject[f"{split} samples"]
            assert words == f"{2 * samples} measured"


def test_the_proof_keeps_the_limit_of_time(stale, monkeypatch):
    begun = []

    def noted(*args, seconds, **options):
        begun.append(seconds)
        return examine(*args, seconds=seconds, **options)

    monkeypatch.setattr(sys.modules[prove.__module__], "examine", noted)
    diagnose_model(*stale, prove_remedy=True, seconds=7.0)
    assert begun == [7.0]


def test_the_proof_keeps_the_loss(stale):
    mean_squared = keras.losses.MeanSquaredError()
    found = diagnose_model(*stale, prove_remedy=True, loss=mean_squared)
    x, y = data(seed=1)
    repaired = found.proof.model.predict(x, verbose=0)[:, 0]
    expected = np.mean((repaired - y) ** 2)
    assert found.proof.after.losses["D"] == pytest.approx(expected, rel=1e-4)
    trial = found.proof.trials[0]
    assert trial.after["validation_loss"] == pytest.approx(expected, rel=1e-4)


def test_a_healthy_model_needs_no_remedy():
    train, validation = data(), data(seed=1)
    proof = prove(sharp_network(train[0]), batches(*train), batches(*validation))
    assert proof.after is None and proof.gain == 0


def test_the_exit_status_follows_the_severity(stale):
    examination = diagnose_model(*stale).examination
    assert exit_status(examination, "error") == 3


def test_a_healthy_examination_exits_with_zero():
    train, validation = data(), data(seed=1)
    examination = diagnose_model(sharp_network(train[0]), train, validation).examination
    assert exit_status(examination, "info") == 0


def test_an_unknown_severity_is_refused(stale):
    with pytest.raises(ValueError, match="one of info, warning, error"):
        exit_status(diagnose_model(*stale).examination, "fatal")


@pytest.mark.slow
def test_small_batches_are_answered_by_swapped_norms(monkeypatch):
    monkeypatch.setattr(treatments, "STEPS", 8)
    x, y = data(64)
    model = sharp_network(x)
    before = [weight.tobytes() for weight in model.get_weights()]
    proof = prove(model, batches(x, y, 2), batches(*data(64, seed=1)))
    assert proof.code == "small_batch" and "group" in proof.remedy
    assert not batch_norms(proof.model)
    assert [weight.tobytes() for weight in model.get_weights()] == before


@pytest.mark.thorough
def test_ordered_batches_are_answered_by_shuffling(monkeypatch):
    monkeypatch.setattr(treatments, "STEPS", 8)
    x, y = data()
    order = np.argsort(y)
    model = sharp_network(x)
    proof = prove(model, batches(x[order], y[order]), batches(*data(seed=1)))
    assert proof.code == "ordered_batches" and "shuffled" in proof.remedy
    assert proof.after.verdict != "ordered_batches"


class Subclassed(keras.Model):
    """A model that Keras cannot copy."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, inputs, training=None):
        return self.inner(inputs, training=training)


def test_what_cannot_be_copied_is_said(stale):
    model, train, validation = stale
    model = Subclassed(model)
    model.compile("sgd", "binary_crossentropy", jit_compile=False)
    proof = prove(model, train, validation)
    assert proof.code == "stale_statistics" and proof.after is None
    assert proof.remedy == "nothing to try: Keras cannot copy a Subclassed"


def test_labels_that_do_not_fit_leave_nothing_to_try(stale):
    model, train, validation = stale
    found = diagnose_model(
        model, [(x, y + 7) for x, y in train], validation, prove_remedy=True
    )
    assert found.examination.verdict == "label_mismatch" and found.proof.after is None
    assert "nothing to try" in found.to_text()


def test_a_proof_without_labels_has_no_gain_in_numbers(stale):
    model, train, validation = stale
    model.get_layer("norm").moving_variance.assign([-1.0, 1.0])
    bare = [[x for x, _ in split] for split in (train, validation)]
    found = diagnose_model(model, *bare, prove_remedy=True)
    assert found.proof.after.verdict == "healthy"
    assert (
        found.to_dict()["proof"]["gain"] is None and "not a number" in found.to_text()
    )


def test_small_batches_cannot_be_cured_without_a_loss():
    x, y = data(64)
    model = sharp_network(x)
    model = keras.Model(model.inputs, model.outputs)
    proof = prove(model, batches(x, y, 2), batches(*data(64, seed=1)))
    assert proof.code == "small_batch" and "without a compiled loss" in proof.remedy


def test_the_remedy_of_every_finding_is_tried_alone(stale):
    model, train, validation = stale
    exchanged = [(x, 1 - y) for x, y in validation]
    proof = prove(model, train, exchanged)
    trials = {trial.code: trial for trial in proof.trials}
    assert set(trials) == {
        finding.code for finding in proof.before.findings if finding.severity != "info"
    }
    assert {"stale_statistics", "label_mismatch"} <= set(trials)
    repaired = trials["stale_statistics"]
    x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert repaired.before["training_loss"] == pytest.approx(loss, rel=1e-4)
    assert repaired.before["training_accuracy"] == pytest.approx(accuracy)
    assert repaired.after["training_loss"] < loss - 0.02
    back = trials["label_mismatch"]
    assert back.after["training_accuracy"] == back.before["training_accuracy"]
    assert back.after["validation_accuracy"] == pytest.approx(
        1 - back.before["validation_accuracy"]
    )
