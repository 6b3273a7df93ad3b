"""Pairs of flags: they train, or one sentence says which do not go together."""

import json
import subprocess
import sys

import pytest

from kerasnorm.training.settings.settings import FIELDS
from tests.apps.conftest import draw_folder
from tests.training.flag_pairs import Pairs
from tests.training.flag_values import BASE, LEFT_OUT, VALUES


def named(pair, sentence):
    return [n for n, _ in pair if f"--{n.replace('_', '-')}" in sentence]


def test_settings_refuse_pairs_by_the_names_of_both(tmp_path):
    pairs = Pairs(tmp_path)
    pairs.check_settings()
    assert pairs.refused
    for pair, sentence in pairs.refused.items():
        assert len(named(pair, sentence)) == 2, sentence
        assert "\n" not in sentence


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_among_the_flags_or_left_out(name):
    assert (name in VALUES) != (name in LEFT_OUT)
    usual = BASE.get(name, FIELDS[name].default)
    assert usual not in VALUES.get(name, ())


@pytest.mark.slow
def test_every_pair_of_flags_trains_or_is_refused_in_one_sentence(tmp_path):
    draw_folder(tmp_path / "data", 24)
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.flag_pairs", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["faults"] == []
    for pair, sentence in found["refused"]:
        assert named(pair, sentence), (pair, sentence)
        assert "\n" not in sentence
