"""Re-creates what people reported, small, and asks the doctor for the cause.

    python -m benchmarks.case_book --output runs/case_book
    python -m benchmarks.case_book --cases keras-10666 --seed 0

For each case: what the reporter saw, the verdict beside the cause known from the
thread, the gap budget, the remedy, and the validation loss before and after it. Done
cases are kept and not trained again.
"""

import argparse
import json
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Networks this small gain nothing from threads.
for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# Far more than is needed, so that a busy machine does not cost a verdict.
SECONDS = 600.0


@dataclass(frozen=True)
class Report:
    """One thread.

    Args:
        threads: Where it was reported.
        saw: What the reporter saw.
        cause: Code of the cause that the thread established.
        plant: Function of the seed that re-creates it.
        fix: Function of the seed that re-creates it with the cause removed, None
            where the doctor's own remedy is tried on the model.
    """

    threads: str
    saw: str
    cause: str
    plant: Callable
    fix: Callable | None = None


def reports() -> dict[str, Report]:
    """Return all cases by name; imported late, so that `--help` is quick."""
    from benchmarks import case_book_models as models
    from benchmarks import zoo_cases as faults
    from benchmarks import zoo_tuning_cases as tuning

    return {
        "keras-10666": Report(
            "keras-team/keras#10666, #7265",
            "training fits, validation at chance; momentum 0.9 cures it",
            "stale_statistics",
            faults.few_steps,
        ),
        "keras-9646": Report(
            "keras-team/keras#9646",
            "moving mean runs to infinity, validation is useless",
            "broken_statistics",
            faults.infinite_batch,
        ),
        "keras-9965": Report(
            "keras-team/keras#9965",
            "frozen base, yet validation collapses",
            "unfrozen_norm_in_frozen_base",
            tuning.norms_left_training,
        ),
        "keras-20285": Report(
            "keras-team/keras#20285",
            "base(x, training=False), statistics move all the same",
            "training_flag_overridden",
            tuning.unfrozen_with_flag,
        ),
        "keras-16633": Report(
            "keras-team/keras#16633",
            "accumulated gradients do not behave as the large batch",
            "gradient_accumulation",
            faults.accumulated_batches,
        ),
        "keras-11927": Report(
            "keras-team/keras#11927",
            "one batch norm for three inputs: good in training, bad in validation",
            "domain_shift",
            models.shared_norm,
            models.separate_norms,
        ),
        "keras-10216": Report(
            "keras-team/keras#10216",
            "learning rate 0, and validation loss still moves",
            "stale_statistics",
            models.learning_rate_zero,
        ),
        "keras-5162": Report(
            "keras-team/keras#5162",
            "data in the order of the classes: fits, does not validate",
            "ordered_batches",
            faults.sorted_classes,
            models.shuffled_classes,
        ),
        "tensorflow-36446": Report(
            "tensorflow/tensorflow#36446, #44568",
            "training and validation loss differ on the same data",
            "stale_statistics",
            models.same_data,
        ),
        "tensorflow-34062": Report(
            "tensorflow/tensorflow#34062",
            "batches of one sample: training and inference disagree",
            "single_sample_batch",
            models.batch_of_one,
        ),
        "cats-and-dogs": Report(
            "cats against dogs, a CNN from scratch",
            "validation accuracy stops at about 0.7 while training continues to 1.0",
            "overfitting",
            models.walkthrough,
            models.walkthrough_with_more_images,
        ),
    }


def open_case(name: str, report: Report, seed: int) -> dict:
    """Re-create one report, examine it, treat it, and return the numbers."""
    import keras

    from kerasnorm.doctor import examine, prove

    keras.utils.set_random_seed(seed)
    case = report.plant(seed)
    before = examine(case.model, case.train, case.validation, seconds=SECONDS)
    if report.fix is None:
        proof = prove(
            case.model,
            case.train,
            case.validation,
            before=before,
            seconds=SECONDS,
        )
        done, after = proof.remedy, proof.after
    else:
        fixed = report.fix(seed)
        done = (report.fix.__doc__ or "").split("\n")[0]
        after = examine(fixed.model, fixed.train, fixed.validation, seconds=SECONDS)
    keras.backend.clear_session()
    values = before.to_dict()
    return {
        "name": name,
        "threads": report.threads,
        "saw": report.saw,
        "cause": report.cause,
        "verdict": before.verdict,
        "summary": before.summary,
        "budget": values["budget"],
        "losses": values["losses"],
        "done": done,
        "before": values["losses"].get("D"),
        "after": after and after.to_dict()["losses"].get("D"),
        "verdict_after": after and after.verdict,
    }


def show(record: dict) -> str:
    """Return one case as lines of text."""
    budget = record["budget"] or {"parts": {}}
    parts = ", ".join(
        f"{name} {value:+.2f}" if value is not None else f"{name} not a number"
        for name, value in budget["parts"].items()
    )
    right = "right" if record["verdict"] == record["cause"] else "WRONG"
    losses = [
        "not a number" if record[key] is None else f"{record[key]:.3f}"
        for key in ("before", "after")
    ]
    return (
        f"{record['name']}  ({record['threads']})\n"
        f"  seen     {record['saw']}\n"
        f"  verdict  {record['verdict']} ({right}): {record['summary']}\n"
        f"  budget   {parts}\n"
        f"  remedy   {record['done']}\n"
        f"  validation loss  {losses[0]} -> {losses[1]}  ({record['verdict_after']})"
    )


def main() -> None:
    """Open the cases that were asked for and are not done, and print all."""
    parser = argparse.ArgumentParser(description="Reported cases and their causes.")
    parser.add_argument("--cases", nargs="*", help="names of cases; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, default="runs/case_book")
    parser.add_argument("--again", action="store_true", help="open done cases again")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    records = []
    for name, report in reports().items():
        if options.cases and name not in options.cases:
            continue
        path = options.output / f"{name}-{options.seed}.json"
        if options.again or not path.exists():
            record = open_case(name, report, options.seed)
            path.write_text(json.dumps(record, indent=2))
        records.append(json.loads(path.read_text()))
        print(show(records[-1]), flush=True)
    right = sum(record["verdict"] == record["cause"] for record in records)
    print(f"{right} of {len(records)} verdicts are the cause known from the thread")


if __name__ == "__main__":
    main()
