"""Watches the processes of a search and replaces those that crash or hang.

It imports neither Keras nor TensorFlow, so it is small and starts at once.
"""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from ..plan import Plan, SearchDirectory, read_json
from ..record import search_summary
from . import child_processes
from .chief_client import CHIEF_GONE_STATUS, CHIEF_MINUTES
from .worker_processes import Chief, Host, Worker

LOOK_SECONDS = 0.25
# Saving a checkpoint and the figures so far takes seconds.
SHUTDOWN_GRACE_SECONDS = 60.0
# Fitting the Gaussian process of a long Bayesian search keeps the chief busy.
CHIEF_SILENCE_SECONDS = 180.0
PROBE_SECONDS = 15.0
MOST_SHORT_LIVES = 5
# How long workers elsewhere have to hear that all is over.
DRAIN_SECONDS = 20.0


class Ended(Exception):
    """The search has come to its end.

    Args:
        status: `completed`, `stopped`, `failed` or `interrupted`.
        reason: Why.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Supervisor:
    """Runs the chief, the workers of this machine, or both.

    Args:
        plan: The search.
        site: Where the processes run.
        worker_names: KerasTuner ids of the workers of this machine.
        has_chief: Whether the chief runs here; `search.json` is then written here.
        deadline_minutes: When to end; nothing for never.
        say: Called with each line worth reading.
    """

    def __init__(
        self,
        plan: Plan,
        site: Host,
        worker_names: list[str],
        *,
        has_chief: bool = True,
        deadline_minutes: float | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.plan = plan
        self.site = site
        self.directory: SearchDirectory = site.directory
        self.chief = Chief(site) if has_chief else None
        count = len(worker_names)
        self.workers = [Worker(site, n, i, count) for i, n in enumerate(worker_names)]
        self.deadline = deadline_minutes
        self.say = say
        self._received: int | None = None
        self._began = time.monotonic()
        self._seen: tuple[Any, ...] | None = None
        self._told: set[str] = set()
        self._probe: Any = None
        self._answered = time.monotonic()
        self._over_since: float | None = None

    def run(self) -> dict[str, Any]:
        """Watch until the end, and leave no process behind.

        Returns:
            Content of `search.json`.
        """
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._receive) for number in numbers}
        try:
            self._told = {t["id"] for t in self._trials() if _has_ended(t)}
            if self.chief is not None:
                search_summary.write(self.plan, self.directory, search_summary.RUNNING)
                self.chief.start()
            for worker in self.workers:
                worker.start()
            while True:
                self._look()
                time.sleep(LOOK_SECONDS)
        except Ended as ended:
            return self._end(ended)
        finally:
            # Whatever happened, nothing is left running.
            child_processes.end(self._processes(), 0.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number

    def _look(self) -> None:
        if self._received is not None:
            name = signal.Signals(self._received).name
            raise Ended("interrupted", f"{name} was received")
        minutes = (time.monotonic() - self._began) / 60
        if self.deadline is not None and minutes >= self.deadline:
            raise Ended("stopped", f"the deadline of {self.deadline:g} minutes is over")
        self._tell()
        for worker in self.workers:
            self._look_after(worker)
        if self.chief is not None:
            self._look_after_chief(self.chief)
        self._end_if_over()

    def _look_after(self, worker: Worker) -> None:
        status = worker.status()
        if status is None:
            minutes = worker.silence() / 60
            if minutes < self.plan.hang_minutes:
                return
            self.say(
                f"{worker.name} has made no progress for {minutes:.1f} minutes; it is "
                "replaced"
            )
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait()
        elif status == 0:
            return
        elif status == CHIEF_GONE_STATUS and self.chief is None:
            raise Ended(
                "failed",
                f"the chief has not answered for {CHIEF_MINUTES:g} minutes; continue "
                "it by --resume, and then start these workers again",
            )
        else:
            self.say(f"{worker.name} {_how(status)}; it is replaced")
        worker.note_death()
        if worker.short_lives >= MOST_SHORT_LIVES:
            raise Ended(
                "failed", f"{worker.name} cannot begin to work: {worker.last_line()}"
            )
        worker.start()

    def _look_after_chief(self, chief: Chief) -> None:
        status = chief.status()
        if status == 0:
            return
        if status is None:
            if not self._chief_unresponsive():
                return
            self.say("the chief does not answer; it is replaced")
            if chief.process is not None:
                chief.process.kill()
                chief.process.wait()
        else:
            self.say(f"the chief {_how(status)}; it is replaced")
        chief.note_death()
        if chief.short_lives >= MOST_SHORT_LIVES:
            raise Ended("failed", f"the chief cannot serve: {chief.last_line()}")
        # Workers have kept at their trials, and these stay theirs.
        chief.workers_live = True
        chief.start()
        self._answered = time.monotonic()

    def _chief_unresponsive(self) -> bool:
        """Ask the chief something now and then; say whether answers stay out."""
        import grpc

        if self._probe is None:
            host = self.site.environment("")["KERASTUNER_ORACLE_IP"]
            self._channel = grpc.insecure_channel(
                f"{host}:{self.site.port}", [("grpc.enable_http_proxy", 0)]
            )
            # An empty message is a whole question; the answer is not read.
            ask = self._channel.unary_unary("/keras_tuner.Oracle/GetSpace")
            self._probe = ask.future(b"", timeout=PROBE_SECONDS, wait_for_ready=True)
        elif self._probe.done():
            if self._probe.exception() is None:
                self._answered = time.monotonic()
                if self.chief is not None:
                    self.chief.short_lives = 0
            self._probe = None
            self._channel.close()
        return time.monotonic() - self._answered > CHIEF_SILENCE_SECONDS

    def _end_if_over(self) -> None:
        at_work = [worker for worker in self.workers if worker.status() is None]
        if self.chief is None:
            if not at_work:
                raise Ended("completed", "the chief has no more trials")
            return
        state = read_json(self.directory.oracle_file)
        reason = state.get("ended_because")
        if reason is None or state.get("ongoing_trials"):
            self._over_since = None
            return
        if self._over_since is None:
            self._over_since = time.monotonic()
        waited = time.monotonic() - self._over_since
        # Workers of other machines are not seen from here.
        if self.chief.status() == 0 or waited > DRAIN_SECONDS:
            failed = "failed" in reason
            raise Ended("failed" if failed else "completed", reason)

    def _tell(self) -> None:
        """Write `search.json` and say what has ended, if anything is new."""
        if self.chief is None:
            return
        file = self.directory.oracle_file
        seen = (file.stat().st_mtime_ns,) if file.is_file() else None
        if seen == self._seen:
            return
        self._seen = seen
        content = search_summary.write(
            self.plan, self.directory, search_summary.RUNNING
        )
        self._say_ended(content)

    def _say_ended(self, content: dict[str, Any]) -> None:
        for trial in content["trials"]:
            if not _has_ended(trial) or trial["id"] in self._told:
                continue
            self._told.add(trial["id"])
            done = f"{len(self._told)} of {self.plan.trials or '?'}"
            result = trial["reason"] or search_summary.figures_of(
                trial["objective"], self.plan
            )
            line = f"[{done}] trial {trial['id']} {trial['status']}: {result}"
            ending = trial["figures"].get("stopped_because", "")
            self.say(f"{line}; {ending}" if trial["ended_by_median_rule"] else line)
            for remark in trial["remarks"]:
                self.say(f"    {remark}")

    def _trials(self) -> list[dict[str, Any]]:
        trials: list[dict[str, Any]] = search_summary.compose(
            self.plan, self.directory, search_summary.RUNNING
        )["trials"]
        return trials

    def _end(self, ended: Ended) -> dict[str, Any]:
        child_processes.end(
            [w.process for w in self.workers if w.process], SHUTDOWN_GRACE_SECONDS
        )
        child_processes.end(self._processes(), 5.0)
        if self.chief is None:
            return {"status": ended.status, "reason": ended.reason}
        content = search_summary.write(
            self.plan, self.directory, ended.status, ended.reason
        )
        self._say_ended(content)
        return content

    def _processes(self) -> list[Any]:
        members = [*self.workers, *([self.chief] if self.chief else [])]
        return [member.process for member in members if member.process is not None]


def _has_ended(trial: dict[str, Any]) -> bool:
    return trial["status"] in ("completed", "failed")


def _how(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
