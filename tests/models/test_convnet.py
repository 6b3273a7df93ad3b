import keras
import numpy as np
import pytest

from kerasnorm.models import convnet
from kerasnorm.norm_kinds import NORM_KINDS
from tests.marks import thorough_after

# Synchronized, it is `batch` on one device.
FIRST = ["batch", "frn"]
NAMES = FIRST + [name for name in NORM_KINDS if name not in (*FIRST, "sync_batch")]


def images(count=4, size=16):
    generator = np.random.default_rng(0)
    return generator.uniform(0, 255, (count, size, size, 3)).astype("float32")


@pytest.mark.backends
@pytest.mark.parametrize("norm", thorough_after(len(FIRST), NAMES))
def test_every_norm_trains_from_chance(norm):
    options = {"ghost_batch_size": 2} if norm == "ghost_batch" else None
    model = convnet(
        (16, 16, 3), 3, norm=norm, width=8, depths=(1, 1), norm_options=options
    )
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    x, y = images(), np.array([0, 1, 2, 0])
    first = model.train_on_batch(x, y)
    for _ in range(4):
        last = model.train_on_batch(x, y)
    assert abs(first - np.log(3)) < 0.2
    assert last < first


def test_batch_norm_forgets_quickly_unless_told_otherwise():
    quick = convnet((16, 16, 3), 2, width=8).get_layer("stem_norm")
    slow = convnet((16, 16, 3), 2, width=8, norm_options={"momentum": 0.99})
    assert quick.momentum == 0.9
    assert slow.get_layer("stem_norm").momentum == 0.99


def test_frn_absorbs_the_relu_it_is_followed_by():
    model = convnet((16, 16, 3), 2, norm="frn", width=8, depths=(1, 1))
    assert model.get_layer("stem_norm").tlu
    assert not model.get_layer("stage1_block1_2_norm").tlu
    activations = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    # One after each addition and the probabilities; none after a norm.
    assert len(activations) == 2 + 1


def test_other_activations_stay_beside_frn():
    model = convnet((16, 16, 3), 2, norm="frn", activation="silu", width=8)
    assert not model.get_layer("stem_norm").tlu


def test_probabilities_are_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = convnet((16, 16, 3), 2, width=8)
        assert keras.backend.standardize_dtype(model(images()).dtype) == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_one_class_gives_one_sigmoid_unit():
    model = convnet((16, 16, 3), 1, width=8)
    assert model.output_shape == (None, 1)
    assert np.all(model.predict(images(), verbose=0) < 1)


def test_size_may_be_unknown():
    model = convnet((None, None, 3), 2, width=8)
    assert model.predict(images(size=20), verbose=0).shape == (4, 2)


def test_unknown_norm_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"batch, .*group"):
        convnet((16, 16, 3), 2, norm="bogus")


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_the_stem_may_divide_by_four(norm):
    options = {"norm": norm, "width": 8, "depths": (1, 1)}
    maps = [
        convnet((64, 64, 3), 2, stem_strides=strides, **options)
        .get_layer("pool")
        .input.shape
        for strides in (2, 4)
    ]
    assert maps == [(None, 16, 16, 16), (None, 8, 8, 16)]


def test_other_strides_of_the_stem_are_refused():
    with pytest.raises(ValueError, match=r"2 or 4.*3"):
        convnet((64, 64, 3), 2, stem_strides=3)
