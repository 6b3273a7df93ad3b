"""`kerasnorm scan`, `shard` and `cache`: what there is of images, without Keras."""

import sys
import time
from typing import Any

from kerasnorm.training.settings import parsing
from kerasnorm.training.system import paths, streams

ACTIONS = ("list", "clear")


def scan(words: list[str]) -> int:
    """Look at every file of a folder of images."""
    parser = parsing.Parser(
        prog="kerasnorm scan",
        description="Say which files can train, why others cannot, and more.",
    )
    parser.add_value("--debug", bool, "Show tracebacks.")
    parser.add_path("directory", "A folder; nothing in it is changed.")
    parser.add_value("--json", bool, "Print JSON.")
    parser.add_path(
        "--quarantine", "File to list the rejected files in.", check=paths.output
    )
    parser.add_path(
        "--html", "File to write a page with the images to.", check=paths.output
    )
    parser.add_path(
        "--suspect_labels",
        "CSV file to list the files in whose label looks wrong, the surest first.",
        check=paths.output,
    )
    parser.add_value("--quiet", bool, "No progress bar.")
    options = parser.parse(words)
    # Without Keras, which a scan does not need and which takes seconds to import.
    from kerasnorm.data.scan import scan_command

    folder = paths.fetched(options.directory, "directory")
    if options.suspect_labels is not None:
        from kerasnorm.training.commands import suspect_labels

        suspects, note = suspect_labels.find_suspects(folder)
        suspect_labels.write_suspects(suspects, options.suspect_labels)
        print(f"{note}; listed in {options.suspect_labels}", file=sys.stderr)
    return scan_command.run_scan(
        folder,
        name=None if folder == options.directory else options.directory,
        as_json=options.json,
        quarantine=options.quarantine,
        html=options.html,
        quiet=options.quiet,
    )


def shard(words: list[str]) -> int:
    """Write images into WebDataset shards."""
    parser = parsing.Parser(
        prog="kerasnorm shard",
        description="Write images as OUTPUT-00000.tar, OUTPUT-00001.tar and so on, "
        "each beside a .json with its label, for --data shards:OUTPUT-*.tar and "
        "WebDataset. The same call continues where it was interrupted.",
    )
    parser.add_value("--debug", bool, "Show tracebacks.")
    parser.add_path("data", "A folder, or what else --data takes.")
    parser.add_path("output", "How shards are called.", check=paths.local)
    parser.add_number(
        "--size",
        int,
        1,
        "Pixels of the shorter side of larger images; others are copied as they are.",
        default=256,
    )
    parser.add_number("--shard_size", int, 1, "Megabytes of a shard.", default=256)
    parser.add_number(
        "--quality", int, 1, "Quality of JPEGs made smaller, to 100.", default=95
    )
    parser.add_value("--quiet", bool, "No progress bar.")
    options = parser.parse(words)
    from kerasnorm.data.progress import Progress
    from kerasnorm.data.sharding import write
    from kerasnorm.data.sources import remote

    how = write.Options(
        options.size, options.shard_size * write.MEGABYTE, min(options.quality, 100)
    )
    with Progress("writing shards", quiet=options.quiet) as progress:
        written = write.write_shards(options.data, options.output, how, progress)
    for one in written:
        for path, reason in one.rejected:
            said = streams.one_line(remote.as_given(path))
            print(f"left out {said}: {reason}", file=sys.stderr)
    print(
        f"{sum(one.images for one in written):,} images in {len(written):,} shards, "
        f"{sum(one.size for one in written) / write.MEGABYTE:,.1f} MB"
    )
    print(f"shards:{options.output}-*.tar")
    return 0


def cache(words: list[str]) -> int:
    """List decoded images that trainings have kept, or remove them."""
    parser = parsing.Parser(
        prog="kerasnorm cache",
        description="List the decoded images that trainings keep in the user's cache "
        "directory, or remove them. What a process has open stays.",
    )
    parser.add_value("--debug", bool, "Show tracebacks.")
    parser.add_choice("action", ACTIONS, "What to do", nargs="?", default="list")
    parser.add_value("--json", bool, "Print JSON.")
    options = parser.parse(words)
    from kerasnorm.data.store import space

    space.remove_remains()
    stores = space.list_stores()
    if options.action == "list":
        total = sum(store.size for store in stores)
        if options.json:
            described = [_described(store) for store in stores]
            streams.print_json({"stores": described, "bytes": total})
            return 0
        for store in stores:
            print(_in_words(store))
        print(_counted(stores, "in"), space.stores_directory())
        return 0
    removed = [store for store in stores if space.remove_store(store.path)]
    kept = [store for store in stores if store not in removed]
    if options.json:
        streams.print_json(
            {
                "removed": [_described(store) for store in removed],
                "in_use": [_described(store) for store in kept],
                "bytes": sum(store.size for store in removed),
            }
        )
        return 0
    for store in removed:
        print(f"removed {_in_words(store)}")
    for store in kept:
        print(f"kept, as it is in use: {_in_words(store)}")
    print(_counted(removed, "removed from"), space.stores_directory())
    return 0


def _described(store: Any) -> dict[str, Any]:
    return {
        "path": str(store.path),
        "data": store.made_from["root"],
        "image_size": store.made_from["image_size"],
        "images": store.images,
        "bytes": store.size,
        "used": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(store.used)),
    }


def _in_words(store: Any) -> str:
    from kerasnorm.data.store import space

    height, width = store.made_from["image_size"]
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(store.used))
    return (
        f"{space.amount(store.size)}: {store.images:,} images of {height}x{width} of "
        f"{streams.one_line(store.made_from['root'])}, last used {used}"
    )


def _counted(stores: list[Any], where: str) -> str:
    from kerasnorm.data.store import space

    size = space.amount(sum(store.size for store in stores))
    number = "1 store" if len(stores) == 1 else f"{len(stores)} stores"
    return f"{number}, {size}, {where}"
