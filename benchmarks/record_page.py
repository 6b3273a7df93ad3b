"""Table and image of accuracy against wall time, and the ablation's table."""

import pathlib
import statistics


def write_record(trainings, output):
    """Print the trainings, and draw accuracy against time.

    Args:
        trainings: `Training` values, those named `walkthrough` among them.
        output: Folder of `record.md` and `record.png`.
    """
    bars = {
        training.seed: max(training.accuracy)
        for training in trainings
        if training.name == "walkthrough"
    }
    rows = [
        "| Training | Seed | Final accuracy | Minutes | Best of walkthrough after |"
    ]
    rows += ["|---|---|---|---|---|"]
    for training in trainings:
        reached = seconds_to(training, bars.get(training.seed, 1.0))
        rows.append(
            f"| {training.name} | {training.seed} | {training.final_accuracy:.3f} | "
            f"{training.seconds[-1] / 60:.1f} | "
            + ("never |" if reached is None else f"{reached / 60:.1f} min |")
        )
    _write(rows, output, "record.md")
    _draw(trainings, pathlib.Path(output) / "record.png")


def seconds_to(training, accuracy):
    """Return when a training first had an accuracy; None if never.

    Args:
        training: A `Training`.
        accuracy: Validation accuracy, 0 to 1.
    """
    for seconds, value in zip(training.seconds, training.accuracy, strict=True):
        if value >= accuracy:
            return seconds
    return None


def write_ablation(trainings, output):
    """Print what each part brought: mean and deviation over the seeds.

    Args:
        trainings: `Training` values; the first one's name is the whole.
        output: Folder of `ablation.md`.
    """
    names = list(dict.fromkeys(training.name for training in trainings))
    by_name = {
        name: [training for training in trainings if training.name == name]
        for name in names
    }
    whole = statistics.mean(t.final_accuracy for t in by_name[names[0]])
    rows = ["| Changed | Seeds | Accuracy | Points | Seconds an epoch | Epochs |"]
    rows += ["|---|---|---|---|---|---|"]
    for name, group in by_name.items():
        values = [training.final_accuracy for training in group]
        spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        mean = statistics.mean(values)
        epochs = statistics.mean(len(training.accuracy) for training in group)
        seconds = statistics.mean(
            training.seconds[-1] / len(training.accuracy) for training in group
        )
        rows.append(
            f"| {name} | {len(group)} | {mean:.3f}{spread} | "
            f"{100 * (mean - whole):+.1f} | {seconds:.1f} | {epochs:.0f} |"
        )
    _write(rows, output, "ablation.md")


def _write(rows, output, name):
    text = "\n".join(rows)
    print(text)
    (pathlib.Path(output) / name).write_text(text + "\n")


def _draw(trainings, file):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    colors = {
        name: f"C{place}"
        for place, name in enumerate(
            dict.fromkeys(training.name for training in trainings)
        )
    }
    labelled = set()
    for training in trainings:
        axes.plot(
            [seconds / 60 for seconds in training.seconds],
            training.accuracy,
            color=colors[training.name],
            label=None if training.name in labelled else training.name,
        )
        labelled.add(training.name)
    axes.set_xlabel("wall time in minutes")
    axes.set_ylabel("validation accuracy")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(file, dpi=150)
