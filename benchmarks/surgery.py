"""Measures what folding and fusing save in prediction.

    python -m benchmarks.surgery
    python -m benchmarks.surgery --clock cpu --rounds 30 --output surgery.json

The given model and the one after surgery run in turns
(`benchmarks.interleaved_timing`). Printed are the median speed-up, its quartiles, and
how far the predictions lie apart, as a fraction of the largest.
"""

import argparse
import json
import os
import pathlib
import time
from collections.abc import Callable

from benchmarks.interleaved_timing import HEADING, interleaved, line_of

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
        lambda images: model(images, training=False), jit_compile=jit_compile
    )


def measure(case: str, options: argparse.Namespace) -> dict:
    """Measure one case."""
    import numpy as np
    import tensorflow as tf

    clock = time.perf_counter if options.clock == "wall" else time.process_time
    generator = np.random.default_rng(1)
    shape = (options.batch_size, options.size, options.size, 3)
    images = tf.constant(generator.uniform(0, 255, shape).astype("float32"))
    pair = [
        compile_prediction(model, options.jit_compile)
        for model in make_pair(case, options.size)
    ]
    before, after = (predict(images).numpy() for predict in pair)
    turns = interleaved(
        [lambda: pair[0](images).numpy(), lambda: pair[1](images).numpy()],
        options.rounds,
        clock,
    )
    return {
        "case": case,
        **turns,
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
    print(f"{HEADING}         apart")
    rows = []
    for case in options.only:
        row = measure(case, options)
        rows.append(row)
        print(f"{line_of(case, row)}{row['difference']:>10.1e}", flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
