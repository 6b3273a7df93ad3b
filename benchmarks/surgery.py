"""Measures what folding and fusing save in prediction.

    python -m benchmarks.surgery
    python -m benchmarks.surgery --clock cpu --rounds 30 --output surgery.json

The given model and the one after surgery take turns within a round, and the time of
the one is divided by that of the other in the same round, so that a busy machine slows
both. Printed are the median speed-up, its quartiles, and how far the predictions lie
apart, as a share of the largest.
"""

import argparse
import json
import os
import pathlib
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CASES = (
    "fold convnet",
    "fold ResNet50",
    "fold MobileNetV2",
    "fold EfficientNetB0",
    "fuse convnet",
    "fuse and fold convnet",
)


def make_pair(case: str, size: int) -> tuple:
    """Make a model with trained-looking statistics and the model after surgery."""
    import keras

    from kerasnorm import models, surgery

    keras.utils.set_random_seed(0)
    if case == "fold convnet":
        model = models.convnet((size, size, 3), 2)
    elif case.endswith("convnet"):
        model = models.convnet((size, size, 3), 2, asymmetric=True)
    else:
        model = models.backbone(case.split()[1], (size, size, 3), 2)
    give_statistics(model)
    new = surgery.fuse_asymmetric(model) if "fuse" in case else model
    if "fold" in case:
        new = surgery.fold_batch_norm(new)
    return model, new


def give_statistics(model) -> None:
    """Let moving statistics and weights of norms differ from their start."""
    import numpy as np

    from kerasnorm import surgery

    generator = np.random.default_rng(0)
    for site in surgery.find_norms(model):
        norm, shape = site.layer, (site.channels,)
        norm.moving_mean.assign(generator.normal(0, 0.2, shape))
        norm.moving_variance.assign(generator.uniform(0.5, 2, shape))
        norm.beta.assign(generator.normal(0, 0.2, shape))
        norm.gamma.assign(generator.uniform(0.5, 1.5, shape))


def compile_prediction(model, jit_compile: bool) -> Callable:
    """Compile the forward pass of a model in inference mode."""
    import tensorflow as tf

    return tf.function(
        lambda pictures: model(pictures, training=False), jit_compile=jit_compile
    )


def measure(case: str, options: argparse.Namespace) -> dict:
    """Measure one case."""
    import numpy as np
    import tensorflow as tf

    clock = time.perf_counter if options.clock == "wall" else time.process_time
    generator = np.random.default_rng(1)
    shape = (options.batch_size, options.size, options.size, 3)
    pictures = tf.constant(generator.uniform(0, 255, shape).astype("float32"))
    pair = [
        compile_prediction(model, options.jit_compile)
        for model in make_pair(case, options.size)
    ]
    before, after = (predict(pictures).numpy() for predict in pair)
    seconds: list[list[float]] = [[], []]
    for turn in range(options.rounds):
        # Each round begins with the other one: what comes first may find cold caches.
        for index in (turn % 2, 1 - turn % 2):
            start = clock()
            pair[index](pictures).numpy()
            seconds[index].append(clock() - start)
    ratios = [old / new for old, new in zip(*seconds, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "case": case,
        "milliseconds_before": 1000 * statistics.median(seconds[0]),
        "milliseconds_after": 1000 * statistics.median(seconds[1]),
        "speed_up": middle,
        "lower_quartile": low,
        "upper_quartile": high,
        "rounds": options.rounds,
        "difference": float(np.abs(before - after).max() / np.abs(before).max()),
    }


def main() -> None:
    """Measure, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--size", type=int, default=96, help="pixels, default 96")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jit-compile", action="store_true")
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: time of this process on all cores, for a machine that is busy",
    )
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    print(f"{'case':<24}{'before':>9}{'after':>9}{'speed-up':>10}  quartiles     apart")
    rows = []
    for case in options.only:
        row = measure(case, options)
        rows.append(row)
        print(
            f"{case:<24}{row['milliseconds_before']:>6.1f} ms"
            f"{row['milliseconds_after']:>6.1f} ms{row['speed_up']:>10.2f}"
            f"  {row['lower_quartile']:.2f} to {row['upper_quartile']:.2f}"
            f"{row['difference']:>10.1e}",
            flush=True,
        )
    if options.output:
        options.output.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
