"""Makes a worker's calls to the chief end in time, and repeats them."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

from ..plan import read_json

CALL_SECONDS = 60.0
# The supervisor restarts a crashed chief within seconds; after a reboot it is minutes.
CHIEF_MINUTES = 15.0
PAUSE_SECONDS = 1.0
# Exit status of a worker that has given up waiting: EX_UNAVAILABLE of sysexits.h.
CHIEF_GONE_STATUS = 69


class SearchIsOver(SystemExit):
    """The chief has gone because there is nothing left to do."""

    def __init__(self) -> None:
        super().__init__(0)


class ChiefIsGone(SystemExit):
    """The chief has not answered for long; no failure of the trial, which waits."""

    def __init__(self) -> None:
        super().__init__(CHIEF_GONE_STATUS)


class PatientStub:
    """A gRPC stub of KerasTuner's oracle whose calls have a deadline and are repeated.

    KerasTuner waits an hour for an answer and then gives up, and gives up at once if
    the chief crashes while answering. Repeating is safe: our oracles take the same call
    twice for one.

    Args:
        stub: The stub that KerasTuner made.
        search_file: `search.json`; while it says that the search is over, nobody
            will answer any more.
        patience_seconds: How long a chief may be away.
    """

    def __init__(
        self,
        stub: Any,
        search_file: pathlib.Path,
        patience_seconds: float = CHIEF_MINUTES * 60,
    ) -> None:
        self._stub = stub
        self._search_file = search_file
        self._patience = patience_seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a patient form of one of the stub's calls.

        Args:
            name: Name of the call.
        """
        call = getattr(self._stub, name)

        def patient(request: Any, **options: Any) -> Any:
            import grpc

            give_up = time.monotonic() + self._patience
            while True:
                try:
                    return call(request, wait_for_ready=True, timeout=CALL_SECONDS)
                except grpc.RpcError as error:
                    if error.code() not in (
                        grpc.StatusCode.UNAVAILABLE,
                        grpc.StatusCode.DEADLINE_EXCEEDED,
                    ):
                        raise RuntimeError(
                            f"expected an answer of the chief to {name}, received "
                            f"an error: {error.details()}; its log lies in the search "
                            "directory"
                        ) from error
                    self._wait(give_up)

        return patient

    def _wait(self, give_up: float) -> None:
        status = read_json(self._search_file).get("status", "running")
        if status != "running":
            raise SearchIsOver()
        if time.monotonic() > give_up:
            raise ChiefIsGone()
        time.sleep(PAUSE_SECONDS)
