import keras
import numpy as np
import pytest

from kerasnorm.models import backbone, list_backbones, unfreeze

MODULES = {
    "ConvNeXtTiny": "convnext",
    "DenseNet121": "densenet",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "InceptionResNetV2": "inception_resnet_v2",
    "InceptionV3": "inception_v3",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "NASNetMobile": "nasnet",
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "VGG16": "vgg16",
    "Xception": "xception",
}
SMALL = ("MobileNet", (32, 32, 3), 2)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    base = keras.applications.MobileNet(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    generator = np.random.default_rng(0)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(generator.normal(0, 0.1, layer.gamma.shape))
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    base.save_weights(path)
    return path


def norms(model):
    return [
        layer
        for layer in model.get_layer("backbone").layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def numbers(variable):
    return np.array(keras.ops.convert_to_numpy(variable))


def train(model):
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(x, np.array([0, 1, 0, 1]), verbose=0)


def test_every_model_of_keras_is_listed():
    assert len(list_backbones()) == 40
    assert {"EfficientNetV2B0", "VGG19", "NASNetLarge"} <= set(list_backbones())


@pytest.mark.parametrize(("kind", "module"), MODULES.items())
def test_images_are_preprocessed_as_by_keras(kind, module, monkeypatch):
    stub = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Identity()])
    stub.name = "backbone"
    monkeypatch.setattr(keras.applications, kind, lambda **_: stub)
    model = backbone(f"keras:{kind}", (4, 4, 3), 2)
    received = keras.Model(model.input, model.get_layer("pool").input)
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    expected = getattr(keras.applications, module).preprocess_input(x.copy())
    assert np.allclose(received.predict(x, verbose=0), expected, atol=1e-4)


def test_weights_come_from_a_file(weights_file):
    model = backbone(*SMALL, weights=weights_file)
    assert np.abs(numbers(norms(model)[0].moving_mean)).max() > 0.01


@pytest.mark.thorough
def test_with_weights_the_norms_stay_in_inference_mode(weights_file):
    model = backbone(*SMALL, weights=weights_file)
    before = [numbers(norm.moving_mean) for norm in norms(model)]
    kernel = model.get_layer("backbone").get_layer("conv_pw_13").kernel
    kernel_before = numbers(kernel)
    train(model)
    assert all(
        np.array_equal(a, numbers(norm.moving_mean))
        for a, norm in zip(before, norms(model), strict=True)
    )
    assert not np.array_equal(kernel_before, numbers(kernel))


def test_frozen_means_that_only_the_classifier_trains(weights_file):
    model = backbone(*SMALL, weights=weights_file, frozen=True)
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {"classifier"}


@pytest.mark.thorough
def test_unfreezing_leaves_the_norms_frozen(weights_file):
    model = unfreeze(backbone(*SMALL, weights=weights_file, frozen=True))
    assert model.get_layer("backbone").get_layer("conv1").trainable
    assert not any(norm.trainable for norm in norms(model))


@pytest.mark.thorough
def test_from_scratch_the_norms_train():
    model = backbone(*SMALL)
    before = numbers(norms(model)[0].moving_mean)
    train(model)
    assert not np.array_equal(before, numbers(norms(model)[0].moving_mean))


@pytest.mark.thorough
def test_a_backbone_survives_saving(tmp_path, weights_file):
    model = backbone(*SMALL, weights=weights_file)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    assert np.allclose(loaded(x), model(x), atol=1e-6)
    assert not any(norm.trainable for norm in norms(loaded))


def test_a_download_that_fails_says_what_to_do(monkeypatch):
    def fail(weights, **_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNet", fail)
    with pytest.raises(RuntimeError, match=r"URL fetch failure.*pass `weights`"):
        backbone(*SMALL, weights="imagenet")


@pytest.mark.parametrize(
    ("name", "message"), [("keras:EfficentNetB0", "EfficientNetB0"), ("nope", "VGG16")]
)
def test_unknown_names_suggest_known_ones(name, message):
    with pytest.raises(ValueError, match=message):
        backbone(name, (32, 32, 3), 2)


@pytest.mark.thorough
def test_a_file_that_is_missing_or_foreign_is_refused(tmp_path, weights_file):
    with pytest.raises(ValueError, match="existing file"):
        backbone(*SMALL, weights=tmp_path / "none.weights.h5")
    with pytest.raises(ValueError, match="without its top"):
        backbone("MobileNetV2", (32, 32, 3), 2, weights=weights_file)


NEED_75_PIXELS = ("Inception", "Xception")
# Some families look their blocks up by the model's name while they are built.
FIRST = ["EfficientNetV2B0"]


@pytest.mark.parametrize(
    "kind",
    [
        name if name in FIRST else pytest.param(name, marks=pytest.mark.slow)
        for name in list_backbones()
    ],
)
def test_every_model_of_keras_becomes_a_backbone(kind):
    size = 75 if kind.startswith(NEED_75_PIXELS) else 32
    # Without numbers: the largest has 118 million weights.
    with keras.StatelessScope(initialize_variables=False):
        model = backbone(f"keras:{kind}", (size, size, 3), 2)
    keras.utils.clear_session()
    assert model.get_layer("backbone").input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 2)
