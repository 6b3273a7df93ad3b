"""Runs a script as `python SCRIPT` does, and watches its trainings."""

import io
import os
import pathlib
import signal
import sys
import types
from collections.abc import Sequence

from kerasnorm.lint.errors import UnreadableError
from kerasnorm.lint.source import read_source
from kerasnorm.watch.session import Session, say, summary_of

INTERRUPTED = 130
OURS = str(pathlib.Path(__file__).parent)


def run_script(script: str, arguments: Sequence[str], session: Session) -> int:
    """Run a script unchanged; return the exit status that it would have.

    Args:
        script: Its path.
        arguments: Its own arguments.
        session: Watches.
    """
    # As Python itself: `__file__` is absolute, `sys.argv` is as it was typed.
    whole = os.path.abspath(script)
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __file__=whole, __builtins__=__builtins__, __cached__=None, __doc__=None
    )
    sys.modules["__main__"] = module
    sys.argv = [script, *arguments]
    sys.path[0] = os.path.dirname(whole)
    try:
        with io.open_code(whole) as file:
            code = compile(file.read(), whole, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        _show(error, script)
        say(_why_unreadable(script, error))
        return 1
    session.start()
    try:
        exec(code, module.__dict__)
    except SystemExit as left:
        return _left(left, session)
    except KeyboardInterrupt as error:
        _show(error, script)
        say(f"the script was interrupted; {summary_of(session, failed=True)}")
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        return INTERRUPTED
    except BaseException as error:
        _show(error, script)
        told = summary_of(session, failed=True)
        say(f"the script ended with {type(error).__name__}; {told}")
        return 1
    if not session.seen:
        say(summary_of(session))
    return 0


def _why_unreadable(script: str, error: Exception) -> str:
    """Return in one sentence why Python cannot read a script."""
    try:
        read_source(script)
    except UnreadableError as unread:
        return str(unread)
    return f"the script cannot be read ({type(error).__name__}); nothing ran"


def _left(left: SystemExit, session: Session) -> int:
    """Return the status of `sys.exit`, and print what it was given like Python."""
    if not session.seen:
        say(summary_of(session))
    if left.code is None:
        return 0
    if isinstance(left.code, int):
        return left.code
    print(left.code, file=sys.stderr)
    return 1


def _show(error: BaseException, script: str) -> None:
    """Print the traceback that the script would have had alone."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(OURS):
            frames.append(trace)
        trace = trace.tb_next
    shown: types.TracebackType | None = None
    for frame in reversed(frames):
        shown = types.TracebackType(
            shown, frame.tb_frame, frame.tb_lasti, frame.tb_lineno
        )
    sys.excepthook(type(error), error.with_traceback(shown), shown)
