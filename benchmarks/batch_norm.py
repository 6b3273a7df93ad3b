"""Measures what TensorFlow's fused batch norm saves in training.

    python -m benchmarks.batch_norm
    python -m benchmarks.batch_norm --only "convnet 96 px, bfloat16" --rounds 60

Two copies of a network, one as Keras makes it and one after
`surgery.speed_up_batch_norm`, take turns at training on the same batch, and the time of
the one is divided by that of the other in the same round, so that a busy machine slows
both. Printed are the median speed-up and its quartiles. Without a machine that
multiplies matrices in bfloat16, expect that dtype to be slow.
"""

import argparse
import json
import os
import pathlib
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Side of the pictures, and whether in mixed bfloat16.
CASES = {
    "convnet 96 px, float32": (96, False),
    "convnet 96 px, bfloat16": (96, True),
    "convnet 64 px, bfloat16": (64, True),
    "ResNet50": (96, False),
    "MobileNetV2": (96, False),
}


def make_model(case: str):
    """Make a compiled network."""
    import keras

    from apps.cats_dogs import PHOTOS
    from kerasnorm import models

    size, mixed = CASES[case]
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    if "Net" in case:
        model = models.backbone(case, (size, size, 3), 2)
    else:
        model = models.convnet(
            (size, size, 3),
            2,
            width=PHOTOS["width"],
            depths=(1,) * PHOTOS["stages"],
            stem_strides=PHOTOS["stem_strides"],
        )
    keras.config.set_dtype_policy("float32")
    # Keras would choose XLA for some; these networks train faster without on CPUs.
    model.compile("adamw", "sparse_categorical_crossentropy", jit_compile=False)
    return model


def measure(case: str, batch_size: int, rounds: int) -> dict:
    """Measure the training steps of one network."""
    import numpy as np

    from kerasnorm import surgery

    generator = np.random.default_rng(1)
    size = CASES[case][0]
    x = generator.uniform(0, 255, (batch_size, size, size, 3)).astype("float32")
    y = generator.integers(0, 2, batch_size)
    pair = [make_model(case), make_model(case)]
    changed = surgery.speed_up_batch_norm(pair[1])
    seconds: list[list[float]] = [[], []]
    for turn in range(-2, rounds):
        # Each round begins with the other one: what comes first may find cold caches.
        for index in (turn % 2, 1 - turn % 2):
            began = time.perf_counter()
            pair[index].train_on_batch(x, y)
            if turn >= 0:
                seconds[index].append(time.perf_counter() - began)
    ratios = [old / new for old, new in zip(*seconds, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "case": case,
        "batch_norms": changed,
        "milliseconds_before": 1000 * statistics.median(seconds[0]),
        "milliseconds_after": 1000 * statistics.median(seconds[1]),
        "speed_up": middle,
        "lower_quartile": low,
        "upper_quartile": high,
        "rounds": rounds,
    }


def main() -> None:
    """Measure, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    print(f"{'network':<24}{'norms':>6}{'before':>10}{'after':>10}{'speed-up':>10}")
    rows = []
    for case in options.only:
        row = measure(case, options.batch_size, options.rounds)
        rows.append(row)
        print(
            f"{case:<24}{row['batch_norms']:>6}{row['milliseconds_before']:>7.1f} ms"
            f"{row['milliseconds_after']:>7.1f} ms{row['speed_up']:>10.2f}"
            f"  ({row['lower_quartile']:.2f} to {row['upper_quartile']:.2f})",
            flush=True,
        )
    if options.output:
        options.output.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
