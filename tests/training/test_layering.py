"""Every setting from every source in every order, and what --resume accepts."""

import itertools

import pytest
import yaml

from kerasnorm.training.app import App, parse_training
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings, checks
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import FIELDS, names_with
from kerasnorm.training.settings.unused import unused_names
from kerasnorm.training.system import paths

# Four other values than the default where the rules do not allow half and double.
CHOICES = {
    # With all of them every setting below is used.
    "norm": ("sync_batch", "ghost_batch", "batch_renorm", "switchable"),
    "model": ("convnet",) * 4,
    "optimizer": ("sgd", "adam", "muon", "ranger21"),
    "precision": ("auto", "bfloat16", "float16", "float32"),
    "schedule": ("stable_decay", "cosine", "stable_decay", "cosine"),
    "on_nan": ("skip", "reduce-lr", "stop", "skip"),
    "distribute": ("auto", "none", "auto", "none"),
    "fold": (1, 2, 3, 4),
    "cache": ("memory", "disk", "none", "memory"),
    "image_size": (64, 96, 128, 160),
    "stem_strides": (4, 2, 4, 2),
    "fold_groups": ("a", "b", "c", "d"),
}
SOURCES = ("preset", "first", "second", "flag")
UNUSED = unused_names(vars(Settings()))
NAMES = sorted(set(FIELDS) - {"app", "resume", *UNUSED})


def values_of(name):
    if name in CHOICES:
        return CHOICES[name]
    kind = str(FIELDS[name].type)
    if "bool" in kind:
        return (True, False, True, False)
    if "int" in kind:
        return (2, 3, 4, 5) if name != "train_size" else (32, 48, 64, 80)
    if "float" in kind:
        return (0.31, 0.32, 0.33, 0.34)
    return ("a", "b", "c", "d")


def spelled(name, value):
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, str(value)]


def written(folder, name, values):
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(values))
    return str(file)


ORDERS = [
    order
    for count in range(1, 5)
    for chosen in itertools.combinations(SOURCES, count)
    for order in itertools.permutations(chosen)
]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Every setting at once, with a value of its own from every source."""
    folder = tmp_path_factory.mktemp("files")
    values = {
        source: {name: values_of(name)[place] for name in NAMES}
        for place, source in enumerate(SOURCES)
    }
    given = {
        "preset": ["--preset", "odd"],
        "first": ["--config", written(folder, "first", values["first"])],
        "second": ["--config", written(folder, "second", values["second"])],
        "flag": list(
            itertools.chain(*itertools.starmap(spelled, values["flag"].items()))
        ),
    }
    return values, given


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_flags_beat_files_these_the_preset_and_that_the_defaults(
    words, order, monkeypatch
):
    # Not all of them go together.
    monkeypatch.setattr(checks, "check", lambda settings: None)
    monkeypatch.setattr(paths, "existing", paths.readable)
    values, given = words
    app = App("toy", "A toy.", Settings(app="toy"), {"odd": values["preset"]})
    found = parse_training(app, list(itertools.chain(*(given[s] for s in order))))
    if "flag" in order:
        expected = "flag"
    else:
        # The file that stands behind the other counts.
        files = [source for source in order if source != "preset"]
        expected = files[-1] if files else "preset"
    for name in NAMES:
        assert getattr(found, name) == values[expected][name], name


@pytest.mark.parametrize("where", ["first", "second", "flag"])
def test_a_preset_may_be_named_anywhere(tmp_path, where):
    app = App("toy", "A toy.", Settings(app="toy"), {"odd": {"epochs": 77}})
    files = {
        name: written(tmp_path, name, {"preset": "odd"} if name == where else {})
        for name in ("first", "second")
    }
    flag = ["--preset", "odd"] if where == "flag" else []
    words = ["--config", files["first"], "--config", files["second"], *flag]
    assert parse_training(app, words).epochs == 77
    wrong = written(tmp_path, "wrong", {"preset": "od"})
    with pytest.raises(UsageError, match="'od'"):
        parse_training(app, ["--config", wrong])


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"app"}))
def test_an_empty_key_is_null_or_refused(tmp_path, name):
    app = App("toy", "A toy.", Settings(app="toy"))
    file = written(tmp_path, "some", {name: None})
    if "None" in str(FIELDS[name].type):
        assert getattr(parse_training(app, ["--config", file]), name) is None
    else:
        with pytest.raises(UsageError, match=f"expected {name} in .*nothing behind"):
            parse_training(app, ["--config", file])


def test_print_config_is_a_config_and_tells_where_each_value_is_from(tmp_path, capsys):
    app = App("toy", "A toy.", Settings(app="toy"), {"odd": {"norm": "group"}})
    file = written(tmp_path, "some", {"seed": 5, "epochs": 9})
    words = ["--epochs", "3", "--config", file, "--preset", "odd"]
    with pytest.raises(SystemExit) as left:
        parse_training(app, [*words, "--print_config"])
    assert left.value.code == 0
    shown = capsys.readouterr()
    again = tmp_path / "again.yaml"
    again.write_text(shown.out)
    assert parse_training(app, ["--config", str(again)]) == parse_training(app, words)
    origins = dict(line.split(": ") for line in shown.err.splitlines())
    assert origins["from flags"] == "epochs"
    assert origins[f"from {file}"] == "seed"
    assert origins["from preset odd"] == "norm"
    assert "batch_size" in origins["from the app's defaults"].split(", ")


@pytest.fixture
def run(tmp_path):
    """A run directory that has trained four epochs."""
    path = tmp_path / "runs" / "toy" / "one"
    path.mkdir(parents=True)
    directory = RunDirectory(path)
    # Whether a run can be resumed is told by the files of its checkpoint.
    directory.checkpoint.mkdir()
    (directory.checkpoint / "000001-.npz").touch()
    directory.write_settings(
        Settings(app="toy", epochs=4, runs=str(tmp_path / "runs"), norm="group")
    )
    directory.write_history([{"epoch": number, "loss": 1.0} for number in (1, 2, 3, 4)])
    return path


@pytest.mark.parametrize("source", ["flag", "file"])
@pytest.mark.parametrize("name", NAMES)
def test_resume_takes_what_the_run_has_and_names_what_it_has_not(
    tmp_path, run, name, source
):
    app = App("toy", "A toy.", Settings(app="toy"))
    before = parse_training(app, ["--resume", str(run)])
    same = run.name if name == "name" else getattr(before, name)
    values = ("resnet",) if name == "model" else values_of(name)
    other = next(value for value in values if value != same)

    def words(value):
        if source == "flag":
            return ["--resume", str(run), *spelled(name, value)]
        file = written(tmp_path, "some", {name: value, "resume": str(run)})
        return ["--config", file]

    if same is not None:
        assert parse_training(app, words(same)).replace(name=None) == before
    if name == "epochs":
        other = 5
    if name in names_with("changes_on_resume"):
        assert getattr(parse_training(app, words(other)), name) == other
    elif other == "auto":
        assert parse_training(app, words(other)) == before
    else:
        with pytest.raises(UsageError, match="--" + name.replace("_", "-")):
            parse_training(app, words(other))


def test_resume_with_fewer_epochs_than_trained_says_so(run):
    app = App("toy", "A toy.", Settings(app="toy"))
    with pytest.raises(UsageError, match="has trained 4 epochs already"):
        parse_training(app, ["--resume", str(run), "--epochs", "2"])
