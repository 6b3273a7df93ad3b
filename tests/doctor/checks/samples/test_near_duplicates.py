"""Crops and edits of one photo in both splits, and scenes that only look alike."""

import dataclasses

import keras
import numpy as np
import pytest
from scipy import ndimage

from kerasnorm.doctor.checks.samples.near_duplicates import check_twins
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.probes.near_duplicates.twins import find_twins
from tests.doctor.checks.samples.striped import samples_of
from tests.doctor.checks.test_thresholds import measured

SIDE, PHOTOS, CROPS = 48, 28, 8


def photo(generator, scene=None):
    """Return noise of several scales, 72 x 72; of a scene its coarse part is known."""
    widths = (1, 2, 4, 9)
    parts = [
        ndimage.gaussian_filter(generator.normal(size=(72, 72, 3)), (w, w, 0)) * w
        for w in widths
    ]
    if scene is not None:
        parts[-1] = scene
    return np.sum(parts, axis=0)


def crops(generator):
    """Return eight random 75 to 100% crops of each photo, edited, and the classes."""
    images, classes = [], []
    for number in range(PHOTOS):
        original = photo(generator)
        for _ in range(CROPS):
            side = int(generator.integers(54, 73))
            top, left = generator.integers(0, 73 - side, 2)
            crop = original[top : top + side, left : left + side]
            crop = ndimage.zoom(crop, (SIDE / side, SIDE / side, 1), order=1)
            crop = crop[:, :: generator.choice([-1, 1])]
            noise = generator.normal(0, 0.02, crop.shape)
            images.append(generator.uniform(0.7, 1.3) * (crop + noise))
            classes.append(number % 2)
    return np.array(images, "float32"), np.array(classes)


def scenes(generator):
    """Return images of four scenes, each alike but for what it shows in detail."""
    layouts = [
        ndimage.gaussian_filter(generator.normal(size=(72, 72, 3)), (9, 9, 0)) * 36
        for _ in range(4)
    ]
    classes = np.arange(PHOTOS * CROPS) % 2
    images = [
        photo(generator, layouts[number // 2 % 4])[12:60, 12:60]
        for number in range(len(classes))
    ]
    return np.array(images, "float32"), classes


def network(normed):
    layers = [keras.layers.BatchNormalization()] if normed else []
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            *layers,
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def judged(images, classes, normed):
    """Return what is found in a random split that half of the answers are right in."""
    keras.utils.set_random_seed(0)
    order = np.random.default_rng(1).permutation(len(images))
    train, validation = (
        samples_of((images[part], classes[part])) for part in np.split(order, [128])
    )
    twins = find_twins(network(normed), train, validation)
    answers = np.log(np.full((validation.count, 2), 0.5))
    scores = {"B": Scores(train.y, answers), "D": Scores(validation.y, answers)}
    m = measured({"B": 0.69, "D": 0.69}, scores=scores)
    return dataclasses.replace(m, twins=twins)


@pytest.mark.thorough
@pytest.mark.parametrize("normed", [True, False], ids=["norm", "no_norm"])
def test_crops_of_one_photo_in_both_splits_are_found(normed):
    m = judged(*crops(np.random.default_rng(0)), normed)
    finding = check_twins(m)
    assert finding.severity == "error"
    evidence = finding.evidence
    assert evidence["fraction"] > 0.6
    assert evidence["likeness_when_laid_over"] > evidence["likeness"] + 0.2
    assert evidence["validation_accuracy"] == pytest.approx(0.5, abs=0.1)
    assert evidence["images_without_twin"] == (~m.twins.found).sum()
    by_chance = dataclasses.replace(m.twins, agreeing=0.6)
    finding = check_twins(dataclasses.replace(m, twins=by_chance))
    assert finding.severity == "info"


@pytest.mark.thorough
def test_images_of_one_scene_are_no_crops():
    """Thumbnails agree by 0.9 and more: a rule over them takes all for copies."""
    images, classes = scenes(np.random.default_rng(0))
    small = images.reshape(len(images), 6, 8, 6, 8, 3).mean(axis=(2, 4))
    flat = small.reshape(len(small), -1)
    assert np.corrcoef(flat[0], flat[8])[0, 1] > 0.9
    m = judged(images, classes, normed=True)
    assert not m.twins.found.any()
    assert check_twins(m) is None
