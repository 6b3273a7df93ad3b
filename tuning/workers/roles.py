"""What this machine does in a search: lead it, lend it workers, or both."""

import argparse
import contextlib
import ipaddress
import shlex
import socket
import sys
from collections.abc import Callable
from typing import IO, Any

from kerasnorm.data import locks
from kerasnorm.programs import command_of
from kerasnorm.training.settings.errors import UsageError

from ..plan import Plan, SearchDirectory, read_json
from ..record import search_summary, tensorboard_runs
from . import child_processes, supervisor
from .worker_processes import Host

LOOPBACK = "127.0.0.1"
# A killed supervisor's children follow it within a second or so.
LOCK_SECONDS = 20.0
WORKER_BYTES = 2 * 2**30
STATUSES = {"completed": 0, "stopped": 0, "failed": 1, "interrupted": 130}


def run_search(
    plan: Plan, directory: SearchDirectory, options: argparse.Namespace
) -> int:
    """Run the chief of a search, and workers unless others do.

    Args:
        plan: The search.
        directory: Where its files lie.
        options: Flags of the command line.

    Returns:
        Exit status.
    """
    host, port = LOOPBACK, 0
    if options.address is not None:
        host, port = parse_address(options.address, "--address")
        warn_if_public_address(host)
    # A chief has no workers of its own unless they are asked for.
    alone = options.role == "chief" and options.workers == "auto"
    count = 0 if alone else number_of_workers(options.workers, plan)
    say = make_printer(plan.settings.quiet)
    with directory_lock(directory.path / ".lock", directory) as lock:
        if options.resume and is_done(plan, directory):
            say("the search is completed; more --trials let it continue")
            before = read_json(directory.search_file)
            # Composed again: the directory may have been moved since.
            status, reason = before["status"], before["reason"]
            return finish(
                search_summary.write(plan, directory, status, reason), directory, say
            )
        directory.write_plan(plan)
        port = port or child_processes.free_port(host)
        if options.role == "chief":
            say(f"the chief listens on {host}:{port}")
        search_workers = supervisor.Supervisor(
            plan,
            site(directory, host, port, lock),
            [f"worker{number}" for number in range(count)],
            deadline_minutes=options.deadline,
            say=say,
        )
        parameters = ", ".join(p.name for p in plan.space.parameters)
        say(f"searches {parameters} with {plan.algorithm}; workers here: {count}")
        return finish(search_workers.run(), directory, say)


def run_workers(directory: SearchDirectory, options: argparse.Namespace) -> int:
    """Run workers for a chief elsewhere.

    Args:
        directory: The search directory, which both machines see.
        options: Flags of the command line.

    Returns:
        Exit status.
    """
    host, port = parse_address(options.chief, "--chief")
    plan = directory.read_plan()
    say = make_printer(plan.settings.quiet)
    count = number_of_workers(options.workers, plan)
    # KerasTuner takes any id with "chief" in it for the chief.
    machine = socket.gethostname().replace("chief", "host")
    with contextlib.ExitStack() as stack:
        names: list[tuple[str, IO[Any]]] = []
        number = 0
        while len(names) < count:
            name = f"worker-{machine}-{number}"
            lock = locks.take(directory.workers / f".{name}.lock")
            if lock is not None:
                stack.enter_context(lock)
                names.append((name, lock))
            number += 1
        search_workers = supervisor.Supervisor(
            plan,
            site(directory, host, port, names[0][1]),
            [name for name, _ in names],
            has_chief=False,
            deadline_minutes=options.deadline,
            say=say,
        )
        ended = search_workers.run()
    if ended["status"] != "completed":
        print(f"error: {ended['reason']}", file=sys.stderr)
    return STATUSES[ended["status"]]


def finish(
    content: dict[str, Any], directory: SearchDirectory, say: Callable[[str], None]
) -> int:
    """Say how a search has ended; the last line is the best run directory.

    Args:
        content: Content of `search.json`.
        directory: Where its files lie.
        say: Prints a line.

    Returns:
        Exit status.
    """
    counts = ", ".join(f"{n} {word}" for word, n in content["counts"].items() if n)
    say(f"search {content['status']}: {content['reason']}; {counts or 'no trials'}")
    for name, words in (("median_rule", "the median rule"), ("patience", "patience")):
        saved = content["saved"][name]
        if saved["trials"]:
            say(
                f"{words} ended {saved['trials']} trials early and saved about "
                f"{saved['seconds'] / 60:.1f} minutes ({saved['epochs']} epochs)"
            )
    folder = shlex.quote(str(directory.path))
    say(f"results      {command_of('tuning.results')} {folder}")
    logdir = shlex.quote(str(tensorboard_runs.logdir(directory)))
    say(f"tensorboard  tensorboard --logdir {logdir}")
    status = STATUSES[content["status"]]
    if content["status"] in ("interrupted", "stopped"):
        search = command_of("tuning.search")
        say(f"continue with   {search} --resume --directory {folder}")
    best = content["best"]
    if best is None:
        reasons = [t["reason"] for t in content["trials"] if t["reason"]]
        last = f"; the last failed because {reasons[-1]}" if reasons else ""
        print(f"error: no trial has been completed{last}", file=sys.stderr)
        return status or 1
    if status == 1:
        print(f"error: {content['reason']}", file=sys.stderr)
    print((best[0] if isinstance(best, list) else best)["run_directory"], flush=True)
    return status


def is_done(plan: Plan, directory: SearchDirectory) -> bool:
    """Say whether a search has nothing left to do.

    Args:
        plan: The search, as it is to continue.
        directory: Where its files lie.
    """
    content = read_json(directory.search_file)
    if content.get("status") != "completed":
        return False
    before = directory.read_plan()
    return plan.trials == before.trials or (
        plan.trials is not None and plan.trials <= len(content["trials"])
    )


def number_of_workers(wished: int | str, plan: Plan) -> int:
    """Return how many workers this machine runs.

    Args:
        wished: A number, or `auto`: one for each GPU, or else one for each processor,
            as far as memory and trials go.
        plan: The search.
    """
    if isinstance(wished, int):
        return wished
    import psutil

    fits = psutil.virtual_memory().available // WORKER_BYTES
    most = len(child_processes.gpus()) or min(len(child_processes.usable_cores()), fits)
    return max(min(most, plan.trials or most), 1)


def parse_address(word: str, flag: str) -> tuple[str, int]:
    """Return host and port.

    Args:
        word: HOST:PORT.
        flag: The flag it was given by.

    Raises:
        UsageError: If it is not that.
    """
    host, colon, port = word.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"expected {flag} HOST:PORT, received {word!r}")
    return host, int(port)


def warn_if_public_address(host: str) -> None:
    """Warn where other machines can reach the chief.

    Args:
        host: Where it listens.
    """
    try:
        inside = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        print(
            f"warning: the chief will listen on {host}. KerasTuner's protocol has "
            "neither password nor encryption: whoever can reach this port can read "
            "and change the search. Use it only in a network you trust, or through a "
            "tunnel",
            file=sys.stderr,
        )


def site(directory: SearchDirectory, host: str, port: int, lock: IO[Any]) -> Host:
    """Return where the processes of this machine run.

    Args:
        directory: The search directory.
        host: Address of the chief.
        port: Its port.
        lock: The lock that all processes keep.
    """
    return Host(
        directory,
        host,
        port,
        lock.fileno(),
        child_processes.usable_cores(),
        child_processes.gpus(),
    )


@contextlib.contextmanager
def directory_lock(file: Any, directory: SearchDirectory) -> Any:
    """Keep others from the same search directory.

    Args:
        file: The lock file.
        directory: The search directory.

    Raises:
        UsageError: If another search keeps it.
    """
    lock = locks.take(file, LOCK_SECONDS)
    if lock is None:
        raise UsageError(
            f"expected a search directory that is not in use, received "
            f"{directory.path}, in which a search is running; wait for its end"
        )
    with lock:
        yield lock


def make_printer(quiet: bool) -> Callable[[str], None]:
    """Return what prints a line, or nothing in a quiet search.

    Args:
        quiet: Whether to print nothing but the best run directory.
    """

    def say(line: str) -> None:
        if not quiet:
            print(line, flush=True)

    return say
