from .errors import UsageError as UsageError
from .settings import Settings as Settings

__all__ = ["Settings", "UsageError"]
