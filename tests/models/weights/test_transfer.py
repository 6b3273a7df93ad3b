import h5py
import keras
import numpy as np
import pytest

from kerasnorm.models import take_weights
from tests.models.weights.drawn_weights import draw_weights, numbers_of

FORMATS = ("model.keras", "model.weights.h5", "model.h5")


def base(images, blocks=2):
    x = images
    for number in range(blocks):
        x = keras.layers.Conv2D(4, 3, padding="same", name=f"block{number}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"block{number}_norm")(x)
    return x


def network(classes=3, blocks=2):
    images = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(images, blocks))
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(images, keras.layers.Dense(classes, name="classifier")(x))


def nested(classes=3):
    images = keras.Input((8, 8, 3))
    inner = keras.Model(images, base(images), name="backbone")
    outer = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inner(outer))
    return keras.Model(outer, keras.layers.Dense(classes, name="classifier")(x))


def save(model, file):
    (model.save_weights if file.name.endswith(".weights.h5") else model.save)(file)


@pytest.mark.parametrize("build", [network, nested])
@pytest.mark.parametrize("name", FORMATS)
def test_all_layers_of_the_same_network_are_taken(tmp_path, name, build):
    before, after = draw_weights(build()), build()
    save(before, tmp_path / name)
    taken = take_weights(after, tmp_path / name)
    assert not taken.left and not taken.unused
    for one, other in zip(numbers_of(before), numbers_of(after), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("build", [network, nested])
@pytest.mark.parametrize("name", FORMATS)
def test_a_head_of_other_classes_starts_anew(tmp_path, name, build):
    before, after = draw_weights(build()), build(5)
    save(before, tmp_path / name)
    taken = take_weights(after, tmp_path / name)
    assert list(taken.left) == ["classifier"]
    assert "3) there" in str(taken) and "5) here" in str(taken)
    same = [
        np.array_equal(a, b)
        for a, b in zip(numbers_of(before), numbers_of(after), strict=True)
        if a.shape == b.shape
    ]
    assert all(same)


def test_a_head_can_be_left_out(tmp_path):
    before, after = draw_weights(network()), network()
    save(before, tmp_path / "model.keras")
    taken = take_weights(after, tmp_path / "model.keras", ("classifier",))
    assert taken.left == {"classifier": "of other classes"}
    kernel = after.get_layer("classifier").kernel
    assert not np.array_equal(kernel, before.get_layer("classifier").kernel)


def test_what_is_in_one_network_only_is_said(tmp_path):
    save(draw_weights(network()), tmp_path / "model.keras")
    said = str(take_weights(network(blocks=3), tmp_path / "model.keras"))
    assert "block2_conv (not in the file)" in said
    said = str(take_weights(network(blocks=1), tmp_path / "model.keras"))
    assert said.endswith("of no use here block1_norm, block1_conv")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_which_nothing_fits_is_refused(tmp_path, name):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a")])
    save(other, tmp_path / name)
    with pytest.raises(ValueError, match="no layer fits"):
        take_weights(network(), tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ValueError, match="that Keras has saved"):
        take_weights(network(), tmp_path / "model.keras")


@pytest.mark.parametrize("name", FORMATS[1:])
def test_numbers_of_other_files_are_not_read(tmp_path, name):
    save(network(), tmp_path / name)
    save(network(), tmp_path / f"other_{name}")
    with h5py.File(tmp_path / name, "a") as opened:
        top = next(iter(opened))
        del opened[top]
        opened[top] = h5py.ExternalLink(str(tmp_path / f"other_{name}"), top)
    with pytest.raises(ValueError, match="in the file itself"):
        take_weights(network(), tmp_path / name)
