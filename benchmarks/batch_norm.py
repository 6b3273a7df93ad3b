"""Measures what TensorFlow's fused batch norm saves in training.

    python -m benchmarks.batch_norm
    python -m benchmarks.batch_norm --only "convnet 96 px, bfloat16" --rounds 60

Two copies of a network, one as Keras makes it and one after
`surgery.use_fused_batch_norm`, train in turns on the same batch
(`benchmarks.interleaved_timing`). On a processor that does not multiply matrices in
bfloat16, expect that dtype to be slow.
"""

import argparse
import functools
import json
import os
import pathlib

from benchmarks.interleaved_timing import HEADING, interleaved, line_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Network, side of the images, and precision.
CASES = {
    "convnet 96 px, float32": ("convnet", 96, "float32"),
    "convnet 96 px, bfloat16": ("convnet", 96, "mixed_bfloat16"),
    "convnet 64 px, bfloat16": ("convnet", 64, "mixed_bfloat16"),
    "ResNet50": ("ResNet50", 96, "float32"),
    "MobileNetV2": ("MobileNetV2", 96, "float32"),
}
WARMUP = 2


def make_model(case: str):
    """Make a compiled network."""
    import keras

    from apps.cats_dogs import PHOTOS
    from kerasnorm import models

    name, size, precision = CASES[case]
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    if name != "convnet":
        model = models.backbone(name, (size, size, 3), 2)
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
    _, size, _ = CASES[case]
    x = generator.uniform(0, 255, (batch_size, size, size, 3)).astype("float32")
    y = generator.integers(0, 2, batch_size)
    pair = [make_model(case), make_model(case)]
    changed = surgery.use_fused_batch_norm(pair[1])
    steps = [functools.partial(model.train_on_batch, x, y) for model in pair]
    for step in WARMUP * steps:
        step()
    return {"case": case, "batch_norms": changed, **interleaved(steps, rounds)}


def main() -> None:
    """Measure, print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    print(f"{HEADING}        norms")
    rows = []
    for case in options.only:
        row = measure(case, options.batch_size, options.rounds)
        rows.append(row)
        print(f"{line_of(case, row)}{row['batch_norms']:>9}", flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
