"""Searches settings: `python -m tuning.search --app cats_dogs --directory DIR`.

Flags of the app are fixed for all trials; what is not fixed and in the space varies.
"""

import argparse
import dataclasses
import importlib
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from kerasnorm.data.sources import source
from kerasnorm.programs import module_of
from kerasnorm.training.app import App
from kerasnorm.training.commands import command_line
from kerasnorm.training.settings import layering
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import names_with
from kerasnorm.training.system import backend, paths

from . import objectives, search_flags, spaces
from .default_space import default_space
from .plan import Plan, SearchDirectory
from .workers import child_processes, roles

# They may change when a search continues.
CHANGEABLE = ("trials", "median_rule", "max_failures", "hang_minutes")
# They say what a search looks for, and stay as they were.
OF_THE_BEGINNING = ("space", "objective", "algorithm")
# A search decides these for its trials.
NOT_FOR_TRIALS = ("name", "runs")
# They say how much is printed, each time again.
OF_ONE_CALL = ("quiet", "debug")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of a search.

    Args:
        argv: Words after `python -m tuning.search`; those of this process if None.

    Returns:
        Exit status: 0, 1 for a failure, 2 for wrong usage, 130 or so after a signal.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    status = 0

    def command() -> None:
        nonlocal status
        status = run(words)

    failed = command_line.in_one_sentence(
        command, debug="--debug" in words, keeps_files=True
    )
    return failed or status


def run(words: list[str]) -> int:
    """Begin a search, continue with one, or lend it workers.

    Args:
        words: The flags.

    Returns:
        Exit status.
    """
    given = search_flags.read(words)
    options = given.options
    # The processes of the search take it from the environment.
    backend.choose_backend(options.backend)
    if options.print_config:
        _print_config(given)
    given.check_existing()
    if options.directory is None:
        raise UsageError(
            "expected --directory DIR, where the search is to be kept, received none"
        )
    directory = SearchDirectory(pathlib.Path(options.directory).resolve())
    try:
        str(directory.path).encode()
    except UnicodeEncodeError:
        raise UsageError(
            "expected a --directory whose path is UTF-8, which KerasTuner needs, "
            f"received {os.fsencode(directory.path)!r}"
        ) from None
    if options.role == "worker":
        allowed = {"role", "chief", "directory", "workers", "deadline", "backend"}
        if options.chief is None or given.typed - allowed or given.fixed:
            raise UsageError(
                "expected --role worker with --chief HOST:PORT and --directory only, "
                f"received {' '.join(words)}"
            )
        return roles.run_workers(directory, options)
    if options.resume:
        plan = resumed_plan(directory, given)
    else:
        plan = make_plan(given)
        _check_new(directory, plan)
        if options.role is None:
            _check_data(plan)
    return roles.run_search(plan, directory, options)


def make_plan(given: search_flags.Given) -> Plan:
    """Return the plan that a command line asks for.

    Args:
        given: What it asks for.

    Raises:
        UsageError: If a flag or value cannot be used.
    """
    options, fixed = given.options, given.fixed
    wrong = [name for name in NOT_FOR_TRIALS if name in fixed]
    if wrong:
        raise UsageError(
            f"expected no --{wrong[0]}: the trials lie below --directory, received "
            f"--{wrong[0]} {given.settings[-1].values[wrong[0]]}"
        )
    settings, _ = given.settings_of(_app(options.app))
    # The doctor looks at the best one when an app trains it again; what it looks at
    # before a training hardly differs from trial to trial.
    absent = {name: False for name in ("examine", "preflight") if name not in fixed}
    settings = settings.replace(**absent)
    # Whoever continues or helps may stand in another folder.
    settings = settings.with_full_paths().replace(name=None, resume=None)
    space = default_space(has_gpu=bool(child_processes.gpus()))
    if options.space is not None:
        space = spaces.read_space(paths.fetched(options.space, "--space"), space)
    if fixed & set(names_with("is_strength")):
        # A range given by hand would be scaled, too.
        fixed.add(spaces.AUGMENTATION)
    space, settings = space.without(fixed).fix_single_values(settings)
    space.checked(settings)
    trials = options.trials
    if trials is None and options.algorithm not in ("hyperband", "grid"):
        trials = search_flags.DEFAULT_TRIALS
    return Plan(
        settings=settings,
        space=space,
        objectives=objectives.parse(
            [name for names in options.objective for name in names.split(",")]
        ),
        algorithm=options.algorithm,
        trials=trials,
        median_rule=options.median_rule,
        max_failures=options.max_failures,
        hang_minutes=options.hang_minutes,
        seed=settings.seed,
    )


def resumed_plan(directory: SearchDirectory, given: search_flags.Given) -> Plan:
    """Return the plan of a search that continues, with the limits that may change.

    Args:
        directory: Where its files lie.
        given: What the command line asks for.

    Raises:
        UsageError: If it asks for what must stay as it began.
    """
    before = directory.read_plan()
    directory.check_resumable()
    asked, _ = layering.merge(given.settings)
    call = {name: bool(asked.get(name)) for name in OF_ONE_CALL}
    before = dataclasses.replace(before, settings=before.settings.replace(**call))
    if set(asked) - set(OF_ONE_CALL) or given.typed & set(OF_THE_BEGINNING):
        # The same command line with --resume behind it is welcome.
        options = argparse.Namespace(**vars(given.options))
        options.app = options.app or before.settings.app
        now = make_plan(dataclasses.replace(given, options=options))
        for name in ("settings", "space", "objectives", "algorithm", "seed"):
            if getattr(now, name) != getattr(before, name):
                raise UsageError(
                    f"expected --resume with the {name} the search began with, "
                    "received others; only --trials, --workers, --deadline, "
                    "--median-rule, --max-failures and --hang-minutes may change"
                )
    changes = {
        name: getattr(given.options, name) for name in CHANGEABLE if name in given.typed
    }
    return dataclasses.replace(before, **changes)


def _app(name: str | None) -> App:
    known = search_flags.known_apps()
    if name not in known:
        found = "none" if name is None else repr(name)
        raise UsageError(
            f"expected --app to be one of {', '.join(known)}, received {found}"
        )
    app: App = importlib.import_module(module_of(f"apps.{name}")).APP
    return app


def _print_config(given: search_flags.Given) -> NoReturn:
    settings, sources = given.settings_of(_app(given.options.app))
    own = vars(given.options)
    values = {name: v for name, v in vars(settings).items() if name not in own}
    layering.print_config({**own, **values}, {**sources, **given.sources})


def _check_new(directory: SearchDirectory, plan: Plan) -> None:
    if directory.plan_file.exists():
        raise UsageError(
            f"expected a new --directory, received {directory.path}, which holds a "
            "search; continue it with --resume, or name another"
        )
    if paths.is_of_a_run(directory.path):
        raise UsageError(
            f"expected a new --directory, received {directory.path}, which belongs to "
            "a run or another search; name another"
        )
    taken = directory.path / plan.settings.app
    if taken.exists() or (directory.path.exists() and not directory.path.is_dir()):
        raise UsageError(
            f"expected a new --directory, received {directory.path}, which is a file "
            f"or holds runs of {plan.settings.app}; name another"
        )


def _check_data(plan: Plan) -> None:
    """Find the images once, before a handful of workers fail to, or draw them all.

    Args:
        plan: The search.

    Raises:
        ValueError: If there are none.
    """
    settings = plan.settings
    # These are written by TensorFlow, which would take hold of the GPUs here.
    if not settings.data.startswith(source.TFDS_PREFIX):
        source.open_source(
            settings.data,
            validation_fraction=settings.validation_fraction,
            seed=settings.seed,
        )


if __name__ == "__main__":
    sys.exit(main())
