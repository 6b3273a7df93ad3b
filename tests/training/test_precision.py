import sys
import types

import keras
import pytest

from kerasnorm.training import Settings, UsageError, build
from kerasnorm.training.devices import precision


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_layers_compute_in_it_and_weights_and_outputs_do_not(name):
    settings = Settings(image_size=16, width=4, stages=1, precision=name)
    model = build.build_model(settings, 2)
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("stem_conv").compute_dtype == name
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    assert model.output.dtype == "float32"


def test_float16_scales_the_loss():
    settings = Settings(image_size=16, width=4, stages=1, precision="float16")
    model = build.compile_model(build.build_model(settings, 2), settings)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu amx_bf16 sse", "bfloat16"), ("fpu amx_bf16_like", "float32")],
)
def test_auto_becomes_what_the_processor_does_fast(
    flags, expected, tmp_path, monkeypatch
):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}")
    monkeypatch.setattr(precision, "PROCESSORS", tmp_path / "cpuinfo")
    assert (
        precision.resolve_auto_precision(Settings(precision="auto")).precision
        == expected
    )


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"compute_capability": (8, 0)}, "bfloat16"),
        ({"compute_capability": (7, 5)}, "float32"),
        ({}, "float32"),
    ],
)
def test_auto_becomes_what_the_gpu_does_fast(details, expected, monkeypatch):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: details
    )
    assert (
        precision.resolve_auto_precision(Settings(precision="auto")).precision
        == expected
    )


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ({"platform": "tpu"}, "bfloat16"),
        ({"platform": "gpu", "compute_capability": "8.0"}, "bfloat16"),
        ({"platform": "gpu", "compute_capability": "7.5"}, "float32"),
        ({"platform": "cpu"}, "float32"),
        ({"platform": "cpu", "compute_capability": "9.0"}, "float32"),
    ],
)
def test_auto_becomes_what_the_device_of_jax_does_fast(device, expected, monkeypatch):
    jax = types.SimpleNamespace(devices=lambda: [types.SimpleNamespace(**device)])
    monkeypatch.setitem(sys.modules, "jax", jax)
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert precision.fastest_precision() == expected


def test_auto_is_float32_where_the_processor_is_not_known(tmp_path, monkeypatch):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(precision, "PROCESSORS", tmp_path / "none")
    assert (
        precision.resolve_auto_precision(Settings(precision="auto")).precision
        == "float32"
    )


def test_what_was_asked_for_stays():
    settings = Settings(precision="float16")
    assert precision.resolve_auto_precision(settings) is settings


def test_sam_does_not_climb_a_scaled_loss():
    with pytest.raises(UsageError, match="--precision bfloat16"):
        Settings(sam=0.05, precision="float16")
