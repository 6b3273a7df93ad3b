"""How much sooner a search is done: plain KerasTuner against `tuning.search`.

    python -m benchmarks.search --seeds 0 1 2 --output runs/search
    python -m benchmarks.search --seeds 0 --trials 3 --epochs 2 --output /tmp/try

Both search the same space with the same random values and the same most epochs for a
trial, on stripes under noise, which a good trial tells apart within these epochs and a
bad one does not. Plain: `keras_tuner.RandomSearch` in one process, with the app's
network, images and Keras' `EarlyStopping`. Ours: `python -m tuning.search --workers
auto`, once undisturbed and once with a worker killed in the middle. Times are
wall-clock seconds from the start of the command. Results that are there are kept and
not measured again; three seeds take about twenty minutes on two quiet cores.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
from PIL import Image

APP = "cats_dogs"
SIDE = 32
IMAGES = {"train": 256, "validation": 128}
STRENGTH, NOISE = 30.0, 50.0
SPACE = """\
norm: [batch, group, frn, none]
width: [8, 16, 24]
optimizer: [sgd, adamw]
learning_rate: {min: 3.0e-4, max: 3.0e-2, log: true}
batch_size: [16, 32, 64]
dropout: {min: 0.0, max: 0.4, step: 0.2}
weight_decay: null
agc: null
augmentation: null
label_smoothing: null
schedule: null
"""


def draw(folder: pathlib.Path) -> None:
    """Draw stripes across and down under noise; folders as photos have."""
    random = np.random.default_rng(0)
    place = np.arange(SIDE)
    for split, count in IMAGES.items():
        for kind in ("across", "down"):
            (folder / split / kind).mkdir(parents=True)
            for number in range(count):
                turn = random.uniform(0, 2 * np.pi)
                wave = STRENGTH * np.sin(
                    2 * np.pi * place / random.uniform(4, 9) + turn
                )
                stripes = wave[:, None] if kind == "across" else wave[None, :]
                noise = random.normal(128, NOISE, (SIDE, SIDE, 3))
                pixels = np.clip(noise + stripes[..., None], 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / kind / f"{number:03}.png")


def flags(options: argparse.Namespace, seed: int, folder: pathlib.Path) -> list[str]:
    """Return the flags of one search."""
    space = options.output / "space.yaml"
    space.write_text(SPACE)
    return [
        # Without images that grow and mixed labels, which are beside the point here.
        *("--app", APP, "--preset", "drawn"),
        *("--data", options.data, "--image-size", str(SIDE)),
        *("--epochs", str(options.epochs), "--trials", str(options.trials)),
        *("--patience", str(max(options.epochs // 2, 2)), "--seed", str(seed)),
        *("--space", str(space), "--directory", str(folder)),
    ]


def run_plain(words: list[str], log: pathlib.Path) -> None:
    """Search with KerasTuner alone; write down when each trial was done."""
    from kerasnorm.training.system import importing

    importing.import_keras()
    import keras
    import keras_tuner

    from kerasnorm.data.pipelines import batches_tf
    from kerasnorm.training import build
    from kerasnorm.training.inputs import batches
    from kerasnorm.training.inputs.loading import load_data
    from tuning import search, search_flags
    from tuning.oracles import crash_safe_oracle

    plan = search.make_plan(*search_flags.make_parser().parse_known_args(words))

    class Trial(keras_tuner.HyperModel):
        def build(self, hp):
            settings = plan.space.settings(plan.settings, hp.values)
            model = build.build_model(settings, len(data.train.class_names))
            return build.compile_model(model, settings)

        def fit(self, hp, model, **options):
            settings = plan.space.settings(plan.settings, hp.values)
            steps = len(data.train) // settings.batch_size
            options["callbacks"] += build.build_pacing(settings, steps)
            with log.open("a") as stream:
                stream.write(json.dumps({"begin": time.time()}) + "\n")
            return model.fit(
                batches.training_batches(settings, data),
                steps_per_epoch=steps,
                validation_data=batches_tf.evaluation_batches(
                    data.validation, settings.batch_size
                ),
                epochs=settings.epochs,
                verbose=0,
                **options,
            )

    class Noting(keras_tuner.RandomSearch):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            score = self.oracle.trials[trial.trial_id].score
            with log.open("a") as stream:
                stream.write(json.dumps({"end": time.time(), "val_loss": score}) + "\n")

    keras.utils.set_random_seed(plan.seed)
    data = load_data(plan.settings)
    tuner = Noting(
        Trial(),
        objective="val_loss",
        max_trials=plan.trials,
        seed=plan.seed + 1,
        hyperparameters=crash_safe_oracle.to_keras_tuner(plan),
        directory=str(log.parent),
        project_name="plain",
    )
    stopping = keras.callbacks.EarlyStopping(patience=plan.settings.patience)
    tuner.search(callbacks=[stopping])


def measure_plain(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Return start-up, end and the best loss over time of plain KerasTuner."""
    folder = options.output / f"plain{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "trials.jsonl"
    log.unlink(missing_ok=True)
    words = [*flags(options, seed, folder / "search"), "--plain", str(log)]
    began = time.time()
    with (folder / "log").open("w") as stream:
        command = [sys.executable, "-m", "benchmarks.search", *words]
        subprocess.run(command, check=True, stdout=stream, stderr=stream)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        "seconds": time.time() - began,
        "start_up": next(x["begin"] for x in lines if "begin" in x) - began,
        "ends": [[x["end"] - began, x["val_loss"]] for x in lines if "end" in x],
    }


def measure_ours(options: argparse.Namespace, seed: int, kill: bool) -> dict[str, Any]:
    """Return the same of our search; with `kill` a worker crashes in the middle."""
    import psutil

    name = f"killed{seed}" if kill else f"ours{seed}"
    folder = options.output / f"{name}-{int(time.time())}"
    half = (options.trials + 1) // 2
    words = [*flags(options, seed, folder), "--workers", options.workers, "--quiet"]
    began, first, killed = time.time(), None, not kill
    command = [sys.executable, "-m", "tuning.search", *words]
    search = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while search.poll() is None:
        time.sleep(0.1)
        notes = list((folder / "trials").glob("?*.json"))
        if notes and first is None:
            first = time.time() - began
        if not killed and len(notes) > half:
            workers = [
                p
                for p in psutil.process_iter(["cmdline"])
                if {"tuning.workers.worker", str(folder.resolve())}
                <= set(p.info["cmdline"] or [])
            ]
            if workers:
                workers[0].kill()
                killed = True
    seconds = time.time() - began
    content = json.loads((folder / "search.json").read_text())
    done = [t for t in content["trials"] if t["status"] == "completed"]
    ends = sorted(
        [
            (folder / "trials" / f"{t['id']}.json").stat().st_mtime - began,
            t["objective"],
        ]
        for t in done
    )
    statuses = [trial["status"] for trial in content["trials"]]
    return {
        "seconds": seconds,
        "start_up": first,
        "ends": ends,
        "statuses": statuses,
        "saved": content["saved"],
    }


def time_to(record: dict[str, Any], loss: float) -> float:
    """Return when a search first had a loss that good."""
    return next(seconds for seconds, value in record["ends"] if value <= loss)


def best(record: dict[str, Any]) -> float:
    """Return the best loss of a search."""
    return min(value for _, value in record["ends"])


def print_table(records: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print every figure with its median and all seeds."""
    rows: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)

    for record in records:
        plain, ours, killed = (record[name] for name in ("plain", "ours", "killed"))
        # The same loss for both: what the less lucky of the two has reached.
        goal = max(best(plain), best(ours))
        add("plain: best validation loss", best(plain))
        add("ours: best validation loss", best(ours))
        add("plain: seconds to the same loss", time_to(plain, goal))
        add("ours: seconds to the same loss", time_to(ours, goal))
        add("times sooner at the same loss", time_to(plain, goal) / time_to(ours, goal))
        add("plain: seconds in all", plain["seconds"])
        add("ours: seconds in all", ours["seconds"])
        add("times sooner in all", plain["seconds"] / ours["seconds"])
        add("plain: start-up, seconds", plain["start_up"])
        add("ours: start-up, seconds", ours["start_up"])
        add("a killed worker costs, seconds", killed["seconds"] - ours["seconds"])
        lost = sum(status != "completed" for status in killed["statuses"])
        add("a killed worker costs, trials", lost)
        add("ended early by the median rule", ours["saved"]["median_rule"]["trials"])
    print(
        f"{options.trials} trials of at most {options.epochs} epochs, n={len(records)} "
        f"seeds, {os.cpu_count()} processors"
    )
    for name, values in rows.items():
        spread = " ".join(f"{value:9.3f}" for value in values)
        print(f"{name:34}median {statistics.median(values):9.3f}   all {spread}")


def main() -> None:
    """Measure the seeds that are not done yet, then print the table."""
    words = sys.argv[1:]
    if "--plain" in words:
        place = words.index("--plain")
        log = pathlib.Path(words[place + 1])
        run_plain(words[:place] + words[place + 2 :], log)
        return
    parser = argparse.ArgumentParser(description="Plain KerasTuner against ours.")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--workers", default="auto")
    parser.add_argument("--data", help="Other images than the stripes.")
    default = pathlib.Path("runs/search")
    parser.add_argument("--output", type=pathlib.Path, default=default)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.data is None:
        folder = options.output / "images"
        if not folder.is_dir():
            draw(folder)
        options.data = str(folder)
    records = []
    for seed in options.seeds:
        file = options.output / f"seed{seed}.json"
        if not file.is_file():
            record = {
                "plain": measure_plain(options, seed),
                "ours": measure_ours(options, seed, kill=False),
                "killed": measure_ours(options, seed, kill=True),
            }
            file.write_text(json.dumps(record, indent=1))
        records.append(json.loads(file.read_text()))
    print_table(records, options)


if __name__ == "__main__":
    main()
