from .runner import Run as Run
from .runner import run as run
from .settings import Settings as Settings
from .settings import UsageError as UsageError

__all__ = [
    "Run",
    "Settings",
    "UsageError",
    "run",
]
