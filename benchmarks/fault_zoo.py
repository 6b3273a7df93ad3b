"""Plants faults in trainings and counts how often the doctor names them.

    python -m benchmarks.fault_zoo --seeds 0 1 --output runs/fault_zoo
    python -m benchmarks.fault_zoo --cases few_steps healthy_plain --seeds 0
    python -m benchmarks.fault_zoo --report-only

Every case and seed is written when it is done and not trained again, so the zoo can
be run in pieces. Thresholds were chosen on seeds 0 to 4; the reported figures are those
of the other seeds.
"""

import argparse
import csv
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Networks this small gain nothing from threads; run seeds side by side instead.
for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

CHOOSING_SEEDS = (0, 1, 2, 3, 4)
# Far more than is needed, so that a busy machine does not cost a verdict.
SECONDS = 600.0


def run_case(name: str, seed: int) -> dict:
    """Train one case, examine it and return what came out."""
    import keras

    from benchmarks import zoo_tuning_cases  # noqa: F401
    from benchmarks.zoo_cases import CASES
    from kerasnorm.doctor import examine

    code, plant = CASES[name]
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    planted = plant(seed)
    trained = time.perf_counter() - start
    examination = examine(
        planted.model,
        planted.train,
        planted.validation,
        plain=planted.plain,
        history=planted.history,
        seconds=SECONDS,
    )
    keras.backend.clear_session()
    found = [f.code for f in examination.findings if f.severity != "info"]
    record = {
        "case": name,
        "seed": seed,
        "truth": code,
        "verdict": examination.verdict,
        "found": found or ["healthy"],
        "training_seconds": round(trained, 1),
    }
    return {**record, "examination": json.loads(examination.to_json())}


def summarize(records: list[dict]) -> dict:
    """Return recall at rank 1 and 3 and the fraction of false alarms."""
    faults = [r for r in records if r["truth"] != "healthy"]
    healthy = [r for r in records if r["truth"] == "healthy"]
    return {
        "faults": len(faults),
        "recall_at_1": _fraction([r["verdict"] == r["truth"] for r in faults]),
        "recall_at_3": _fraction([r["truth"] in r["found"][:3] for r in faults]),
        "healthy": len(healthy),
        "false_alarms": sum(r["verdict"] != "healthy" for r in healthy),
    }


def _fraction(hits: list[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def write_confusion(records: list[dict], folder: pathlib.Path) -> None:
    """Write the confusion matrix as `confusion.csv` and `confusion.png`."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from kerasnorm.doctor import CODES

    seen = {r["truth"] for r in records} | {r["verdict"] for r in records}
    codes = [code for code in CODES if code in seen]
    counts = [
        [
            sum(r["truth"] == truth and r["verdict"] == verdict for r in records)
            for verdict in codes
        ]
        for truth in codes
    ]
    with (folder / "confusion.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["planted", *codes])
        writer.writerows([code, *row] for code, row in zip(codes, counts, strict=True))
    side = 2 + 0.42 * len(codes)
    figure, axes = plt.subplots(figsize=(side + 1, side), layout="constrained")
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(codes)), codes, rotation=90)
    axes.set_yticks(range(len(codes)), codes)
    axes.set_xlabel("verdict")
    axes.set_ylabel("planted")
    largest = max(map(max, counts))
    for row, values in enumerate(counts):
        for column, value in enumerate(values):
            if value:
                colour = "white" if value > largest / 2 else "black"
                axes.text(column, row, value, ha="center", va="center", color=colour)
    figure.savefig(folder / "confusion.png", dpi=110)


def write_table(records: list[dict], folder: pathlib.Path) -> None:
    """Write `table.md`: for each case how often the verdict was right."""
    lines = [
        "| set-up | planted | choosing seeds | reporting seeds | other verdicts |",
        "| --- | --- | --- | --- | --- |",
    ]
    for case in dict.fromkeys(r["case"] for r in records):
        own = [r for r in records if r["case"] == case]
        chosen = [r["verdict"] == r["truth"] for r in own if is_choosing(r)]
        reported = [r["verdict"] == r["truth"] for r in own if not is_choosing(r)]
        others = sorted({r["verdict"] for r in own} - {own[0]["truth"]})
        lines.append(
            f"| {case} | `{own[0]['truth']}` | {sum(chosen)} of {len(chosen)} "
            f"| {sum(reported)} of {len(reported)} | {', '.join(others)} |"
        )
    (folder / "table.md").write_text("\n".join(lines) + "\n")


def is_choosing(record: dict) -> bool:
    """Return whether thresholds were chosen with this record in sight."""
    return record["seed"] in CHOOSING_SEEDS


def report(folder: pathlib.Path) -> None:
    """Print what has been run so far and write the confusion matrix."""
    records = [
        json.loads(path.read_text()) for path in sorted(folder.glob("results/*.json"))
    ]
    if not records:
        print("nothing has been run yet")
        return
    for record in records:
        if record["verdict"] != record["truth"]:
            print(f"missed: {record['case']} seed {record['seed']}: {record['found']}")
    parts = {
        "choosing seeds": [r for r in records if is_choosing(r)],
        "reporting seeds": [r for r in records if not is_choosing(r)],
    }
    summary = {name: summarize(part) for name, part in parts.items()}
    print(json.dumps(summary, indent=2))
    (folder / "summary.json").write_text(json.dumps(summary, indent=2))
    write_table(records, folder)
    write_confusion(parts["reporting seeds"] or records, folder)


def main() -> None:
    """Run the cases that were asked for and are not done, then report."""
    parser = argparse.ArgumentParser(description="Recall of the doctor on faults.")
    parser.add_argument("--cases", nargs="*", help="names of cases; all by default")
    parser.add_argument("--seeds", nargs="*", type=int, default=[5, 6, 7])
    parser.add_argument("--output", type=pathlib.Path, default="runs/fault_zoo")
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--again", action="store_true", help="run done cases again")
    options = parser.parse_args()
    (options.output / "results").mkdir(parents=True, exist_ok=True)
    if not options.report_only:
        from benchmarks import zoo_tuning_cases  # noqa: F401
        from benchmarks.zoo_cases import CASES

        for seed in options.seeds:
            for name in options.cases or CASES:
                path = options.output / "results" / f"{name}-{seed}.json"
                if path.exists() and not options.again:
                    continue
                record = run_case(name, seed)
                path.write_text(json.dumps(record, indent=2))
                seconds = record["examination"]["seconds"]
                print(
                    f"{name:28} {seed}  {record['truth']:28} "
                    f"{','.join(record['found'])}  "
                    f"{record['training_seconds']:.0f}+{seconds:.0f} s",
                    flush=True,
                )
    report(options.output)


if __name__ == "__main__":
    main()
