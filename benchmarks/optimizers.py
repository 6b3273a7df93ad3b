"""Measures what optimizers and wrappers add to the time of a training step.

    python -m benchmarks.optimizers
    python -m benchmarks.optimizers --part update --rounds 30 --output update.json

Two parts: whole training steps of ResNet-20 on images of CIFAR's size, and updates
only of the variables of ResNet-50 with synthetic gradients. All optimizers run in turns
within a round, and each time is divided by that of its baseline in the same round, so
that a busy machine slows both. Printed are the median ratio and its quartiles.
"""

import argparse
import json
import os
import pathlib
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Step = Callable[[], None]

# Name, name of what it is compared with.
BASELINES = {
    "sgd": "sgd",
    "sgd, global_clipnorm": "sgd",
    "agc(sgd)": "sgd",
    "centralization(sgd)": "sgd",
    "lookahead(sgd)": "sgd",
    "agc(centralization(lookahead(sgd)))": "sgd",
    "sam(sgd)": "sgd",
    "adamw": "adamw",
    "agc(adamw)": "adamw",
    "ada_pnm": "adamw",
    "ranger21": "adamw",
    "muon": "adamw",
}


def make_optimizer(name: str):
    """Make the optimizer of one row; the rates are too small to change anything."""
    import keras

    from kerasnorm import optimizers as ours

    sgd = keras.optimizers.SGD(1e-6, momentum=0.9, nesterov=True)
    adamw = keras.optimizers.AdamW(1e-6)
    makers: dict[str, Callable] = {
        "sgd": lambda: sgd,
        "sgd, global_clipnorm": lambda: keras.optimizers.SGD(
            1e-6, momentum=0.9, nesterov=True, global_clipnorm=1.0
        ),
        "agc(sgd)": lambda: ours.AGC(sgd),
        "centralization(sgd)": lambda: ours.GradientCentralization(sgd),
        "lookahead(sgd)": lambda: ours.Lookahead(sgd),
        "agc(centralization(lookahead(sgd)))": lambda: ours.AGC(
            ours.GradientCentralization(ours.Lookahead(sgd))
        ),
        "sam(sgd)": lambda: ours.SAM(sgd),
        "adamw": lambda: adamw,
        "agc(adamw)": lambda: ours.AGC(adamw),
        "ada_pnm": lambda: ours.AdaPNM(1e-6),
        "ranger21": lambda: ours.Ranger21(1e-6),
        "muon": lambda: ours.Muon(1e-6),
    }
    return makers[name]()


def make_training_step(name: str, batch_size: int, jit_compile: bool) -> Step:
    """Compile the training step of a ResNet-20 with one optimizer."""
    import keras
    import numpy as np
    import tensorflow as tf

    from kerasnorm.models import resnet

    keras.utils.set_random_seed(0)
    model = resnet((32, 32, 3), 10, depth=20)
    optimizer = make_optimizer(name)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    if name == "sam(sgd)":
        optimizer.attach(model)
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 255, (batch_size, 32, 32, 3)).astype("float32")
    data = (
        tf.constant(images),
        tf.constant(generator.integers(0, 10, batch_size).astype("int32")),
    )
    train_step = tf.function(model.train_step, jit_compile=jit_compile)

    def step() -> None:
        train_step(data)["loss"].numpy()

    return step


def make_update(name: str, variables: list, gradients: list, jit_compile: bool) -> Step:
    """Compile the update of variables with one optimizer."""
    import tensorflow as tf

    optimizer = make_optimizer(name)
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def update():
        optimizer.apply(gradients, variables)
        return optimizer.iterations

    def step() -> None:
        update().numpy()

    return step


def make_variables_and_gradients() -> tuple[list, list]:
    """Variables of ResNet-50, and gradients of which some pass the limit of AGC."""
    import keras
    import tensorflow as tf

    variables = keras.applications.ResNet50(weights=None).trainable_variables
    generator = tf.random.Generator.from_seed(0)
    return variables, [generator.normal(v.shape) * 1e-3 for v in variables]


def measure(
    steps: dict[str, Step], rounds: int, repeats: int, clock: Callable[[], float]
) -> dict[str, list]:
    """Let all steps run in turns; return the seconds each took in each round."""
    for step in steps.values():
        step()
        step()
    seconds: dict[str, list] = {name: [] for name in steps}
    names = list(steps)
    for turn in range(rounds):
        # Each round begins with another one: what comes first may find cold caches.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = clock()
            for _ in range(repeats):
                steps[name]()
            seconds[name].append((clock() - start) / repeats)
    return seconds


def summarize(seconds: dict[str, list]) -> list[dict]:
    """Turn seconds into ratios to the baselines, with medians and quartiles."""
    rows = []
    for name, times in seconds.items():
        baseline = BASELINES[name]
        pairs = zip(times, seconds[baseline], strict=True)
        ratios = [own / other for own, other in pairs]
        low, middle, high = statistics.quantiles(ratios, n=4)
        rows.append(
            {
                "optimizer": name,
                "baseline": baseline,
                "milliseconds": 1000 * statistics.median(times),
                "ratio": middle,
                "lower_quartile": low,
                "upper_quartile": high,
                "rounds": len(times),
            }
        )
    return rows


def print_table(title: str, rows: list[dict]) -> None:
    """Print the rows of one part."""
    print(f"\n{title}")
    print(f"{'optimizer':<38}{'ms':>9}{'ratio':>9}  {'quartiles':<16}to")
    for row in rows:
        quartiles = f"{row['lower_quartile']:.3f} to {row['upper_quartile']:.3f}"
        print(
            f"{row['optimizer']:<38}{row['milliseconds']:>9.1f}{row['ratio']:>9.3f}"
            f"  {quartiles:<16} {row['baseline']}"
        )


def main() -> None:
    """Measure, print the tables and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["step", "update", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--only", nargs="+", choices=BASELINES, default=list(BASELINES))
    parser.add_argument("--jit-compile", action="store_true")
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: time of this process on all cores, for a machine that is busy",
    )
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    names = [
        n for n in BASELINES if n in {*options.only, *map(BASELINES.get, options.only)}
    ]
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    report = {}
    if options.part in ("step", "both"):
        steps = {
            name: make_training_step(name, options.batch_size, options.jit_compile)
            for name in names
        }
        rows = summarize(measure(steps, options.rounds, options.repeats, clock))
        print_table(f"ResNet-20, training step, batch {options.batch_size}", rows)
        report["resnet20_training_step"] = rows
    if options.part in ("update", "both"):
        variables, gradients = make_variables_and_gradients()
        steps = {
            name: make_update(name, variables, gradients, options.jit_compile)
            for name in names
            if name != "sam(sgd)"
        }
        rows = summarize(measure(steps, options.rounds, options.repeats, clock))
        print_table("ResNet-50, update only", rows)
        report["resnet50_update"] = rows
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
