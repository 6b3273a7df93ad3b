"""The algorithms of a search, safe against crashes."""

from .algorithms import make_oracle

__all__ = ["make_oracle"]
