"""Searches settings: `python -m tuning.search --app cats_dogs --directory DIR`.

Flags of the app are fixed for all trials; what is not fixed and in the space varies.
"""

import argparse
import dataclasses
import importlib
import pathlib
import sys
from collections.abc import Sequence

from kerasnorm.data import sources
from kerasnorm.training import command_line, flags, paths
from kerasnorm.training.errors import UsageError
from tuning import objectives, processes, roles, search_flags, spaces
from tuning.plan import Plan, SearchDirectory

# They may change when a search goes on.
CHANGEABLE = ("trials", "median_rule", "max_failures", "hang_minutes")
# A search decides these for its trials.
NOT_FOR_TRIALS = ("name", "runs", "app")
# They say how much is printed, each time anew.
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
    """Begin a search, go on with one, or lend it workers.

    Args:
        words: The flags.

    Returns:
        Exit status.
    """
    options, rest = search_flags.make_parser().parse_known_args(words)
    if options.directory is None:
        raise UsageError("expected --directory DIR, where the search is to be kept")
    folder = paths.local(options.directory, "--directory")
    directory = SearchDirectory(pathlib.Path(folder).resolve())
    if options.role == "worker":
        if options.chief is None or rest:
            raise UsageError(
                "expected --role worker with --chief HOST:PORT and --directory only, "
                f"received {' '.join(words)}"
            )
        return roles.lend_workers(directory, options)
    if options.resume:
        plan = _resumed(directory, options, rest)
    else:
        plan = make_plan(options, rest)
        _check_new(directory, plan)
        if options.role is None:
            _check_data(plan)
    return roles.lead(plan, directory, options)


def make_plan(options: argparse.Namespace, rest: list[str]) -> Plan:
    """Return the plan that a command line asks for.

    Args:
        options: The flags of the search.
        rest: The flags of the app.

    Raises:
        UsageError: If a flag or value cannot be used.
    """
    known = search_flags.known_apps()
    if options.app is None:
        raise UsageError(f"expected --app, one of {', '.join(known)}")
    if options.app not in known:
        raise UsageError(
            f"expected --app to be one of {', '.join(known)}, received {options.app!r}"
        )
    app = importlib.import_module(f"apps.{options.app}").APP
    fixed = _given(app, rest)
    wrong = [name for name in NOT_FOR_TRIALS if name in fixed]
    if wrong:
        raise UsageError(
            f"expected no --{wrong[0]}: the trials lie below --directory, received "
            f"{' '.join(rest)}"
        )
    settings = flags.parse_training(app, rest)
    # The doctor looks at the best one when an app trains it anew; what it looks at
    # before a training hardly differs from trial to trial.
    absent = {name: False for name in ("examine", "preflight") if name not in fixed}
    settings = settings.replace(**absent)
    # Whoever goes on or helps may stand in another folder.
    settings = settings.with_full_paths().replace(name=None, resume=None)
    space = spaces.default_space(has_gpu=bool(processes.gpus()))
    if options.space is not None:
        space = spaces.read_space(paths.local(options.space, "--space"), space)
    if fixed & set(spaces.AUGMENTED):
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


def _resumed(
    directory: SearchDirectory, options: argparse.Namespace, rest: list[str]
) -> Plan:
    before = directory.read_plan()
    directory.check_resumable()
    call = {name: f"--{name}" in rest for name in OF_ONE_CALL}
    before = dataclasses.replace(before, settings=before.settings.replace(**call))
    begins = {word for word in rest if word[2:] not in OF_ONE_CALL}
    given = options.given - {"app"}
    if begins or given & {"space", "objective", "algorithm"}:
        # The same command line with --resume behind it is welcome.
        options.app = options.app or before.settings.app
        now = make_plan(options, rest)
        for name in ("settings", "space", "objectives", "algorithm", "seed"):
            if getattr(now, name) != getattr(before, name):
                raise UsageError(
                    f"expected --resume with the {name} the search began with, "
                    "received others; only --trials, --workers, --deadline, "
                    "--median-rule, --max-failures and --hang-minutes may change"
                )
    changes = {name: getattr(options, name) for name in CHANGEABLE if name in given}
    return dataclasses.replace(before, **changes)


def _check_new(directory: SearchDirectory, plan: Plan) -> None:
    if directory.plan_file.exists():
        raise UsageError(
            f"expected a new --directory, received {directory.path}, which holds a "
            "search; go on with it by --resume, or name another"
        )
    # A trial without a checkpoint clears its run directory away before it begins.
    taken = directory.path / plan.settings.app
    if taken.exists() or (directory.path.exists() and not directory.path.is_dir()):
        raise UsageError(
            f"expected a new --directory, received {directory.path}, which is a file "
            f"or holds runs of {plan.settings.app}; name another"
        )


def _check_data(plan: Plan) -> None:
    """Find the pictures once, before a handful of workers fail to, or draw them all.

    Args:
        plan: The search.

    Raises:
        ValueError: If there are none.
    """
    settings = plan.settings
    # These are written by TensorFlow, which would take hold of the GPUs here.
    if not settings.data.startswith(sources.TFDS_PREFIX):
        sources.open_source(
            settings.data,
            validation_fraction=settings.validation_fraction,
            seed=settings.seed,
        )


def _given(app: flags.App, rest: list[str]) -> set[str]:
    typed = flags.training_parser(app).read(rest)[-1]
    return set(typed.values) & set(flags.FIELDS)


if __name__ == "__main__":
    sys.exit(main())
