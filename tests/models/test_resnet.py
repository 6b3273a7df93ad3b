import keras
import numpy as np
import pytest

from kerasnorm.models import resnet
from tests.marks import thorough_after
from tests.models.building import parameters, train


# Torchvision's and timm's counts of the same networks.
@pytest.mark.parametrize(
    ("depth", "options", "expected"),
    thorough_after(
        2,
        [
            (50, {}, 25_557_032),
            (18, {}, 11_689_512),
            (34, {}, 21_797_672),
            (50, {"variant": "A"}, 25_557_032),
            (50, {"variant": "C"}, 25_576_264),
            (50, {"variant": "D"}, 25_576_264),
            (50, {"version": 2}, 25_549_352),
            (101, {}, 44_549_160),
        ],
    ),
)
def test_imagenet_networks_have_the_published_size(depth, options, expected):
    assert parameters(lambda: resnet((224, 224, 3), 1000, depth, **options)) == expected


# The paper prints millions: 0.27 for 20, 0.46 for 32, 0.85 for 56 layers.
@pytest.mark.parametrize(
    ("depth", "millions"),
    thorough_after(2, [(8, 0.08), (14, 0.17), (20, 0.27), (32, 0.46), (56, 0.85)]),
)
def test_cifar_networks_have_the_published_size(depth, millions):
    count = parameters(lambda: resnet((32, 32, 3), 10, depth)) / 1e6
    assert abs(count - millions) < 0.01


@pytest.mark.backends
@pytest.mark.parametrize(
    ("norm", "version"),
    thorough_after(
        1,
        [
            ("batch", 1),
            ("frn", 2),
            ("none", 1),
            ("group", 1),
            ("batch", 2),
            ("group", 2),
            ("frn", 1),
            ("none", 2),
        ],
    ),
)
def test_every_version_trains(norm, version):
    model = resnet((32, 32, 3), 3, 8, norm=norm, version=version)
    first, *_, last = train(model)
    assert abs(first - np.log(3)) < 0.1
    assert last < first


@pytest.mark.parametrize("variant", thorough_after(1, ["D", "A", "B", "C"]))
def test_every_variant_reduces_images_32_times(variant):
    with keras.StatelessScope(initialize_variables=False):
        model = resnet((64, 64, 3), 3, 50, variant=variant)
    assert model.get_layer("pool").input.shape == (None, 2, 2, 2048)
    keras.utils.clear_session()


@pytest.mark.thorough
def test_variants_stride_where_they_say():
    def strides(variant):
        with keras.StatelessScope(initialize_variables=False):
            model = resnet((64, 64, 3), 3, 50, variant=variant)
        keras.utils.clear_session()
        names = ("1_conv", "2_conv", "shortcut_conv")
        found = [model.get_layer(f"stage2_block1_{name}").strides[0] for name in names]
        return tuple(found)

    assert strides("A") == (2, 1, 2)
    assert strides("B") == (1, 2, 2)
    assert strides("D") == (1, 2, 1)


@pytest.mark.parametrize("options", [{"version": 1}, {"version": 2}, {"norm": "none"}])
def test_blocks_start_as_their_shortcuts(options):
    model = resnet((16, 16, 3), 3, 14, **options)
    add = model.get_layer("stage1_block2_add")
    probe = keras.Model(model.input, [add.input[0], add.output])
    x = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3))
    shortcut, total = probe(x, training=True)
    assert np.array_equal(shortcut, total)


def test_branches_speak_from_the_start_without_zero_gamma():
    model = resnet((16, 16, 3), 3, 8, zero_gamma=False)
    assert np.all(
        keras.ops.convert_to_numpy(model.get_layer("stage1_block1_2_norm").gamma) == 1
    )


def test_stochastic_depth_grows_from_the_first_block():
    model = resnet((16, 16, 3), 3, 14, stochastic_depth=0.3)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
    assert np.allclose(rates, [0.05, 0.1, 0.15, 0.2, 0.25])


def test_asymmetric_convolutions_bring_their_norms_along():
    model = resnet((16, 16, 3), 3, 8, asymmetric=True)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("AsymmetricConv2D") == 7
    assert kinds.count("BatchNormalization") == 2  # of the two 1x1 shortcuts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 51}, "depth.*18.*51"),
        ({"version": 3}, "version"),
        ({"variant": "E"}, "variant.*A, B, C, D"),
        ({"asymmetric": True, "norm": "group"}, "norm='batch'"),
    ],
)
def test_unknown_designs_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        resnet((32, 32, 3), 10, **options)
