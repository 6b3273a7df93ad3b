"""Trains with every pair of flags, many pairs at a time, and prints what became of it.

python -m tests.training.flag_pairs FOLDER [SECONDS]

FOLDER holds images in `data`; with SECONDS it ends after so many with what is left
untried. A training with a dozen flags tries all pairs among them. Where one fails, the
flags are left out one by one for as long as it still fails so.
"""

import functools
import itertools
import json
import pathlib
import shutil
import sys
import time

from kerasnorm import models
from kerasnorm.data.errors import DataError
from kerasnorm.training.settings import Settings, unused
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import DECLARED, FIELDS
from kerasnorm.training.system import importing
from tests.training.flag_values import BASE, NEEDED, RUN, VALUES

REFUSALS = (UsageError, DataError)


class Pairs:
    """What is known of the pairs of flags.

    Args:
        folder: Where the images lie and runs are written.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.items = [(n, v) for n, values in VALUES.items() for v in values]
        self.open = {
            frozenset(pair)
            for pair in itertools.combinations(self.items, 2)
            if pair[0][0] != pair[1][0] and _needed_beside(pair) is not None
        }
        self.refused: dict[frozenset, str] = {}
        self.faults: dict[frozenset, str] = {}
        self.trainings = 0

    def settings(self, items) -> Settings:
        """Return tiny settings with some flags."""
        chosen = {**_needed_beside(items), **dict(items)}
        if chosen.get("weights") == RUN:
            chosen["weights"] = str(self.folder / "given" / "pairs" / RUN)
        if chosen.get("split") == RUN:
            chosen["split"] = str(self.folder / "given" / "pairs" / RUN / "split.csv")
        settings = Settings(
            **{
                "app": "pairs",
                "data": str(self.folder / "data"),
                "runs": str(self.folder / "runs"),
                **BASE,
                **chosen,
            }
        )
        unused.refuse_unused(settings, [name for name, _ in items])
        return settings

    def train_run(self) -> None:
        """Leave the run whose weights and split are values of flags."""
        from kerasnorm.training import run

        place = {"runs": str(self.folder / "given"), "name": RUN}
        run(self.settings([]).replace(**place))

    def train(self, items) -> tuple[str, str] | None:
        """Train; return nothing, or the kind of the error and its sentence."""
        from kerasnorm.training import run

        try:
            settings = self.settings(items)
            self.trainings += 1
            run(settings)
        except REFUSALS as error:
            return self.noted("refused", error)
        except Exception as error:
            return self.noted(type(error).__name__, error)
        finally:
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            print(f"tried {len(items)} flags", file=sys.stderr, flush=True)
        return None

    def noted(self, kind: str, error: Exception) -> tuple[str, str]:
        """Return the kind and the sentence, printed at once: the table takes hours."""
        sentence = str(error)[:500]
        print(f"{kind}: {sentence}", file=sys.stderr, flush=True)
        return kind, sentence

    def check_settings(self) -> None:
        """Sort out the pairs that are refused before anything is loaded."""
        for pair in sorted(self.open, key=str):
            try:
                self.settings(pair)
            except UsageError as error:
                self.refused[pair] = str(error)
        self.open -= set(self.refused)

    def row(self) -> list:
        """Return flags that go together and hold many pairs that are still open."""
        chosen = list(min(self.open, key=str))
        while True:
            best, most = None, 0
            for item in self.items:
                count = sum(frozenset((item, other)) in self.open for other in chosen)
                if count > most and self.fits([*chosen, item]):
                    best, most = item, count
            if best is None:
                return chosen
            chosen.append(best)

    def fits(self, items) -> bool:
        """Say whether nothing is known that keeps flags from going together."""
        if len({name for name, _ in items}) < len(items):
            return False
        known = set(items)
        if any(bad <= known for bad in (*self.refused, *self.faults)):
            return False
        beside = _needed_beside(items)
        if beside is None or not _fits_flags({**dict(items), **beside}):
            return False
        try:
            self.settings(items)
        except UsageError:
            return False
        return True

    def reduce(self, items, found) -> tuple[list, str]:
        """Leave out flags for as long as the training fails in the same way."""
        kind, sentence = found
        named = [item for item in items if _flag(item) in sentence]
        again = self.train(named)
        if again is not None and again[0] == kind:
            items, sentence = named, again[1]
        size = len(items) // 2
        while size:
            start = 0
            while start < len(items):
                fewer = items[:start] + items[start + size :]
                again = self.train(fewer)
                if again is not None and again[0] == kind:
                    items, sentence = fewer, again[1]
                else:
                    start += size
            size //= 2
        return items, sentence

    def try_row(self) -> None:
        """Train with one set of flags and note what came of it."""
        items = self.row()
        found = self.train(items)
        if found is None:
            self.open -= {frozenset(pair) for pair in itertools.combinations(items, 2)}
            return
        items, sentence = self.reduce(items, found)
        cause = frozenset(items)
        table = self.refused if found[0] == "refused" else self.faults
        table[cause] = f"{found[0]}: {sentence}"
        self.open = {pair for pair in self.open if not cause <= pair}
        if len(cause) > 2:
            # What is left of it has to be tried in another company.
            first = frozenset(itertools.islice(sorted(cause, key=str), 2))
            self.open.discard(first)


def _needed_beside(items) -> dict | None:
    """Return what flags need that is not among them, or None if no value is for all."""
    given = dict(items)
    needed: dict = {}
    for name, value in items:
        conditions = {**DECLARED[name].conditions, **NEEDED.get((name, value), {})}
        if DECLARED[name].only_with_weights:
            conditions["weights"] = (RUN, "pretrained")
        for other, choices in conditions.items():
            among = needed.get(other, choices)
            needed[other] = [choice for choice in among if choice in choices]
    missing = [name for name in needed if name not in given]
    if not missing:
        return {}
    name = missing[0]
    usual = BASE.get(name, FIELDS[name].default)
    for choice in sorted(needed[name], key=lambda choice: choice != usual):
        others = _needed_beside([*items, (name, choice)])
        if others is not None and _fits_flags({**given, **others, name: choice}):
            return {name: choice, **others}
    return None


def _fits_flags(values: dict) -> bool:
    """Say whether no value needs another than is among them."""
    needs = [NEEDED.get(item, {}) for item in values.items()]
    return all(
        values.get(name, choices[0]) in choices
        for need in needs
        for name, choices in need.items()
    )


def _flag(item) -> str:
    return "--" + item[0].replace("_", "-")


def main() -> None:
    """Try all pairs and print them."""
    importing.import_keras()
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    limit = time.monotonic() + float(sys.argv[2]) if len(sys.argv) > 2 else None
    # The app's has 50 layers.
    models.resnet = functools.partial(models.resnet, depth=8)
    pairs = Pairs(pathlib.Path(sys.argv[1]))
    pairs.check_settings()
    pairs.train_run()
    settled = len(pairs.refused)
    while pairs.open and (limit is None or time.monotonic() < limit):
        pairs.try_row()
        print(
            f"{pairs.trainings} trainings, {len(pairs.open)} pairs left, "
            f"refused {list(pairs.refused.values())[settled:]}, "
            f"faults {list(pairs.faults.items())}",
            file=sys.stderr,
            flush=True,
        )
    print(
        json.dumps(
            {
                "trainings": pairs.trainings,
                "left": len(pairs.open),
                **{
                    name: [
                        [sorted(map(list, items), key=str), text]
                        for items, text in table.items()
                    ]
                    for name, table in (
                        ("refused", pairs.refused),
                        ("faults", pairs.faults),
                    )
                },
            }
        )
    )


if __name__ == "__main__":
    main()
