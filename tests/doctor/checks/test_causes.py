"""Causes that need a real training to plant, judged from what one would measure."""

import dataclasses

import numpy as np
import pytest

from kerasnorm.doctor.checks import (
    batches,
    data,
    labels,
    learned,
    noise,
    statistics,
    training,
)
from kerasnorm.doctor.diagnose import diagnose
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.probes.inputs.inputs import MapTrial
from kerasnorm.doctor.probes.inputs.split_separation import SplitSeparation
from kerasnorm.doctor.probes.labels.labels import ClassPermutation, LabelOrder
from kerasnorm.doctor.probes.labels.noise_estimate import LabelNoiseEstimate, Suspect
from kerasnorm.doctor.probes.labels.noise_plateau import Plateau
from kerasnorm.doctor.probes.labels.noise_tests import Excess
from kerasnorm.doctor.probes.leakage import Overlap
from kerasnorm.doctor.probes.moving_statistics import NormState
from kerasnorm.doctor.probes.optimizer import OptimizerState
from kerasnorm.doctor.probes.precision import Precision
from kerasnorm.doctor.probes.rates.rate_trial import RateTrial
from kerasnorm.doctor.probes.structure import Structure
from tests.doctor.checks.test_thresholds import measured

SHIFTED = {"A": 0.3, "B": 0.3, "B'": 0.3, "D": 0.6, "D'": 0.6, "D''": 0.3}
WIRING = {"optimizer": OptimizerState(), "structure": Structure()}
STALE = {"B": 0.6, "B'": 0.3, "D": 0.8, "D'": 0.4}


def code(finding):
    return finding and finding.code


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        (SHIFTED, "train_augmentation_shift"),
        ({**SHIFTED, "D''": 0.55}, None),
        ({**SHIFTED, "D''": 0.45, "B'": 0.2}, None),
        ({cell: mean + 1.2 for cell, mean in SHIFTED.items()}, None),
    ],
    ids=["repaired", "not repaired", "validation is harder", "weights know nothing"],
)
def test_adapted_statistics_that_repair_speak_of_augmentation(means, expected):
    assert code(data.check_augmentation(measured(means))) == expected


@pytest.mark.parametrize(("saved", "is_found"), [(0.25, True), (0.1, False)])
def test_plain_training_images_decide_about_augmentation(saved, is_found):
    m = measured(SHIFTED, train_unaugmented=(saved, saved - 0.01, saved + 0.01))
    assert (data.check_augmentation(m) is not None) is is_found


@pytest.mark.parametrize(("low", "is_found"), [(0.9, True), (0.6, False)])
def test_another_distribution_is_told_apart(low, is_found):
    means = {**SHIFTED, "D'": 1.0, "D": 1.0, "D''": 0.7}
    m = measured(means, separation=SplitSeparation(low + 0.02, low))
    assert (code(data.check_domain(m)) == "domain_shift") is is_found


def trial(gain, on_training=0.0):
    return MapTrial("x / 255", "scaling", 1.0, gain, gain - 0.1, on_training)


@pytest.mark.parametrize(
    ("probes", "is_found"),
    [
        ({"maps": [trial(0.9)]}, True),
        ({"maps": [trial(0.4)]}, False),
        ({"maps": [trial(0.9, 0.5)]}, False),
        ({"maps": [trial(0.4)], "validation_as_train": (0.9, 0.8, 1.0)}, True),
        ({"maps": [trial(0.9)], "validation_as_train": (0.0, -0.1, 0.1)}, False),
    ],
    ids=["repairs", "a part", "helps training, too", "swap proves", "swap acquits"],
)
def test_a_map_must_close_most_of_the_gap(probes, is_found):
    means = {"B": 0.3, "B'": 0.3, "D": 1.3, "D'": 1.3}
    assert (data.check_mapping(measured(means, **probes)) is not None) is is_found


@pytest.mark.parametrize(
    ("exact", "inside", "severity"),
    [(0.1, 0.0, "error"), (0.4, 0.4, None), (0.01, 0.0, None), (1.0, 0.0, "error")],
)
def test_shared_samples_are_leakage_where_they_do_not_repeat_anyway(
    exact, inside, severity
):
    o = Overlap(exact, exact, 0.0, (100, 100), inside)
    found = data.check_overlap(measured({"B": 0.1}, overlap=o))
    assert (found and found.severity) == severity


def test_an_exchange_that_helps_training_as_well_is_no_difference():
    exchange = ClassPermutation((1, 0), 2.0, 0.9, 0.2, 0.2, 0.4, gain_on_training=1.0)
    assert labels.check_labels(measured({"B": 2.0}, permutation=exchange)) is None


@pytest.mark.parametrize(
    ("entropy", "p_value", "is_found"),
    [(0.3, 0.0025, True), (0.3, 0.05, False), (1.3, 0.0025, False)],
)
def test_order_needs_significance_and_effect(entropy, p_value, is_found):
    order = LabelOrder(entropy, 1.35, p_value, 10)
    found = labels.check_order(measured({"B": 0.1}, label_order=order))
    assert (found is not None) is is_found


def estimate(z=6.0, low=0.1, family=(4.0, 4.0), comparable=True, ratio=0.0, pool=3000):
    excess = Excess(0.2, low, 0.3, z, 0.08)
    plateau = Plateau(0.2, 0.1, 0.3, ratio, 0.1)
    return LabelNoiseEstimate(
        0.8, (2000, 1000), comparable, excess, family, plateau, pool
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, "label_noise"),
        ({"z": 3.0}, None),
        ({"low": 0.01}, None),
        ({"family": (4.0, 1.0)}, None),
        ({"comparable": False}, None),
        ({"z": 0.0, "ratio": 9.0}, "label_noise"),
        ({"comparable": False, "ratio": 9.0}, "label_noise"),
        ({"z": 0.0, "ratio": 9.0, "pool": 900}, None),
        ({"z": 0.0, "ratio": 5.0}, None),
    ],
    ids=[
        "proved",
        "chance",
        "immaterial",
        "one family alone",
        "other images",
        "both splits",
        "training alone",
        "few in the pool",
        "hard images",
    ],
)
def test_wrong_labels_need_all_parts_of_the_proof(seen, expected):
    m = measured({"B": 0.1, "D": 1.5}, label_noise=estimate(**seen))
    assert code(noise.check_noise(m)) == expected


def test_wrong_labels_are_not_proved_by_samples_labelled_in_another_way():
    exchange = ClassPermutation((1, 0), 2.0, 0.9, 0.2, 0.2, 0.4, gain_on_training=0.0)
    m = measured({"B": 2.0}, label_noise=estimate(), permutation=exchange)
    assert labels.check_labels(m)
    assert noise.check_noise(m) is None


@pytest.mark.parametrize(("loss", "effect"), [(1.5, 1.4), (0.05, 0.0)])
def test_wrong_labels_cost_what_new_samples_cost(loss, effect):
    m = measured({"B": 0.1, "A": 0.1, "D": loss, "C": loss}, label_noise=estimate())
    assert noise.check_noise(m).effect == pytest.approx(effect, abs=1e-3)


def test_wrong_labels_show_the_suspects_whose_images_are_known():
    image = np.zeros((2, 2, 3), "uint8")
    suspects = (
        Suspect(7, 0, 1, 0.9, "a.png", image),
        Suspect(3, 1, 0, 0.8, "b.png"),
        Suspect(5, 1, 0, 0.7),
    )
    known = dataclasses.replace(estimate(), suspects=suspects)
    found = noise.check_noise(measured({"B": 0.1, "D": 1.5}, label_noise=known))
    assert [shown for _, shown in found.images] == [image]
    assert found.images[0][0] == suspects[0].caption
    assert found.evidence["suspects"] == [7, 3, 5]
    assert found.evidence["suspect_files"] == ["a.png", "b.png"]


def test_wrong_labels_stand_beside_overfitting():
    m = measured({"B": 0.1, "D": 1.5}, label_noise=estimate())
    assert code(training.check_overfitting(m)) == "overfitting"
    suspected = measured({"B": 0.1, "D": 1.5}, label_noise=estimate(z=2.5))
    assert training.check_overfitting(suspected).alternatives == ("label_noise",)
    assert training.check_overfitting(m).alternatives == ()


@pytest.mark.parametrize(
    ("half", "full", "scale", "is_found"),
    [
        (0.5, 0.0, None, True),
        (0.0, 0.0, 0.25, True),
        (0.0, 0.0, 1024.0, False),
        (0.5, 0.5, None, False),
    ],
    ids=["overflow", "lost scale", "fine", "float32 as well"],
)
def test_overflow_counts_where_float32_has_none(half, full, scale, is_found):
    optimizer = OptimizerState(loss_scale=scale)
    m = measured({"B": 0.1}, precision=Precision(half, full, 0.0), optimizer=optimizer)
    assert (training.check_precision(m) is not None) is is_found


@pytest.mark.parametrize(
    ("last", "expected"), [(1, "single_sample_batch"), (7, "stale_statistics")]
)
def test_one_sample_left_over_is_named_where_statistics_are_stale(last, expected):
    m = measured(STALE, **WIRING, last_size=last)
    assert code(statistics.check_stale(m)) == expected


@pytest.mark.parametrize(
    ("shift", "low", "expected"),
    [
        (0.2, 0.1, "dropout_before_norm"),
        (0.1, 0.05, "stale_statistics"),
        (0.2, -0.1, "stale_statistics"),
    ],
)
def test_dropout_must_explain_half_of_what_is_stale(shift, low, expected):
    m = measured(STALE, **WIRING, dropout_shift={"dropout": (shift, low, 0.3)})
    assert code(statistics.check_stale(m)) == expected


@pytest.mark.parametrize(("equal", "others"), [(0.9, ()), (0.1, ("stale_statistics",))])
def test_averages_are_sure_where_most_weights_are_their_average(equal, others):
    state = OptimizerState(uses_ema=True, weights_are_average=equal)
    found = statistics.check_stale(measured(STALE, **{**WIRING, "optimizer": state}))
    assert (found.code, found.alternatives) == ("ema_statistics", others)


@pytest.mark.parametrize(
    ("accumulated", "cost", "expected"),
    [(1, 0.2, "small_batch"), (4, 0.2, "gradient_accumulation"), (1, 0.03, None)],
)
def test_small_batches_must_cost(accumulated, cost, expected):
    m = measured(
        {"As": 0.3 + cost, "A64": 0.3, "D": 1.0, "D'": 1.0},
        batch_size=4,
        structure=Structure(),
        optimizer=OptimizerState(accumulation_steps=accumulated),
    )
    assert code(batches.check_small_batch(m)) == expected


def test_unmeasured_cells_decide_nothing():
    m = measured({"B": float("nan"), "D": np.inf})
    assert data.check_domain(m) is training.check_overfitting(m) is None


@pytest.mark.parametrize(
    ("saved", "severity"), [(0.02, None), (0.05, "info"), (0.08, "error")]
)
def test_stale_statistics_are_proved_first_and_an_error_where_they_cost(
    saved, severity
):
    means = {"B": 0.6, "B'": 0.6 - saved, "D": 0.8, "D'": 0.8 - saved}
    m = measured(means, **WIRING)
    found = statistics.check_stale(m)
    assert (found and found.severity) == severity


@pytest.mark.parametrize(
    ("skills", "steps", "reason"),
    [
        ({0.1: 0.0, 0.01: 0.0, 1.0: 0.0, 10.0: 0.3, 100.0: 0.6}, 600, "rate_too_low"),
        ({0.1: 0.0, 0.01: 0.0, 1.0: 0.3}, 20, "few_steps"),
        ({0.1: 0.0, 0.01: 0.0, 1.0: 0.3}, 600, "training_differs"),
        ({0.1: 0.3, 0.01: 0.0, 1.0: 0.0}, 600, "perhaps_too_high"),
        ({0.1: 0.0, 0.01: 0.0, 1.0: 0.0, 10.0: 0.0}, 600, "nothing_learned"),
    ],
)
def test_a_network_that_learned_nothing_hears_why(skills, steps, reason):
    labels = np.arange(200) % 2
    m = measured(
        {"B": 0.69},
        scores={"B": Scores(labels, np.log(np.full((200, 2), 0.5)))},
        rate_trial=RateTrial(0.1, 0.1, 400, 0.69, (), (0.69,), (0.0,), skills),
        optimizer=OptimizerState(steps=steps),
    )
    found = learned.check_learned(m)
    assert reason in found.evidence["reason"]
    assert "400 steps" in found.summary


@pytest.mark.parametrize(
    ("trained", "validation", "severity"),
    [
        # The repair helps validation, or training more than remains, or nothing does.
        ((0.50, 0.95), (0.50, 0.68), "error"),
        ((0.50, 0.85), (0.50, 0.52), "error"),
        ((0.85, 0.93), (0.68, 0.69), "warning"),
        ((0.85, 0.93), (0.68, 0.72), "error"),
        ((0.85, 0.93), (0.90, 0.92), "error"),
    ],
)
def test_stale_statistics_come_after_a_gap_that_their_repair_leaves(
    trained, validation, severity
):
    shares = dict(zip(("B", "B'", "D", "D'"), (*trained, *validation), strict=True))
    scores = {cell: _right(share) for cell, share in shares.items()}
    losses = {"B": 0.4, "B'": 0.2, "D": 1.0, "D'": 0.92}
    found = statistics.check_stale(measured(losses, scores=scores, **WIRING))
    assert (found.code, found.severity) == ("stale_statistics", severity)


def _right(share):
    correct = np.arange(200) < 200 * share
    log_p = np.log(np.where(correct[:, None], [0.2, 0.8], [0.8, 0.2]))
    return Scores(np.ones(200, int), log_p)


@pytest.mark.parametrize("finite", [True, False])
def test_a_rate_that_broke_the_statistics_comes_before_them(finite):
    norm = NormState("norm", 0.9, 8, 0, 0.0, 0.0, 1.0, 1.0, 0.0)
    nan = float("nan")
    m = measured({"B": nan, "D": nan}, **WIRING, norms=[norm], weights_finite=finite)
    found = [(f.code, f.severity) for f in diagnose(m).findings]
    broken = ("broken_statistics", "error" if finite else "warning")
    assert found == [("learning_rate_too_high", "error")] * (not finite) + [broken]
