"""The processes of a search on this machine: how each is started, and how it fares."""

import dataclasses
import pathlib
import subprocess
import time
from typing import Any

from ..plan import SearchDirectory, read_json
from . import child_processes

# A process that ends sooner has not even begun to work.
SHORT_LIFE_SECONDS = 60.0
CHIEF = "chief"


@dataclasses.dataclass(frozen=True)
class Host:
    """Where the processes of a search run and how they find each other.

    Args:
        directory: The search directory.
        host: Address of the chief.
        port: Port of the chief.
        lock: Open lock file that every child keeps open.
        cores: Processors to share.
        gpus: GPUs to share; empty for none.
    """

    directory: SearchDirectory
    host: str
    port: int
    lock: int
    cores: list[int]
    gpus: list[str]

    def environment(self, name: str) -> dict[str, str]:
        """Return what KerasTuner reads from the environment.

        Args:
            name: Id of the process.
        """
        # "Any address" is for listening; whoever calls needs a real one.
        host = self.host
        if name != CHIEF and host in ("0.0.0.0", "[::]"):
            host = "127.0.0.1" if host == "0.0.0.0" else "[::1]"
        return {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": host,
            "KERASTUNER_ORACLE_PORT": str(self.port),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "no_grpc_proxy": host,
        }


class ManagedProcess:
    """One process of a search and those that took its place.

    Args:
        site: Where it runs.
        name: Its KerasTuner id.

    Attributes:
        process: The process that runs now or ran last.
        short_lives: How many processes in a row ended before they had begun to work.
    """

    module = ""

    def __init__(self, site: Host, name: str) -> None:
        self.site = site
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.short_lives = 0
        self._started = 0.0

    @property
    def log(self) -> pathlib.Path:
        """File of all that its processes have written."""
        return self.site.directory.workers / f"{self.name}.log"

    def start(self, **environment: str) -> None:
        """Start a process.

        Args:
            **environment: What is added to the environment.
        """
        self._started = time.monotonic()
        self.process = child_processes.start(
            self.module,
            [str(self.site.directory.path), *self.arguments()],
            self.log,
            {**self.site.environment(self.name), **environment},
            (self.site.lock,),
        )

    def arguments(self) -> list[str]:
        """Return the words of its command line, besides the directory."""
        return []

    def status(self) -> int | None:
        """Return the exit status of the process; None while it runs."""
        return None if self.process is None else self.process.poll()

    def note_death(self) -> None:
        """Count a process that has ended and should not have."""
        if time.monotonic() - self._started < SHORT_LIFE_SECONDS and not self.began():
            self.short_lives += 1
        else:
            self.short_lives = 0

    def began(self) -> bool:
        """Say whether the process had begun to work before it ended."""
        return False

    def last_line(self) -> str:
        """Return the last line of its log that says anything."""
        if not self.log.is_file():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Chief(ManagedProcess):
    """The process that serves KerasTuner's oracle."""

    module = f"{__package__}.chief"

    def __init__(self, site: Host) -> None:
        super().__init__(site, CHIEF)
        self.workers_live = False

    def arguments(self) -> list[str]:
        """Return whether workers keep their trials."""
        return ["--workers-live"] if self.workers_live else []


class Worker(ManagedProcess):
    """A process that runs trials.

    Args:
        site: Where it runs.
        name: Its KerasTuner id.
        place: Its number on this machine.
        places: How many workers there are on this machine.
    """

    module = f"{__package__}.worker"

    def __init__(self, site: Host, name: str, place: int, places: int) -> None:
        super().__init__(site, name)
        self.place = place
        self.places = places
        self.deaths = 0
        self._died_at: tuple[Any, Any] | None = None
        self._heartbeat_before: dict[str, Any] = {}
        self._last_heartbeat = ""
        self._last_heartbeat_at = 0.0

    def start(self, **environment: str) -> None:
        """Start a process, with a GPU of its own where there are any."""
        gpus = self.site.gpus
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = gpus[self.place % len(gpus)]
        # Signs carry the time, so none equals an earlier one; no clock, which may be
        # set at any moment, has to say which came first.
        self._heartbeat_before = self._heartbeat()
        super().start(**environment)
        self._last_heartbeat_at = time.monotonic()

    def arguments(self) -> list[str]:
        """Return its processors, and how often it has crashed."""
        cores = child_processes.cores_of(self.site.cores, self.place, self.places)
        return [
            *("--cores", ",".join(map(str, cores))),
            *("--deaths", str(self.deaths)),
        ]

    def note_death(self) -> None:
        """Count deaths at the same place of the same trial."""
        super().note_death()
        heartbeat = self._heartbeat()
        place = (heartbeat.get("trial"), heartbeat.get("place"))
        same = place == self._died_at and place[0] is not None
        self.deaths = self.deaths + 1 if same else int(place[0] is not None)
        self._died_at = place

    def began(self) -> bool:
        """Say whether it has given a sign of a trial since it was started."""
        heartbeat = self._heartbeat()
        return (
            heartbeat != self._heartbeat_before and heartbeat.get("trial") is not None
        )

    def silence(self) -> float:
        """Return the seconds since its last sign of progress, or since its start."""
        file = self.site.directory.heartbeat_file(self.name)
        heartbeat = file.read_text(encoding="utf-8") if file.is_file() else ""
        if heartbeat != self._last_heartbeat:
            self._last_heartbeat, self._last_heartbeat_at = heartbeat, time.monotonic()
        return time.monotonic() - self._last_heartbeat_at

    def _heartbeat(self) -> dict[str, Any]:
        return read_json(self.site.directory.heartbeat_file(self.name))
