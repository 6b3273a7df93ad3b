"""Any source as WebDataset shards: small images once, read in sequence ever after."""

import concurrent.futures
import contextlib
import dataclasses
import io
import json
import os
import pathlib
import posixpath
import tarfile
from collections.abc import Callable, Iterator

import numpy as np

from kerasnorm.data import locks
from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.images.decode import QuietPillow
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.sharding.plan import Plan, Written, aside_of, key_of
from kerasnorm.data.sharding.shrink import QUALITY, shrink
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.layout import ALL
from kerasnorm.data.sources.source import open_files
from kerasnorm.data.sources.split import rank_keys

MEGABYTE = 1_000_000
# Images that wait to be written, for each thread that makes them smaller.
WAITING = 16
Member = tuple[str, bytes, bytes]


@dataclasses.dataclass(frozen=True)
class Options:
    """How shards are written.

    Args:
        size: Pixels of the shorter side of larger images.
        shard_bytes: Bytes of a shard above which the next begins.
        quality: Quality of JPEGs that are made smaller.
    """

    size: int
    shard_bytes: int = 256 * MEGABYTE
    quality: int = QUALITY


def write_shards(
    spec: str | os.PathLike | None,
    output: str | os.PathLike,
    options: Options,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """Write the images of a source as `OUTPUT-00000.tar`, `OUTPUT-00001.tar` and so on.

    Each image lies beside a .json with its label, in an order that looks random and is
    always the same. A source of several parts gives `OUTPUT-train-00000.tar` and so on.
    What an interrupted call has completed is kept.

    Args:
        spec: What `open_source` takes.
        output: How the names of the shards begin.
        options: How they are written.
        progress: Called with the number of images done and of all.

    Returns:
        The shards.

    Raises:
        DataError: There is nothing to write, a file that this call did not write is
            in the way, or another process writes shards of this name.
    """
    parts = open_files(spec).parts
    total, done = sum(map(len, parts.values())), 0
    written: list[Written] = []
    for part, index in parts.items():
        path = pathlib.Path(output)
        path = path if part == ALL else path.with_name(f"{path.name}-{part}")
        first = done

        def report(count: int, first: int = first) -> None:
            if progress is not None:
                progress(first + count, total)

        with _alone(path):
            written += _write_part(index, path, options, report)
        done += len(index)
    return written


def _write_part(
    index: ImageIndex,
    output: pathlib.Path,
    options: Options,
    progress: Callable[[int], None],
) -> list[Written]:
    key = key_of(index, dataclasses.astuple(options), index.gray_bits)
    plan = Plan(output.with_name(f"{output.name}.json"), key)
    plan.read()
    _refuse_others(output, plan)
    keys = unique_keys(index)
    order = np.argsort(rank_keys(index.names, 0, "shards"), kind="stable")
    rejected: list[tuple[str, str]] = []
    with QuietPillow():
        members = _members(index, order[plan.stop :], keys, options)
        place = plan.stop
        while place < len(order):
            path = output.with_name(f"{output.name}-{len(plan.written):05d}.tar")
            images, size = 0, 0
            with tarfile.open(aside_of(path), "w", format=tarfile.GNU_FORMAT) as tar:
                while place < len(order) and size < options.shard_bytes:
                    found = next(members)
                    place += 1
                    progress(place)
                    if isinstance(found, ImageError):
                        rejected.append((found.path, found.reason))
                        continue
                    name, content, label = found
                    _add(tar, name, content)
                    _add(tar, f"{name.rpartition('.')[0]}.json", label)
                    images, size = images + 1, size + len(content)
            _complete(plan, path, images, place, tuple(rejected))
            rejected.clear()
    return plan.written


@contextlib.contextmanager
def _alone(output: pathlib.Path) -> Iterator[None]:
    """Be the only process that writes shards of a name.

    Raises:
        DataError: Another one does.
    """
    file = output.with_name(f".{output.name}.lock")
    lock = locks.take(file)
    if lock is None:
        raise DataError(
            f"Expected one process to write shards {output}-*.tar, but another one "
            "writes them at this moment. Wait for its end, or give another name."
        )
    with lock:
        try:
            yield
        finally:
            # Windows removes no file that is open.
            with contextlib.suppress(OSError):
                file.unlink()


def _complete(
    plan: Plan,
    path: pathlib.Path,
    images: int,
    stop: int,
    rejected: tuple[tuple[str, str], ...],
) -> None:
    """Record a shard, then give it its name."""
    aside = aside_of(path)
    if path.exists():
        raise _in_the_way(path)
    plan.add(Written(path.name, aside.stat().st_size, images, stop, rejected))
    aside.replace(path)


def _members(
    index: ImageIndex, order: np.ndarray, keys: list[str], options: Options
) -> Iterator[Member | ImageError]:
    """Yield images in order, made smaller by several threads, few of them ahead."""

    def make(position: int) -> Member | ImageError:
        name = index.paths[position]
        try:
            content, ending = shrink(
                name,
                index.items.read(position),
                options.size,
                options.quality,
                index.gray_bits,
            )
        except ImageError as error:
            return error
        label = {"label": index.class_names[index.labels[position]]}
        text = json.dumps(label, ensure_ascii=False)
        encoded = text.encode("utf-8", "surrogateescape")
        return f"{keys[position]}.{ending}", content, encoded

    workers = workers_or(None)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting: list[concurrent.futures.Future] = []
        for position in order.tolist():
            waiting.append(pool.submit(make, position))
            if len(waiting) >= WAITING * workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def unique_keys(index: ImageIndex) -> list[str]:
    """Return what WebDataset is to call each image: its name, without dots in the file.

    Args:
        index: The images.
    """
    seen: dict[str, int] = {}
    keys = []
    for name in index.names:
        folder, file = posixpath.split(name)
        # A table may name files anywhere; a shard is unpacked in one folder.
        above = [part for part in folder.split("/") if part not in ("", ".", "..")]
        key = "/".join([*above, os.path.splitext(file)[0].replace(".", "_")])
        while key in seen:
            seen[key] += 1
            key = f"{key}_{seen[key]}"
        seen[key] = 1
        keys.append(key)
    return keys


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    # Neither times nor owners: the same images make the same shards.
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))


def _refuse_others(output: pathlib.Path, plan: Plan) -> None:
    own = {shard.name for shard in plan.written}
    for path in sorted(output.parent.glob(f"{_escaped(output.name)}-[0-9]*.tar")):
        if path.name not in own:
            raise _in_the_way(path)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _in_the_way(path: pathlib.Path) -> DataError:
    return DataError(
        f"Expected a new name for shards, but {path} is there and was not written by "
        "this call or one that it continues. Move it away, or give another name."
    )
