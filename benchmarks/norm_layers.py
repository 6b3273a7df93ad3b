"""Times the norms against Keras' own layers, a ReLU and a copy of the tensor.

    python -m benchmarks.norm_layers --output norms.json
    python -m benchmarks.norm_layers --quick
    python -m benchmarks.norm_layers --backend jax --shapes 32,56,56,64

A step is forward and backward with the gradients of the input and of all weights,
alone in a compiled function. All layers run in turns within a round, in shuffled order,
and each time is divided by those of the copy and of Keras' layers in the same round,
so that a busy machine slows all alike. Printed are medians and, after +-, half the
distance of the quartiles. "kept" is what backward reads of forward, in units of the
input tensor; TensorFlow alone tells.
"""

import argparse
import json
import math
import os
import pathlib
import platform
from typing import Any

SHAPES = ((32, 56, 56, 64), (32, 28, 28, 128), (8, 112, 112, 32), (128, 8, 8, 256))
DTYPES = ("float32", "bfloat16")
COPY, GROUP, BATCH = (
    "copy (x + 1)",
    "keras GroupNormalization",
    "keras BatchNormalization",
)
OP_BY_OP = "FRN + TLU, op by op"
COLUMNS = ("copy", "group", "batch", "op_by_op")


def make_layers(channels: int, dtype: str) -> dict[str, Any]:
    """Make every layer of the table for a number of channels."""
    import keras

    from kerasnorm import layers

    groups = layers.group_count(channels)
    policy: dict[str, Any] = {
        "dtype": "float32" if dtype == "float32" else f"mixed_{dtype}"
    }
    return {
        "GroupNorm": layers.GroupNorm(groups, **policy),
        "InstanceNorm": layers.InstanceNorm(**policy),
        "FilterResponseNorm": layers.FilterResponseNorm(**policy),
        "SwitchableNorm": layers.SwitchableNorm(**policy),
        "GhostBatchNorm": layers.GhostBatchNorm(8, **policy),
        OP_BY_OP: op_by_op(**policy),
        GROUP: keras.layers.GroupNormalization(groups, **policy),
        "keras LayerNormalization": keras.layers.LayerNormalization(**policy),
        BATCH: keras.layers.BatchNormalization(**policy),
        "ReLU": keras.layers.ReLU(**policy),
    }


def op_by_op(**kwargs: Any) -> Any:
    """Make FilterResponseNorm as one would write it down."""
    import keras
    from keras import ops

    class Plain(keras.layers.Layer):
        def build(self, input_shape: tuple) -> None:
            shape = (input_shape[-1],)
            self.gamma = self.add_weight(shape=shape, initializer="ones")
            self.beta = self.add_weight(shape=shape, initializer="zeros")
            self.tau = self.add_weight(shape=shape, initializer="zeros")

        def call(self, inputs: Any) -> Any:
            square = ops.mean(ops.square(inputs), axis=(1, 2), keepdims=True)
            normalized = inputs * ops.rsqrt(square + 1e-6)
            return ops.maximum(self.gamma * normalized + self.beta, self.tau)

    return Plain(**kwargs)


def measure(shape: tuple, dtype: str, mode: str, rounds: int) -> list[dict]:
    """Return a record for each layer at one shape, dtype and mode."""
    from benchmarks import norm_steps

    x, dy = (norm_steps.numbers(shape, dtype) for _ in range(2))
    made = make_layers(shape[-1], dtype)
    steps = {COPY: norm_steps.make_copy(x, mode)}
    for name, layer in made.items():
        layer.build(shape)
        steps[name] = norm_steps.make_step(layer, x, dy, mode)
    times = norm_steps.interleaved(steps, rounds)
    records = []
    for name in steps:
        record: dict = {"layer": name, "shape": shape, "dtype": dtype, "mode": mode}
        record["milliseconds"] = 1e3 * sorted(times[name])[rounds // 2]
        for column, other in zip(COLUMNS, (COPY, GROUP, BATCH, OP_BY_OP), strict=True):
            # Against the copy the cost counts, against a layer the gain.
            pair = (name, other) if column == "copy" else (other, name)
            record[column] = norm_steps.ratios(times, *pair)
        records.append(record)
    return records


def measure_kept(shape: tuple, dtype: str) -> dict[str, float | None]:
    """Return per layer the memory kept for backward, in units of the input."""
    from benchmarks import norm_steps

    x = norm_steps.numbers(shape, dtype)
    size = math.prod(shape) * (2 if dtype == "bfloat16" else 4)
    kept = {}
    for name, layer in make_layers(shape[-1], dtype).items():
        layer.build(shape)
        validation = norm_steps.kept_bytes(layer, x)
        kept[name] = None if validation is None else round(validation / size, 2)
    return kept


def print_table(records: list[dict]) -> None:
    """Print the records of one shape, dtype and mode."""
    first = records[0]
    print(f"\n{first['shape']} {first['dtype']} {first['mode']}")
    print(
        f"{'layer':26}{'ms':>9}{'copies':>16}{'vs keras GN':>16}"
        f"{'vs keras BN':>16}{'vs op by op':>16}{'kept':>7}"
    )
    for record in records:
        cells = "".join(
            f"{record[c]['median']:9.2f} +-{half(record[c]):4.2f}" for c in COLUMNS
        )
        kept = record.get("kept")
        print(
            f"{record['layer']:26}{record['milliseconds']:9.2f}{cells}"
            f"{'-' if kept is None else f'{kept:.2f}':>7}",
            flush=True,
        )


def half(ratio: dict) -> float:
    """Return half the distance between the quartiles."""
    return (ratio["high"] - ratio["low"]) / 2


def environment(backend: str) -> dict:
    """Describe the machine and the versions."""
    import keras

    return {
        "backend": backend,
        "keras": keras.__version__,
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.norm_layers")
    parser.add_argument(
        "--backend", default="tensorflow", choices=["tensorflow", "jax", "torch"]
    )
    parser.add_argument(
        "--shapes",
        nargs="+",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=SHAPES,
        help="input shapes, such as 32,56,56,64; channels last",
    )
    parser.add_argument("--modes", nargs="+", help="graph and xla on TensorFlow")
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--quick", action="store_true", help="one shape, 7 rounds")
    parser.add_argument("--output", type=pathlib.Path, help="where the JSON goes")
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.shapes, arguments.rounds = arguments.shapes[:1], 7
    return arguments


def main(argv: list[str] | None = None) -> None:
    """Measure, print and write."""
    arguments = parse(argv)
    os.environ["KERAS_BACKEND"] = arguments.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks import norm_steps

    results = []
    for shape in arguments.shapes:
        for dtype in arguments.dtypes:
            kept = measure_kept(shape, dtype)
            for mode in arguments.modes or norm_steps.MODES:
                records = measure(shape, dtype, mode, arguments.rounds)
                for record in records:
                    record["kept"] = kept.get(record["layer"])
                print_table(records)
                results += records
    if arguments.output:
        report = {"environment": environment(arguments.backend), "results": results}
        arguments.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
