"""The algorithms of a search, safe against crashes."""

from tuning.oracles.algorithms import make_oracle

__all__ = ["make_oracle"]
