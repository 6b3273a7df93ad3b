import json
import os
import pickle

import numpy as np
import pytest

from kerasnorm.callbacks import checkpoint_files

pytestmark = pytest.mark.backends


def state(number):
    return {
        "number": number,
        "nested": [{"array": np.arange(3.0) * number, "nothing": None}, [True, "a"]],
        "loss": float("nan"),
    }


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "checkpoint"
    for number in range(4):
        checkpoint_files.write(folder, state(number))
    return folder


def newest(folder):
    return checkpoint_files.list_files(folder)[-1]


def test_what_was_written_comes_back(folder):
    found = checkpoint_files.read_newest(folder)
    assert found.damaged == []
    np.testing.assert_equal(found.state, state(3))


def test_two_are_kept_and_nothing_else_lies_there(folder):
    assert len(list(folder.iterdir())) == 2
    assert checkpoint_files.read(checkpoint_files.list_files(folder)[0])["number"] == 2


def flip_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-100]),
    "empty": lambda file: file.write_bytes(b""),
    "bit": flip_bit,
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_one_before_a_damaged_one_is_used(folder, damage):
    name = newest(folder).name
    DAMAGES[damage](newest(folder))
    found = checkpoint_files.read_newest(folder)
    assert found.state["number"] == 2
    assert found.damaged == [name]


def test_numbers_go_on_after_a_damaged_one(folder):
    flip_bit(newest(folder))
    checkpoint_files.write(folder, state(4))
    assert checkpoint_files.read_newest(folder).state["number"] == 4


def test_an_empty_or_missing_folder_holds_nothing(tmp_path):
    assert checkpoint_files.read_newest(tmp_path) is None
    assert checkpoint_files.read_newest(tmp_path / "missing") is None


def test_leftovers_of_a_killed_program_are_neither_read_nor_kept(folder):
    (folder / ".123.aside").write_bytes(b"half")
    assert checkpoint_files.read_newest(folder).state["number"] == 3
    checkpoint_files.remove_leftovers(folder)
    assert len(list(folder.iterdir())) == 2


def full_disk(*args, **kwargs):
    raise OSError(28, os.strerror(28))


@pytest.mark.parametrize("step", ["np.savez", "os.fsync"])
def test_a_failed_write_leaves_the_ones_before(folder, monkeypatch, step):
    module, name = step.split(".")
    monkeypatch.setattr(getattr(checkpoint_files, module), name, full_disk)
    before = sorted(file.name for file in folder.iterdir())
    with pytest.raises(OSError, match="No space left"):
        checkpoint_files.write(folder, state(4))
    assert sorted(file.name for file in folder.iterdir()) == before


def test_a_removed_run_directory_does_not_come_back(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint_files.write(tmp_path / "removed" / "checkpoint", state(0))
    assert not (tmp_path / "removed").exists()


def test_reading_never_unpickles(tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    harm = np.empty(1, object)
    harm[0] = Harm()
    assert b"harm" in pickle.dumps(harm)
    folder = tmp_path / "checkpoint"
    file = checkpoint_files.write(folder, {"number": 0})
    text = np.frombuffer(json.dumps({"a": {"__array__": 0}}).encode(), np.uint8)
    np.savez(file, state=text, array0=harm)
    # An attacker can compute checksums, too.
    with file.open("rb") as stream:
        checksum = checkpoint_files._checksum(stream)
    file.rename(folder / f"000009-{checksum}.npz")
    with pytest.raises(ValueError, match="pickle"):
        checkpoint_files.read(newest(folder))
    assert not (tmp_path / "harm").exists()


def test_bfloat16_arrays_keep_their_values(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.arange(5).astype(ml_dtypes.bfloat16) / 3
    checkpoint_files.write(tmp_path, {"array": array})
    found = checkpoint_files.read_newest(tmp_path).state["array"]
    np.testing.assert_array_equal(found, array.astype(np.float32))


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3)])
def test_an_array_of_any_shape_comes_back_as_it_was(tmp_path, kind, shape):
    array = np.ones(shape, kind)
    # Reading a scalar weight gives a NumPy scalar and no array.
    given = {"array": array, "read": array[()]}
    checkpoint_files.write(tmp_path / "checkpoint", given)
    found = checkpoint_files.read_newest(tmp_path / "checkpoint").state
    for name, value in given.items():
        assert type(found[name]) is type(value)
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
