import json
import os
import subprocess
import sys

import keras
import pytest

from kerasnorm.training.loop import resume
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import importing

SCRIPT = """
import os
from kerasnorm.training.system import importing
importing.import_keras()
print(os.environ["TF_ENABLE_ONEDNN_OPTS"])
"""


@pytest.mark.thorough
@pytest.mark.parametrize("wish", [None, "0"])
def test_asks_for_onednn_unless_told_otherwise_and_prints_nothing(wish):
    pytest.importorskip("tensorflow")
    environment = dict(os.environ)
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if wish is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = wish
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [wish or "1"]
    assert done.stderr == ""


# What keras.json, KERAS_... variables or a program may have set.
OTHERS = {
    "floatx": "float16",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "dtype_policy": "mixed_bfloat16",
    "max_epochs": 1,
    "max_steps_per_epoch": 1,
}


def test_the_table_holds_all_that_keras_can_be_told():
    known = {name[4:] for name in dir(keras.config) if name.startswith("set_")}
    # The backend is a choice of the environment.
    assert known - {"backend"} == set(importing.PLAIN) == set(OTHERS)


@pytest.fixture
def other_keras():
    """Keras as somebody else has configured it."""
    before = {name: getattr(keras.config, name)() for name in OTHERS}
    importing._configure(OTHERS)
    yield
    importing._configure(before)


def configured():
    found = {name: getattr(keras.config, name)() for name in OTHERS}
    policy = found["dtype_policy"]
    return {**found, "dtype_policy": getattr(policy, "name", policy)}


@pytest.mark.usefixtures("other_keras")
def test_runs_see_a_plain_keras_and_leave_it_as_it_was():
    before = configured()
    with importing.plain_keras():
        assert configured() == importing.PLAIN
    assert configured() == before == OTHERS


@pytest.mark.usefixtures("other_keras")
def test_commands_see_a_plain_keras():
    importing.import_keras()
    assert configured() == importing.PLAIN


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("written", "variables", "sentence"),
    [
        ({**OTHERS, "dtype_policy": "mixed_bfloat16"}, {}, None),
        ({}, {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}, None),
        ({"backend": "caffe"}, {}, "expected Keras to accept its keras.json"),
        ({"floatx": "float7"}, {}, "expected Keras to accept its keras.json"),
        ({}, {"KERAS_NNX_ENABLED": "true", "KERAS_BACKEND": "jax"}, "expected Keras"),
    ],
)
def test_what_keras_reads_changes_nothing_or_is_refused(
    tmp_path, written, variables, sentence
):
    (tmp_path / "keras.json").write_text(json.dumps(written))
    code = (
        "import keras\nfrom kerasnorm.training.system import importing\n"
        "importing.import_keras()\n"
        "for name, value in importing.PLAIN.items():\n"
        "    found = getattr(keras.config, name)()\n"
        "    assert getattr(found, 'name', found) == value, name\n"
    )
    if sentence:
        code = code.replace("import keras\n", "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_HOME": str(tmp_path), **variables},
        capture_output=True,
        text=True,
    )
    if sentence is None:
        assert done.returncode == 0, done.stderr
    else:
        assert f"UsageError: {sentence}" in done.stderr


def test_a_run_is_resumed_by_the_backend_it_began_with(tmp_path):
    directory = RunDirectory(tmp_path)
    resume.check_backend(directory)
    for name in ("tensorflow", "jax", "torch"):
        directory.write_json("environment.json", {"backend": name})
        if name == keras.config.backend():
            resume.check_backend(directory)
        else:
            with pytest.raises(UsageError, match=f"KERAS_BACKEND={name}"):
                resume.check_backend(directory)
