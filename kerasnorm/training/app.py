"""One app: its settings and presets, and the command line that changes them."""

import argparse
import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasnorm.programs import command_of
from kerasnorm.training.pretrained.network_settings import network_of
from kerasnorm.training.settings import (
    Settings,
    layering,
    old_names,
    parsing,
    unused,
)
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.flags import add_settings
from kerasnorm.training.settings.layering import Layer
from kerasnorm.training.settings.settings import DECLARED, FIELDS, OLD_NAMES, names_with
from kerasnorm.training.system import backend, paths

# What each command of an app does, by its usage.
COMMANDS = {
    "(no command)": "train; the last line printed is the run directory",
    "evaluate RUN_DIR": "loss and accuracy of a finished run",
    "predict RUN_DIR PATH...": "label and probability of images",
}
# Where values are from that the chosen model and the like do not use.
UNUSED = "the defaults, because nothing uses them"


@dataclasses.dataclass(frozen=True)
class App:
    """One task: its name, its settings and the presets that go with kinds of data.

    Args:
        name: Folder below `runs` and module below `apps`.
        title: One line that says what the app does.
        settings: The settings that hold for all data.
        presets: Changes to the settings by preset name. Unless `--preset` names one,
            `pretrained` is taken where there are weights to start from, else `drawn`
            for the drawn default data and `photos` for any other.
    """

    name: str
    title: str
    settings: Settings
    presets: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def command(self) -> str:
        """What starts the app where it is installed: `python -m apps.cats_dogs`."""
        return command_of(f"apps.{self.name}")

    def preset_for(
        self, data: str, weights: str | None, name: str | None
    ) -> dict[str, Any]:
        """Return the changes of a preset, chosen by name or else by what trains.

        Args:
            data: The `--data` setting.
            weights: The `--weights` setting.
            name: Name of a preset, or None to choose by the other two.

        Raises:
            UsageError: If there is no preset of that name.
        """
        if name is None:
            name = "drawn" if data == "drawn" else "photos"
            if weights and "pretrained" in self.presets:
                name = "pretrained"
            found = dict(old_names.renamed(self.presets.get(name, {}), OLD_NAMES))
            if weights and paths.is_path(weights):
                # They are of another network than those that the preset names.
                found = {
                    k: v for k, v in found.items() if k not in ("model", "weights")
                }
            return found
        if name not in self.presets:
            raise UsageError(
                f"expected --preset to be one of {', '.join(self.presets)}, "
                f"received {name!r}"
            )
        return old_names.renamed(self.presets[name], OLD_NAMES)


def parse_training(app: App, argv: Sequence[str]) -> Settings:
    """Return the settings that a command line asks for; see `parse_with_defaults`."""
    return parse_with_defaults(app, argv)[0]


def parse_with_defaults(
    app: App, argv: Sequence[str]
) -> tuple[Settings, Settings | None]:
    """Return the settings of a command line, and those it would have without flags.

    Flags count more than `--config` files, later files more than earlier ones, these
    more than the preset, and the preset more than the app's settings, wherever they
    stand. With `--resume` the run's own settings hold.

    Args:
        app: The app.
        argv: Words after `python -m apps.NAME`.

    Returns:
        The settings; and the app's with the preset that was named, or that data and
        weights choose. None for a resumed run, which has noted them.

    Raises:
        UsageError: If a flag or value cannot be used.
        SystemExit: After `--help` and `--print_config`.
    """
    parser = training_parser(app)
    typed = parser.read(argv)
    given = layering.merge(typed)[0]
    # Before anything imports Keras.
    backend.choose_backend(given.get("backend"))
    settings, sources = resolve(app, parser, typed)
    if given.get("print_config"):
        # The backend is no setting of the training, but of its repetition.
        others = {n: given[n] for n in ("backend",) if given.get(n) is not None}
        layering.print_config(
            {**vars(settings), **others}, {**layering.merge(typed)[1], **sources}
        )
    parser.checked(given, exist=True)
    if given.get("resume"):
        return settings, None
    usual = layering.merge(_of_new(app, given, []))[0]
    return settings, Settings(**{name: usual[name] for name in FIELDS})


def resolve(
    app: App, parser: parsing.Parser, typed: list[Layer]
) -> tuple[Settings, dict[str, str]]:
    """Return the settings that flags and files ask for, and where each value is from.

    Args:
        app: The app.
        parser: Its parser.
        typed: What files and flags say, what counts least first.

    Raises:
        UsageError: If a value cannot be used.
    """
    given = parser.checked(layering.merge(typed)[0])
    if given.get("app", app.name) != app.name:
        raise UsageError(
            f"expected settings of the app {app.name}, received some of "
            f"{given['app']}; run them with {command_of('apps.' + given['app'])}"
        )
    if given.get("resume"):
        values, sources = layering.merge(_of_resumed(app, given, typed))
    else:
        layers = _of_new(app, given, typed)
        values, sources = layering.merge(layers)
        own = [layer.source for layer in layers[: -len(typed) or None]]
        for name in unused.inapplicable_names(values):
            # A preset serves several models; nobody has asked for this value.
            if sources[name] in own:
                values[name], sources[name] = FIELDS[name].default, UNUSED
    values = parser.checked({name: values[name] for name in FIELDS})
    settings = Settings(**values)
    flagged = [name for name in FIELDS if sources[name] == layering.FLAGS]
    unused.refuse_unused(settings, flagged)
    if settings.split is None and settings.resume is None:
        split, source = _split_beside(typed, settings)
        settings, sources = settings.replace(split=split), {**sources, "split": source}
    return settings, sources


def training_parser(app: App) -> parsing.Parser:
    """Return the parser of an app's training.

    Args:
        app: The app.
    """
    parser = parsing.Parser(
        prog=app.command,
        usage=f"{app.command} [COMMAND] [FLAGS]",
        description=f"{app.title} Switches need no value: --quiet, "
        "--no-horizontal-flip.",
        commands=COMMANDS,
    )
    parser.add_value(
        "--preset",
        str | None,
        f"One of {', '.join(app.presets)}; chosen by the data if not given.",
    )
    backend.add_flag(parser)
    # A run's settings.yaml names its app; as a flag it would have no meaning.
    parser.add_value("--app", str, argparse.SUPPRESS, default=app.name)
    add_settings(parser)
    changes = app.preset_for(app.settings.data, None, None)
    defaults = {**dataclasses.asdict(app.settings), **changes}
    parser.set_defaults({name: defaults[name] for name in FIELDS if name != "app"})
    return parser


def _of_new(app: App, given: dict[str, Any], typed: list[Layer]) -> list[Layer]:
    own = dataclasses.asdict(app.settings)
    name = given.get("preset")
    changes = app.preset_for(
        given.get("data", own["data"]), given.get("weights", own["weights"]), name
    )
    chosen = f"preset {name}" if name else "the preset that the data choose"
    layers = [Layer("the app's defaults", own), Layer(chosen, changes)]
    earlier = network_of(str(given.get("weights")))
    if earlier:
        layers.append(Layer(f"the run {given['weights']}", earlier))
    return [*layers, *typed]


def _of_resumed(app: App, given: dict[str, Any], typed: list[Layer]) -> list[Layer]:
    """Return the run's settings and what may change; refuse what differs otherwise."""
    from kerasnorm.training.record import run_directory

    directory = run_directory.open_run(given["resume"])
    saved = directory.read_settings()
    if saved.app != app.name:
        raise UsageError(
            f"expected a run of the app {app.name}, received one of {saved.app}; "
            f"continue it by {command_of('apps.' + saved.app)} --resume "
            f"{directory.path}"
        )
    named = given.get("preset")
    preset = app.preset_for(saved.data, saved.weights, named) if named else {}
    asked = {**preset, **{name: given[name] for name in FIELDS if name in given}}
    others = [
        f"--{name.replace('_', '-')} {value} (the run has "
        f"{directory.path.resolve().name if name == 'name' else getattr(saved, name)})"
        for name, value in asked.items()
        if name not in names_with("changes_on_resume")
        and not _is_same(name, value, saved, directory.path.resolve())
    ]
    if others:
        raise UsageError(
            f"expected --resume with the settings that {directory.path} began with, "
            f"received {', '.join(others)}; leave them out, only --epochs, "
            "--max-minutes, --patience, --on-nan, --distribute, --cache and "
            "--cache-limit may change"
        )
    directory.check_resumable()
    trained = len(directory.read_history())
    if given.get("epochs", saved.epochs) < trained:
        raise UsageError(
            f"expected --epochs {trained} or more, received {given['epochs']}: "
            f"{directory.path} has trained {trained} epochs already"
        )
    changeable = names_with("changes_on_resume")
    changes = [
        Layer(
            layer.source,
            {k: v for k, v in layer.values.items() if k in changeable},
        )
        for layer in typed
    ]
    own = Layer(str(directory.settings_file), dataclasses.asdict(saved))
    return [own, *changes]


def _split_beside(typed: list[Layer], settings: Settings) -> tuple[str | None, str]:
    """Return the split of a run whose settings divide the data alike, and the file."""
    for layer in reversed(typed):
        file = pathlib.Path(paths.fetched(layer.source, "--config"))
        split = file.with_name("split.csv")
        if file.name == "settings.yaml" and split.is_file():
            before = Settings.from_dict(layer.values, layer.source)
            if all(
                _is_same(name, getattr(settings, name), before, file.parent)
                for name in names_with("divides_data")
            ):
                return str(split), layer.source
    return None, "the app's defaults"


def _is_same(name: str, value: Any, saved: Settings, run: pathlib.Path) -> bool:
    before = getattr(saved, name)
    if name == "name":
        return value in (None, run.name)
    if name == "runs":
        # The folder may have been moved since.
        places = {os.path.realpath(before), str(run.parent.parent)}
        return os.path.realpath(value) in places
    is_path = DECLARED[name].reads or DECLARED[name].writes
    if is_path and value is not None and before is not None:
        return paths.in_full(value, name) == paths.in_full(before, name)
    # The run has settled what was left to it.
    return value == before or value == "auto"
