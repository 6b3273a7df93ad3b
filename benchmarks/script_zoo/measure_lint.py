"""What `kerasnorm lint` finds in the script zoo, beside the truth.

python -m benchmarks.script_zoo.measure_lint [--forum | --posts] [FILE.csv]

The scripts of `forum` and of `posts` were written later (README.md).
"""

import csv
import pathlib
import sys

from kerasnorm.lint.check import check_file

FOLDER = pathlib.Path(__file__).parent
# The zoo was written before lint had codes for these.
CODES = {
    "validation_augmented": "augmented_validation",
    "validation_split_sorted": "sorted_validation_split",
    "unfreeze_without_recompile": "freeze_without_recompile",
    "monitor_not_logged": "unknown_monitor",
    "test_used_for_selection": "test_data_in_selection",
    "training_false_in_train_step": "loop_in_inference",
    "training_true_in_evaluation": "training_flag_overridden",
    "loss_form": "label_mismatch",
    "double_rescale": "input_range",
    "training_flag": "loop_in_inference",
    # What can be read of statistics that are stale is the momentum.
    "stale_statistics": "norm_momentum",
}


def measure(
    table: pathlib.Path = FOLDER / "truth.csv",
    scripts: pathlib.Path = FOLDER / "scripts",
) -> list[dict]:
    """Return a row for every script: truth, what was found, whether it is right.

    Args:
        table: The truth.
        scripts: Folder of the scripts.
    """
    rows = []
    for truth in csv.DictReader(table.open(encoding="utf-8")):
        report = check_file(str(scripts / truth["file"]))
        cause = CODES.get(truth["cause"], truth["cause"])
        also = truth["also"].replace("|", ";").replace(",", ";").split(";")
        known = {cause, *(CODES.get(name.strip(), name.strip()) for name in also)}
        errors = {f.code for f in report.findings if f.severity == "error"}
        others = {f.code for f in report.findings if f.severity == "warning"}
        rows.append(
            {
                "file": truth["file"],
                "cause": cause,
                "readable": truth["readable"],
                "errors": ";".join(sorted(errors)),
                "warnings": ";".join(sorted(others)),
                "found": cause in errors | others,
                "false_errors": len(errors - known),
                "other_warnings": len(others - known),
            }
        )
    return rows


def main() -> None:
    """Print the figures and write the rows."""
    words = sys.argv[1:]
    if words[:1] in (["--forum"], ["--posts"]):
        folder = FOLDER / words.pop(0).removeprefix("--")
        rows = measure(folder / "truth.csv", folder)
    else:
        rows = measure()
    faulty = [row for row in rows if row["cause"] != "healthy"]
    for readable in ("yes", "likely", "no"):
        of_kind = [row for row in faulty if row["readable"] == readable]
        found = sum(row["found"] for row in of_kind)
        print(f"readable {readable}: {found} of {len(of_kind)} causes named")
    errors = sum(len(row["errors"].split(";")) for row in rows if row["errors"])
    false = sum(row["false_errors"] for row in rows)
    print(f"errors: {errors - false} of {errors} scripts and codes right")
    print(f"warnings of another cause: {sum(row['other_warnings'] for row in rows)}")
    if words:
        with open(words[0], "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
