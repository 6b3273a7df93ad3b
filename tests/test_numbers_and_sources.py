"""Every number and every source of every command, before anything is loaded."""

import itertools
import typing

import pytest
import yaml

from kerasnorm.training.settings import version as settings_version
from kerasnorm.training.system import importing
from tests.commands import COMMANDS, flags_of
from tuning import search_flags

NUMBERS = [
    (command, name)
    for command in COMMANDS
    for name, kind in flags_of(command).items()
    if {int, float} & set(typing.get_args(kind) or [kind])
    # The app's own are the same in a search.
    if command != "search" or name not in search_flags.OF_THE_APP
]


@pytest.fixture
def loads_nothing(monkeypatch, tmp_path):
    """Fail where Keras would be imported; stand in a folder of its own."""
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("loads_nothing")
@pytest.mark.parametrize(("command", "name"), NUMBERS, ids="-".join)
def test_numbers_out_of_range_are_refused_by_name(command, name, capsys, tmp_path):
    flag = "--" + name.replace("_", "-")
    for value in ("-5", "nan", "inf", "1e400", "much", "[1]", ""):
        words = [*COMMANDS[command].words, f"{flag}={value}"]
        assert COMMANDS[command].main(words) == 2, value
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        assert flag in error, value
    assert list(tmp_path.iterdir()) == []


OF_THE_SEARCH = {
    "app": ("a", "b", "c"),
    "algorithm": ("bayesian", "grid", "hyperband"),
    "trials": (1, 2, 3),
    "objective": (["gap"], ["seconds", "gap"], ["parameters"]),
    "space": ("a", "b", "c"),
    "directory": ("a", "b", "c"),
    "workers": (1, 2, 3),
    "resume": (True, False, True),
    "deadline": (1.5, 2.5, 3.5),
    "median_rule": (False, True, False),
    "max_failures": (1, 2, 3),
    "hang_minutes": (1.5, 2.5, 3.5),
    "role": ("chief", "worker", "chief"),
    "address": ("a:1", "b:1", "c:1"),
    "chief": ("a:1", "b:1", "c:1"),
    "backend": ("jax", "torch", "tensorflow"),
}
FILES_AND_FLAGS = [
    order
    for count in (1, 2, 3)
    for chosen in itertools.combinations(("first", "second", "flag"), count)
    for order in itertools.permutations(chosen)
]


def _spelled(name, value):
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [
        w
        for v in (value if isinstance(value, list) else [value])
        for w in (flag, str(v))
    ]


@pytest.mark.parametrize("order", FILES_AND_FLAGS, ids="-".join)
def test_a_search_takes_its_own_flags_from_files_too(tmp_path, order):
    words = {}
    for place, source in enumerate(("first", "second", "flag")):
        values = {name: found[place] for name, found in OF_THE_SEARCH.items()}
        if source == "flag":
            words[source] = [w for item in values.items() for w in _spelled(*item)]
        else:
            file = tmp_path / f"{source}.yaml"
            file.write_text(yaml.safe_dump({**values, "norm": source}))
            words[source] = ["--config", str(file)]
    given = search_flags.read([word for source in order for word in words[source]])
    files = [source for source in order if source != "flag"]
    last = "flag" if "flag" in order else files[-1]
    place = ("first", "second", "flag").index(last)
    for name, found in OF_THE_SEARCH.items():
        assert getattr(given.options, name) == found[place], name
    assert given.typed >= set(OF_THE_SEARCH)
    # What a file says of the app may still be searched.
    assert given.fixed == set()
    if files:
        assert [f.values["norm"] for f in given.settings[:-1]] == files


def test_the_table_holds_every_flag_of_the_search():
    of_the_parser = {"print_config"}
    own = set(flags_of("search")) - search_flags.OF_THE_APP - of_the_parser
    assert own == set(OF_THE_SEARCH)


def _positional(command):
    """Return the words of a command that no file can say."""
    return itertools.takewhile(
        lambda w: not w.startswith("--"), COMMANDS[command].words
    )


@pytest.mark.usefixtures("loads_nothing")
@pytest.mark.parametrize("command", COMMANDS)
def test_print_config_says_where_every_value_is_from(command, capsys, tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("debug: true\n")
    words = ["--config", str(file), *COMMANDS[command].words, "--print_config"]
    assert COMMANDS[command].main(words) == 0
    shown = capsys.readouterr()
    values = yaml.safe_load(shown.out)
    del values[settings_version.KEY]
    assert values["debug"] is True
    origins = [line.partition(": ") for line in shown.err.splitlines()]
    assert f"from {file}" in [source for source, _, _ in origins]
    named = [n for _, _, names in origins for n in names.split(", ")]
    assert sorted(named) == sorted(values)
    again = tmp_path / "again.yaml"
    again.write_text(shown.out)
    positional = list(_positional(command))
    again_words = ["--config", str(again), *positional, "--print_config"]
    assert COMMANDS[command].main(again_words) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    del found[settings_version.KEY]
    assert found == values
