"""Checkpoints of PyTorch: read as PyTorch reads them, and nothing in them runs."""

import builtins
import functools
import importlib
import os
import pathlib
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from kerasnorm.models.weights.torch_file import TorchFileError, read_torch_file
from tests.models.weights.torch_files import FORMATS, STORAGES, Call, Tensor

both_formats = pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)


@both_formats
def test_drawn_tensors_of_every_kind_come_back(tmp_path, write):
    generator = np.random.default_rng(0)
    drawn = {
        str(dtype): generator.integers(0, 2, (3, 4)).astype(dtype) for dtype in STORAGES
    }
    drawn["no_axis"] = np.array(2.5)
    drawn["empty"] = np.zeros((0, 3), np.float32)
    write(tmp_path / "x.pt", OrderedDict((k, Tensor(v)) for k, v in drawn.items()))
    found = read_torch_file(tmp_path / "x.pt")
    assert list(found) == list(drawn)
    for name, expected in drawn.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


@both_formats
def test_views_of_one_storage_come_back(tmp_path, write):
    base = np.arange(24, dtype=np.float32)
    views = {
        "turned": Tensor(base, 0, (6, 4), (1, 6)),
        "part": Tensor(base, 7, (2, 3), (6, 2)),
    }
    write(tmp_path / "x.pt", views)
    found = read_torch_file(tmp_path / "x.pt")
    np.testing.assert_array_equal(found["turned"], base.reshape(4, 6).T)
    np.testing.assert_array_equal(found["part"], base.reshape(4, 6)[1:3, 1::2])


@both_formats
def test_bfloat16_becomes_float32(tmp_path, write):
    expected = np.array([1.0, -2.5, 0.0], np.float32)
    halves = (expected.view("u4") >> 16).astype("u2")
    write(tmp_path / "x.pt", [Tensor(halves, storage="BFloat16Storage")])
    np.testing.assert_array_equal(read_torch_file(tmp_path / "x.pt")[0], expected)


@pytest.mark.backends
@pytest.mark.parametrize("is_archive", [True, False])
def test_files_of_pytorch_itself_are_read(tmp_path, is_archive):
    torch = pytest.importorskip("torch")
    drawn = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    state = drawn.state_dict() | {"half": torch.ones(2, dtype=torch.bfloat16)}
    torch.save(state, tmp_path / "x.pt", _use_new_zipfile_serialization=is_archive)
    found = read_torch_file(tmp_path / "x.pt")
    assert list(found) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.float().numpy())


HARM = {
    "a shell": (os.system, "touch danger"),
    "python": (builtins.exec, "open('danger', 'w')"),
    "a file": (builtins.open, "danger", "w"),
    "a module": (importlib.import_module, "this"),
    "an attribute": (builtins.getattr, "x", "upper"),
    "a path": (pathlib.Path, "danger"),
    "a part": (functools.partial, print),
}


@both_formats
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_what_is_no_tensor_is_refused_and_not_run(tmp_path, monkeypatch, write, harm):
    monkeypatch.chdir(tmp_path)
    write("x.pt", {"good": Tensor(np.ones(3)), "bad": Call(*harm)})
    with pytest.raises(TorchFileError, match="which is not run") as refused:
        read_torch_file("x.pt")
    assert "\n" not in str(refused.value)
    assert os.listdir() == ["x.pt"]


@both_formats
def test_half_a_file_is_refused_wherever_it_ends(tmp_path, write):
    write(tmp_path / "x.pt", {"a": Tensor(np.arange(30.0)), "b": [1, "x"]})
    whole = (tmp_path / "x.pt").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "x.pt").write_bytes(whole[:end])
        with pytest.raises(TorchFileError, match="whole and undamaged"):
            read_torch_file(tmp_path / "x.pt")


BEYOND = {
    "offset": (20, (8,), (1,)),
    "strides": (0, (4, 6), (10, 1)),
    "before the storage": (-1, (2,), (1,)),
    "backwards": (5, (3,), (-1,)),
    "one number for gigabytes": (0, (10**6, 10**6), (0, 0)),
    "a shape of another length": (0, (2, 2), (1,)),
}


@both_formats
@pytest.mark.parametrize("view", BEYOND.values(), ids=BEYOND)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path, write, view):
    write(tmp_path / "x.pt", {"a": Tensor(np.zeros(24), *view)})
    with pytest.raises(TorchFileError, match="whole and undamaged"):
        read_torch_file(tmp_path / "x.pt")


def test_a_packed_archive_is_refused(tmp_path):
    value = {"a": Tensor(np.zeros(100))}
    FORMATS["archive"](tmp_path / "x.pt", value, zipfile.ZIP_DEFLATED)
    with pytest.raises(TorchFileError):
        read_torch_file(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text", bytes(100)])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(TorchFileError, match=r"`torch\.save` wrote"):
        read_torch_file(tmp_path / "x.pt")
