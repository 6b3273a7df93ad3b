"""Two ways of doing the same, timed in turns, and the line of a table about them."""

import statistics
import time
from collections.abc import Callable, Sequence

HEADING = f"{'case':<24}{'before':>9}{'after':>9}{'speed-up':>10}  quartiles"


def interleaved(
    pair: Sequence[Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict:
    """Time two functions in turns, so that a busy machine slows both.

    The time of the first is divided by that of the second in the same round.

    Args:
        pair: The way before, and the way after.
        rounds: How often each is timed, at least 2.
        clock: Tells seconds.

    Returns:
        Median milliseconds of both; median and quartiles of the speed-up.
    """
    seconds: list[list[float]] = [[], []]
    for turn in range(rounds):
        # Each round begins with the other one: what comes first may find cold caches.
        for index in (turn % 2, 1 - turn % 2):
            began = clock()
            pair[index]()
            seconds[index].append(clock() - began)
    ratios = [old / new for old, new in zip(*seconds, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "milliseconds_before": 1000 * statistics.median(seconds[0]),
        "milliseconds_after": 1000 * statistics.median(seconds[1]),
        "speed_up": middle,
        "lower_quartile": low,
        "upper_quartile": high,
        "rounds": rounds,
    }


def line_of(case: str, row: dict) -> str:
    """Return the line of a case below `HEADING`.

    Args:
        case: Its name.
        row: From `interleaved`.
    """
    return (
        f"{case:<24}{row['milliseconds_before']:>6.0f} ms"
        f"{row['milliseconds_after']:>6.0f} ms{row['speed_up']:>10.2f}"
        f"  {row['lower_quartile']:.2f} to {row['upper_quartile']:.2f}"
    )
