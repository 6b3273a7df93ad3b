"""How much each parameter decides the result, by a forest and permutation."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..parameters import Choice, Parameter

# With fewer trials a forest only repeats what it was told.
FEWEST_TRIALS = 8
TREES = 50
REPEATS = 8
FOLDS = 5


@dataclasses.dataclass(frozen=True)
class Importance:
    """Fractions that the parameters have in what can be predicted of the result.

    Args:
        shares: By parameter, 0 to 1, the largest first; they sum to 1, or are all 0.
        predicted: Fraction of the variance of the result that the forest predicts for
            trials it has not seen, at most 1. Near 0 or below, they mean
            nothing yet.
        trials: Completed trials it was measured on.
    """

    shares: dict[str, float]
    predicted: float
    trials: int


def measure(
    parameters: Sequence[Parameter],
    values: Sequence[dict[str, Any]],
    results: Sequence[float],
    seed: int = 0,
) -> Importance | None:
    """Measure the importance of each parameter; None with too few trials.

    A random forest learns the result from the values, and one parameter after the
    other is shuffled among trials that the forest has not seen: the more that corrupts
    the prediction, the more the parameter matters, alone or with others.

    Args:
        parameters: What was searched.
        values: Value of each parameter, per trial; absent where it had no meaning.
        results: One number per trial.
        seed: Decides trees, folds and shuffling.

    Reference:
        Breiman 2001, Random forests, section 10 (permutation importance).
    """
    if len(results) < FEWEST_TRIALS or not parameters:
        return None
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    columns, owners = encode(parameters, values)
    # Losses of bad trials can be thousands of times those of good ones.
    ranks = np.argsort(np.argsort(results)) / (len(results) - 1)
    corrupted = np.zeros(columns.shape[1])
    left = 0.0
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(columns):
        forest = RandomForestRegressor(TREES, random_state=seed)
        forest.fit(columns[seen], ranks[seen])
        errors = forest.predict(columns[unseen]) - ranks[unseen]
        left += float((errors**2).sum())
        found = permutation_importance(
            forest,
            columns[unseen],
            ranks[unseen],
            scoring="neg_mean_squared_error",
            n_repeats=REPEATS,
            random_state=seed,
        )
        corrupted += found.importances_mean * len(unseen)
    # A fraction below 0 is one that shuffling has improved by chance.
    raw = {
        parameter.name: max(float(corrupted[owners == place].sum()), 0.0)
        for place, parameter in enumerate(parameters)
    }
    total = sum(raw.values())
    shares = {name: value / total if total else 0.0 for name, value in raw.items()}
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    spread = float(((ranks - ranks.mean()) ** 2).sum())
    return Importance(ordered, 1 - left / spread, len(results))


def encode(
    parameters: Sequence[Parameter], values: Sequence[dict[str, Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return values as numbers for a forest.

    Args:
        parameters: What was searched.
        values: Value of each parameter, per trial.

    Returns:
        Columns, (trials, columns), and the parameter each column belongs to. Words
        have a column for each, numbers one; what is absent is -1.
    """
    columns, owners = [], []
    for place, parameter in enumerate(parameters):
        given = [trial.get(parameter.name) for trial in values]
        is_word = isinstance(parameter, Choice) and isinstance(parameter.values[0], str)
        if is_word and isinstance(parameter, Choice):
            for word in parameter.values:
                columns.append([float(value == word) for value in given])
                owners.append(place)
        else:
            columns.append([-1.0 if value is None else float(value) for value in given])
            owners.append(place)
    return np.array(columns).T, np.array(owners)
