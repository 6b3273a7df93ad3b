"""What `kerasnorm lint` finds in the script zoo, beside the truth.

python -m benchmarks.script_zoo.measure_lint [FILE.csv]
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
    "training_false_in_train_step": "training_flag_overridden",
    "training_true_in_evaluation": "training_flag_overridden",
    "loss_form": "label_mismatch",
}


def measure() -> list[dict]:
    """Return a row for every script: truth, what was found, whether it is right."""
    rows = []
    for truth in csv.DictReader((FOLDER / "truth.csv").open(encoding="utf-8")):
        report = check_file(str(FOLDER / "scripts" / truth["file"]))
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
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
