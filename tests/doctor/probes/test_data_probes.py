import keras
import numpy as np
import pytest

from kerasnorm.doctor.forward.compiled_forward import compiled_forward_cache
from kerasnorm.doctor.forward.statistics import run
from kerasnorm.doctor.probes.batch_loss_variance import measure_batch_loss_variance
from kerasnorm.doctor.probes.inputs.split_separation import measure_separation
from kerasnorm.doctor.probes.labels.labels import (
    measure_class_permutation,
    measure_label_order,
    softness,
)
from kerasnorm.doctor.probes.leakage import measure_overlap
from kerasnorm.doctor.probes.precision import measure_precision
from kerasnorm.doctor.sampling.sample_batches import sample_batches


def labelled(classes, size=16):
    x = np.zeros((len(classes), 1), "float32")
    return sample_batches(
        [(x[i : i + size], classes[i : i + size]) for i in range(0, len(x), size)]
    )


def test_shuffled_classes_are_as_mixed_as_chance():
    classes = np.random.default_rng(0).integers(4, size=320)
    assert measure_label_order(labelled(classes)).p_value > 0.01


@pytest.mark.parametrize("buffer", [1, 60])
def test_a_small_shuffle_buffer_is_significant(buffer):
    generator = np.random.default_rng(0)
    classes = np.sort(generator.integers(4, size=320))
    near = classes[np.argsort(np.arange(320) + generator.uniform(0, buffer, 320))]
    assert measure_label_order(labelled(near)).p_value < 0.005


def shares_for(classes, count=4, sure=0.9):
    fractions = np.full((len(classes), count), (1 - sure) / (count - 1))
    fractions[np.arange(len(classes)), classes] = sure
    return fractions


def test_exchanged_classes_are_mapped_back():
    classes = np.random.default_rng(0).integers(4, size=200)
    wheel = np.array([1, 2, 3, 0])
    found = measure_class_permutation(labelled(wheel[classes]), shares_for(classes))
    assert found.mapping == tuple(wheel) and found.accuracy_permuted == 1.0


def test_guessing_gains_nothing_from_an_exchange():
    generator = np.random.default_rng(0)
    classes, guesses = generator.integers(4, size=(2, 200))
    found = measure_class_permutation(labelled(classes), shares_for(guesses))
    assert found.low < 0 or found.loss - found.loss_permuted < 0.3


def images(seed, count=64):
    generator = np.random.default_rng(seed)
    return generator.uniform(0, 255, (count, 24, 24, 3)).astype("float32")


def overlap(own, other):
    return measure_overlap(sample_batches([own]), sample_batches([other]))


def test_other_images_do_not_overlap():
    assert overlap(images(0), images(1)).similar == 0


def test_copies_are_counted():
    other = images(1)
    other[:16] = images(0)[:16]
    assert overlap(images(0), other).exact == 0.25


def test_mirrored_and_noisy_copies_are_similar():
    own, other = images(0), images(1)
    other[:16] = own[:16, :, ::-1] + 0.5
    found = overlap(own, other)
    assert (found.exact, found.similar) == (0.0, 0.25)


def test_images_of_one_kind_cannot_be_told_apart():
    found = measure_separation(
        sample_batches([images(0, 200)]), sample_batches([images(1, 200)])
    )
    assert found.low < 0.55


def test_darker_images_can():
    found = measure_separation(
        sample_batches([images(0, 200)]), sample_batches([images(1, 200) * 0.5])
    )
    assert found.low > 0.9


def test_the_spread_of_ordered_batches_exceeds_chance():
    samples = sample_batches([np.zeros((16, 1), "float32")] * 8)
    losses = np.random.default_rng(0).normal(1, 0.3, 128)
    alike = measure_batch_loss_variance(losses, samples)
    ordered = measure_batch_loss_variance(np.sort(losses), samples)
    assert alike["p_value"] > 0.05 > ordered["p_value"]


def test_the_spread_is_that_of_the_means_of_batches_and_counts_nan_as_nothing():
    samples = sample_batches([np.zeros((n, 1), "float32") for n in (2, 1)])
    found = measure_batch_loss_variance(np.array([np.nan, 4.0, 5.0]), samples)
    assert found["deviation"] == pytest.approx(1.5)


@pytest.mark.parametrize("dtype", [object, "U9"])
def test_equal_texts_are_copies_however_they_are_kept(dtype):
    own = np.array([["one"], ["two"], ["three"], ["four"]], dtype)
    # As wide or wider in memory, and other objects: what they say is the same.
    other = np.array([["one"], ["six"], ["seven and more"], ["ten"]], "U14")
    assert overlap(own, other).exact == 0.25


@pytest.mark.parametrize(("factor", "overflows"), [(1.0, 0.0), (1e5, 1.0)])
def test_overflow_in_half_precision_is_measured(factor, overflows):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, dtype="mixed_float16")]
    )
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([np.ones_like(kernel) * factor, bias])
    samples = sample_batches([np.ones((8, 4), "float32")])
    with compiled_forward_cache():
        run(model, samples, samples.batches())
        found = measure_precision(model, samples)
    assert found.overflowing == overflows and found.overflowing_in_float32 == 0


def test_smoothed_labels_are_still_classes():
    classes = np.arange(40) % 4
    hot = np.eye(4, dtype="float32")[classes]
    samples = sample_batches([(np.zeros((40, 1), "float32"), hot * 0.9 + 0.025)])
    assert (samples.classes() == classes).all()
    assert softness(samples) == pytest.approx(0.3488, abs=1e-3)


def test_several_labels_at_once_are_no_classes():
    y = np.ones((8, 3), "float32")
    assert sample_batches([(np.zeros((8, 1), "float32"), y)]).classes() is None
