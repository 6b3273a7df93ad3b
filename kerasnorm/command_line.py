"""The `kerasnorm` command: scan images, examine and change finished models."""

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kerasnorm import data_commands, program_commands, script_commands
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.commands.command_line import ACCEPT_CHANGES, in_one_sentence
from kerasnorm.training.commands.help_texts import (
    INTERPOLATION_HELP,
    PREPROCESSING_HELP,
    RESCALE_HELP,
    TRUST_HELP,
)
from kerasnorm.training.settings import parsing
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import backend, paths, streams
from kerasnorm.version import __version__

# What these print is only a word on the file they have written.
KEEP_FILES = (["swap"], ["fold"], ["recalibrate"], ["shard"])
FAIL_ON = ("info", "warning", "error")
# Images that measure the scales of a network without norms.
SCALING_BATCH = 64
Command = Callable[[list[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `kerasnorm COMMAND ...`.

    Args:
        argv: Words after `kerasnorm`; those of this process if None.

    Returns:
        Exit status: 0, 1 for a failure, 2 for wrong usage, 3 if `doctor --ci` or `lint`
        found something.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"]:
        # The streams are the script's, as they are.
        return script_commands.run(words[1:])
    status = [0]

    def command() -> None:
        if words[:1] == ["--version"]:
            print(__version__)
            return
        if not words or words[0] in ("-h", "--help"):
            print(_overview())
            return
        if words[0] not in COMMANDS:
            raise UsageError(
                f"expected a command, one of {', '.join(COMMANDS)}, received "
                f"{words[0]!r}"
            )
        status[0] = COMMANDS[words[0]][1](words[1:])

    failed = in_one_sentence(
        command, debug="--debug" in words, keeps_files=words[:1] in KEEP_FILES
    )
    return failed or status[0]


def doctor(words: list[str]) -> int:
    """Say why validation breaks."""
    parser = _parser("doctor", "Say why validation breaks, by measurement.")
    parser.add_path("target", "A run directory or a .keras file.", fetch=True)
    parser.add_value("--trust", bool, TRUST_HELP)
    parser.add_path("--train", "Folder of training images, or one with train/.")
    parser.add_path("--validation", "Folder to validate on, or one with validation/.")
    parser.add_value("--json", bool, "Print JSON.")
    parser.add_path("--html", "File to write a page to.", check=paths.output)
    parser.add_value(
        "--prove",
        bool,
        "Try the first remedy on a copy, measure again, save the copy beside.",
    )
    parser.add_value("--accept_changes", bool, ACCEPT_CHANGES)
    _add_decoding(parser)
    backend.add_flag(parser)
    parser.add_value("--ci", bool, "Exit with 3 if something was found.")
    parser.add_choice("--fail_on", FAIL_ON, "What counts for --ci", default="warning")
    options = _parse(parser, words)
    from kerasnorm.doctor import command
    from kerasnorm.training.commands import diagnose_run

    found = diagnose_run.diagnose_run(
        options.target,
        options.train,
        options.validation,
        prove=options.prove,
        trust=options.trust,
        accept_changes=options.accept_changes,
        decoding=_decoding(options),
        progress=_say,
    )
    if options.json:
        streams.print_json(found.to_dict())
    else:
        print(found.to_text())
    if options.html:
        pathlib.Path(options.html).write_text(
            found.to_html(), encoding="utf-8", errors="backslashreplace"
        )
    return command.exit_status(found.examination, options.fail_on) if options.ci else 0


def swap(words: list[str]) -> int:
    """Replace the norms of a saved model."""
    parser = _surgery("swap", "Replace the norms of a model; the file given stays.")
    parser.add_choice("--to", NORM_KINDS, "The new norm", required=True)
    parser.add_number(
        "--groups", int, 1, "Groups of --to group, where it divides.", default=32
    )
    parser.add_path("--data", "Images that set the scale of --to none.")
    _add_decoding(parser)
    options = _parse(parser, words)
    model = _load(options)
    from kerasnorm import surgery

    batch = None
    if options.data is not None:
        from kerasnorm.training.commands import model_recalibration

        index = _training_files(options.model, options.data)
        batches = model_recalibration.expected_batches(
            model, index, _decoding(options), SCALING_BATCH, progress=_say
        )
        batch = batches[0][0]
    try:
        new_model, report = surgery.swap_norm(
            model, options.to, groups=options.groups, batch=batch
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    return _save(new_model, options.output, report)


def fold(words: list[str]) -> int:
    """Fold batch normalization into the layers before it."""
    parser = _surgery("fold", "Fold batch normalization into convolutions and Dense.")
    options = _parse(parser, words)
    model = _load(options)
    from kerasnorm import surgery

    folded = surgery.fold_batch_norm(model)
    return _save(folded, options.output, surgery.compare_folded(model, folded))


def recalibrate(words: list[str]) -> int:
    """Re-estimate the moving statistics of a saved model."""
    parser = _surgery("recalibrate", "Re-estimate the moving statistics of a model.")
    parser.add_path(
        "--data",
        "Class folders, or a folder with train/; for a run's model.keras the images it "
        "was trained on if not given.",
    )
    parser.add_value("--accept_changes", bool, ACCEPT_CHANGES)
    parser.add_number("--batch_size", int, 1, "Images a step.", default=32)
    parser.add_number("--samples", int, 1, "Images to use at most.", default=4096)
    _add_decoding(parser)
    parser.add_value("--force", bool, "Write a model that is worse on these images.")
    options = _parse(parser, words)
    model = _load(options)
    from kerasnorm.inspection.moving_statistics import find_batch_norms
    from kerasnorm.training.commands import model_recalibration

    if not find_batch_norms(model):
        raise ValueError(
            f"expected a model with batch norms that train, received {options.model}, "
            "which has none; there is nothing to recalibrate"
        )
    index = _training_files(options.model, options.data, options.accept_changes)
    batches = model_recalibration.expected_batches(
        model, index, _decoding(options), options.batch_size, options.samples, _say
    )
    report = model_recalibration.recalibrate_model(model, batches, options.force)
    return _save(model, options.output, report)


def _training_files(model: str, data: str | None, accept_changes: bool = False) -> Any:
    from kerasnorm.training.commands import inference

    run = inference.run_of(model)
    index, notes = inference.choose_files(run, data, "train", accept_changes)
    print("\n".join(notes), file=sys.stderr)
    return index


def _add_decoding(parser: parsing.Parser) -> None:
    from kerasnorm.data.images.decoded_images import INTERPOLATIONS

    parser.add_value("--rescale", str | None, RESCALE_HELP)
    parser.add_choice("--interpolation", INTERPOLATIONS, INTERPOLATION_HELP)
    parser.add_value("--preprocessing", str | None, PREPROCESSING_HELP)


def _decoding(options: Any) -> Any:
    from kerasnorm.training.commands import model_images

    given = options.rescale
    return model_images.Decoding(
        options.interpolation,
        None if given is None else model_images.parse_rescale(given),
        options.preprocessing,
    )


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _parser(name: str, description: str) -> parsing.Parser:
    parser = parsing.Parser(prog=f"kerasnorm {name}", description=description)
    parser.add_value("--debug", bool, "Show tracebacks.")
    return parser


def _parse(parser: parsing.Parser, words: list[str]) -> Any:
    options = parser.parse(words)
    from kerasnorm.training.system import importing

    importing.import_keras(options.backend)
    return options


def _surgery(name: str, description: str) -> parsing.Parser:
    parser = _parser(name, description)
    parser.add_path("model", "A .keras file.", fetch=True)
    parser.add_path("output", "Where the new model goes.", check=paths.output)
    parser.add_value("--trust", bool, TRUST_HELP)
    backend.add_flag(parser)
    return parser


def _load(options: Any) -> Any:
    output = options.output
    if pathlib.Path(output).suffix != ".keras":
        raise UsageError(f"expected an output that ends in .keras, received {output}")
    from kerasnorm.training.commands import inference

    return inference.read_model(options.model, compiled=True, trust=options.trust)


def _save(model: Any, output: str, report: Any = None) -> int:
    if report is not None:
        print(report)
    model.save(output)
    print(output)
    return 0


COMMANDS: dict[str, tuple[str, Command]] = {
    "train": ("train a network on images", program_commands.train),
    "evaluate": ("loss and accuracy of a finished run", program_commands.evaluate),
    "predict": ("label and probability of images", program_commands.predict),
    "search": ("search for better settings", program_commands.search),
    "results": ("leaderboard of a search", program_commands.results),
    "lint": ("say what in a script would harm a training", script_commands.lint),
    "run": ("run a script unchanged and watch its trainings", script_commands.run),
    "doctor": ("say why validation breaks", doctor),
    "scan": ("look at every file of a folder of images", data_commands.scan),
    "shard": ("write images into WebDataset shards", data_commands.shard),
    "cache": ("list or remove decoded images", data_commands.cache),
    "swap": ("replace the norms of a model", swap),
    "fold": ("fold batch normalization into the layers before it", fold),
    "recalibrate": ("re-estimate the moving statistics of a model", recalibrate),
}


def _overview() -> str:
    lines = ["usage: kerasnorm COMMAND ...", "", "commands:"]
    lines += [f"  {name:<12} {what}" for name, (what, _) in COMMANDS.items()]
    return "\n".join([*lines, "", "`kerasnorm COMMAND --help` tells more."])


if __name__ == "__main__":
    sys.exit(main())
