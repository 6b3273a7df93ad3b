"""Wrong labels planted among images, and everything that finds them."""

import numpy as np
import pytest

from benchmarks.zoo_data import draw_shapes
from kerasnorm.doctor.probes.labels.image_features import (
    gradient_features,
    patch_features,
    standardize_images,
)
from kerasnorm.doctor.probes.labels.noise import estimate_label_noise
from kerasnorm.doctor.probes.labels.noise_estimate import describe_label_noise
from kerasnorm.doctor.probes.labels.noise_plateau import (
    group_by_margin,
    measure_plateau,
)
from kerasnorm.doctor.probes.labels.noise_tests import measure_excess
from kerasnorm.doctor.probes.labels.reference_models import (
    ReferenceModel,
    choose_model,
    similarities,
    without_duplicates,
)
from kerasnorm.doctor.sampling.samples import Samples
from tests.marks import thorough_after


def samples(x, y, **known):
    return Samples(x, y, None, (len(x),), **known)


def shapes(count, seed, noise=12.0):
    return draw_shapes(count, seed, noise=noise)


def flipped(labels, rate, seed=0):
    generator = np.random.default_rng(seed)
    wrong = generator.random(len(labels)) < rate
    return np.where(wrong, (labels + generator.integers(1, 4, len(labels))) % 4, labels)


@pytest.mark.parametrize("features", [gradient_features, patch_features])
def test_features_of_the_mirror_image_are_those_of_a_mirrored_image(features):
    images = standardize_images(shapes(40, 0)[0])
    together = np.concatenate([images, images[:, :, ::-1]])
    own, mirrored = features(together)
    np.testing.assert_allclose(own[40:], mirrored[:40], atol=2e-3)
    assert np.abs(own[:40] - mirrored[:40]).max() > 0.01


@pytest.mark.parametrize("size", [24, 48, 80])
def test_the_range_of_the_inputs_changes_nothing(size):
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 255, (5, size, size, 3))
    found = standardize_images(images)
    assert found.shape == (5, 48, 48, 3)
    np.testing.assert_allclose(standardize_images(images / 127.5 - 1), found, atol=1e-3)
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), 0, atol=1e-4)


def test_shrinking_takes_the_mean_of_an_area():
    image = np.arange(96 * 96, dtype=float).reshape(1, 96, 96, 1)
    areas = image.reshape(48, 2, 48, 2).mean(axis=(1, 3))
    expected = (areas - areas.mean()) / areas.std()
    np.testing.assert_allclose(standardize_images(image)[0, ..., 0], expected, 1e-3)


def test_scores_are_those_of_models_fitted_without_the_sample():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(30, 4))
    kernel = np.exp(-((points[:, None] - points) ** 2).sum(axis=-1))
    targets = generator.normal(size=(30, 2))
    scores = ReferenceModel(kernel, 0.3).scores(targets)
    for left_out in range(30):
        rest = np.delete(np.arange(30), left_out)
        matrix = kernel[np.ix_(rest, rest)] + 0.3 * np.eye(29)
        expected = kernel[left_out, rest] @ np.linalg.solve(matrix, targets[rest])
        np.testing.assert_allclose(scores[left_out], expected, rtol=1e-3, atol=1e-4)


def test_the_ridge_is_the_one_that_predicts_best():
    x, y = shapes(200, 0)
    kernel = np.mean(list(similarities([x]).values()), axis=0)
    ridges = {rate: choose_model(kernel, flipped(y, rate), 4)[1] for rate in (0.0, 0.4)}
    assert ridges[0.0] < ridges[0.4]
    errors = [ReferenceModel(kernel, ridge).error(y, 4) for ridge in (0.1, 3.0)]
    assert choose_model(kernel, y, 4)[0].error(y, 4) <= min(errors)


def test_copies_do_not_vouch_for_their_label():
    x, _ = shapes(60, 0)
    kernels = similarities([np.concatenate([x[:40], x[:20], x[40:], x[:5, :, ::-1]])])
    kept = without_duplicates(kernels)
    assert not set(kept) & {*range(40, 60), *range(80, 85)}
    assert len(kept) == 60


def judged(rate, count=4000, seed=0, hard=0.5):
    """Return contradictions of a model whose errors fall with its margin."""
    generator = np.random.default_rng(seed)
    margin = generator.exponential(size=count)
    training = np.arange(count) < count * 2 // 3
    errs = generator.random(count) < hard * np.exp(-margin)
    wrong = (generator.random(count) < rate) & training
    return errs ^ wrong, margin, training, 2


def test_hard_images_are_no_wrong_labels():
    found = [measure_excess(*judged(0.0, seed=seed)) for seed in range(200)]
    z = np.array([excess.z for excess in found])
    assert abs(z.mean()) < 0.3 and 0.8 < z.std() < 1.2
    covered = [excess.low <= 0 <= excess.high for excess in found]
    assert np.mean(covered) > 0.9


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.35])
def test_the_fraction_of_wrong_labels_lies_in_its_interval(rate):
    found = [measure_excess(*judged(rate, seed=seed)) for seed in range(60)]
    covered = [excess.low <= rate <= excess.high for excess in found]
    assert np.mean(covered) > 0.85
    assert np.mean([excess.fraction for excess in found]) == pytest.approx(
        rate, abs=0.01
    )


def test_what_is_called_detectable_is_proved_nine_times_in_ten():
    least = np.mean([measure_excess(*judged(0.0, 1500, s)).detectable for s in (1, 2)])
    proved = [measure_excess(*judged(least, 1500, s)).z >= 3.3 for s in range(60)]
    assert 0.75 < np.mean(proved) < 1


def pooled(rate, seed, hard=0.0, classes=2, count=3000):
    """Return groups of contradictions by wrong labels, hard images, and errors."""
    generator = np.random.default_rng(seed)
    margin = generator.exponential(size=count)
    most = 1 - 1 / classes
    error = most / (1 + np.exp(-1 + 3 * margin))
    errs = generator.random(count) < np.maximum(error, hard)
    wrong = generator.random(count) < rate
    guessed = generator.random(count) < 1 / (classes - 1)
    contradicted = np.where(wrong, ~(errs & guessed), errs)
    return group_by_margin(contradicted, margin, classes)


@pytest.mark.parametrize("hard", thorough_after(1, [0.03, 0.0]))
def test_errors_that_fall_with_the_margin_prove_nothing(hard):
    found = [measure_plateau(pooled(0.0, seed, hard)) for seed in range(8)]
    assert max(plateau.ratio for plateau in found) < 2
    assert max(plateau.low for plateau in found) < 0.04


@pytest.mark.parametrize(
    ("rate", "classes"), thorough_after(1, [(0.1, 2), (0.25, 2), (0.15, 5)])
)
def test_contradictions_at_any_margin_are_wrong_labels(rate, classes):
    found = [measure_plateau(pooled(rate, s, classes=classes)) for s in range(8)]
    covered = [plateau.low <= rate <= plateau.high for plateau in found]
    assert np.mean(covered) > 0.7
    assert np.mean([plateau.fraction for plateau in found]) == pytest.approx(
        rate, abs=0.02
    )
    assert np.median([plateau.ratio for plateau in found]) > 5.4


@pytest.mark.thorough
def test_what_a_pool_calls_detectable_is_proved_nine_times_in_ten():
    least = measure_plateau(pooled(0.0, 0)).detectable
    found = [measure_plateau(pooled(least, seed)) for seed in range(12)]
    assert np.mean([plateau.ratio >= 5.4 for plateau in found]) > 0.6


@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_planted_labels_are_found_and_clean_ones_acquitted(rate):
    (x, y), (vx, vy) = shapes(500, 1), shapes(300, 2)
    found = estimate_label_noise(samples(x, flipped(y, rate)), samples(vx, vy))
    assert found.proved == (rate > 0)
    assert found.comparable and found.excess.low <= rate <= found.excess.high
    wrong = flipped(y, rate) != y
    chosen = [suspect.position for suspect in found.suspects]
    assert wrong[chosen].sum() >= 0.7 * wrong.sum()
    assert wrong[chosen[:50]].sum() >= (40 if rate else 0)
    assert all(y[s.position] == s.suggested for s in found.suspects[:10])


@pytest.mark.thorough
def test_wrong_labels_of_both_splits_are_found():
    (x, y), (vx, vy) = shapes(800, 1), shapes(500, 2)
    found = estimate_label_noise(
        samples(x, flipped(y, 0.25)), samples(vx, flipped(vy, 0.25, 1))
    )
    assert found.plateau_proved and not found.excess_proved
    assert found.plateau.low <= 0.25 <= found.plateau.high
    assert "both splits" in describe_label_noise(found)


def one_channel(x):
    return x.mean(axis=-1, keepdims=True)


def channels_first(x):
    return np.moveaxis(x, -1, 1)


def small_and_flat(x):
    return one_channel(x)[:, ::3, ::3].reshape(len(x), -1)


@pytest.mark.parametrize(
    "form", thorough_after(1, [one_channel, channels_first, small_and_flat])
)
def test_inputs_of_any_form_are_compared(form):
    (x, y), (vx, vy) = shapes(400, 1), shapes(250, 2)
    files = tuple(f"photos/{'abcd'[c]}/{i}.png" for i, c in enumerate(y))
    corrupted = samples(
        form(x), flipped(y, 0.4), positions=np.arange(400) + 7, files=files
    )
    found = estimate_label_noise(corrupted, samples(form(vx), vy))
    assert found.proved
    first = found.suspects[0]
    assert first.file == files[first.position - 7]
    if form is small_and_flat:
        assert first.image is None and found.plateau is None
    else:
        assert first.image.shape == (24, 24, 1 if form is one_channel else 3)


def test_short_time_means_fewer_samples(monkeypatch):
    (x, y), (vx, vy) = shapes(300, 1), shapes(200, 2)
    monkeypatch.setattr(
        "kerasnorm.doctor.probes.labels.noise.seconds_per_image", lambda images: 1.0
    )
    found = estimate_label_noise(samples(x, y), samples(vx, vy), seconds=1.0)
    assert sum(found.samples) == 250


def test_other_images_prove_nothing():
    x, y = shapes(300, 1)
    vx, vy = draw_shapes(200, 2, noise=12.0, strange=True)
    found = estimate_label_noise(samples(x, flipped(y, 0.3)), samples(vx, vy))
    assert not found.comparable and not found.proved
    assert "cannot tell" in describe_label_noise(found)


def test_too_few_images_say_what_could_have_been_seen():
    (x, y), (vx, vy) = shapes(60, 1), shapes(60, 2)
    found = estimate_label_noise(samples(x, y), samples(vx, vy))
    assert "cannot tell" in describe_label_noise(found)
    assert f"{found.excess.detectable:.0%}" in describe_label_noise(found)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((80, 5), "float32"), np.arange(80) % 2),
        (np.zeros((80, 16, 16, 3), "float32"), np.linspace(0, 1, 80)),
        (np.zeros((20, 16, 16, 3), "float32"), np.arange(20) % 2),
        (np.zeros((80, 16, 16, 3), "float32"), np.zeros(80, int)),
        (
            np.zeros((80, 16, 16, 3), "float32"),
            np.tile([[0.9, 0.1], [0.3, 0.7]], (40, 1)),
        ),
    ],
    ids=["same values", "no classes", "few", "one class", "mixed"],
)
def test_what_is_no_classification_of_images_is_not_examined(x, y):
    found = estimate_label_noise(samples(x, y), samples(x, y))
    assert found is None
    assert "not examined" in describe_label_noise(found)
