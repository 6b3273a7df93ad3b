"""Wrong labels planted among images, and everything that finds them."""

import numpy as np
import pytest

from benchmarks.zoo_data import draw_shapes
from kerasnorm.doctor.probes.image_features import (
    gradient_features,
    patch_features,
    standardize_images,
)
from kerasnorm.doctor.probes.noise import describe_label_noise, estimate_label_noise
from kerasnorm.doctor.probes.noise_tests import measure_excess
from kerasnorm.doctor.probes.reference_models import (
    ReferenceModel,
    similarities,
    without_duplicates,
)
from kerasnorm.doctor.samples import Samples


def samples(x, y):
    return Samples(x, y, None, (len(x),))


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


@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_planted_labels_are_found_and_clean_ones_acquitted(rate):
    (x, y), (vx, vy) = shapes(500, 1), shapes(300, 2)
    found = estimate_label_noise(samples(x, flipped(y, rate)), samples(vx, vy))
    assert found.proved == (rate > 0)
    assert found.comparable and found.excess.low <= rate <= found.excess.high


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
    ],
    ids=["no images", "no classes", "few", "one class"],
)
def test_what_is_no_classification_of_images_is_not_examined(x, y):
    found = estimate_label_noise(samples(x, y), samples(x, y))
    assert found is None
    assert "not examined" in describe_label_noise(found)
