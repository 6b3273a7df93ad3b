"""`%load_ext kerasnorm`: watches the trainings of a notebook."""

from typing import Any

_sessions: list[Any] = []


def load_ipython_extension(ipython: Any) -> None:
    """Watch every `fit` from now on, as `kerasnorm run` does.

    Args:
        ipython: The shell of the notebook.
    """
    from kerasnorm.watch.session import Session

    if not _sessions:
        session = Session("notebook", "kerasnorm_run")
        session.start()
        _sessions.append(session)


def unload_ipython_extension(ipython: Any) -> None:
    """Watch no longer.

    Args:
        ipython: The shell of the notebook.
    """
    while _sessions:
        _sessions.pop().stop()
