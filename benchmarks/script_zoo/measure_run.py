"""What `kerasnorm run` says of the scripts of the zoo, beside the truth.

    python -m benchmarks.script_zoo.draw_images DIR
    python -m benchmarks.script_zoo.measure_run DIR FILE.csv [script ...]
    python -m benchmarks.script_zoo.measure_run --figures FILE.csv

Each script runs alone and with `kerasnorm run`, each in a folder of its own, one after
the other. A row is written as soon as a script has finished, and a script with a row is
left out, so that the program can be ended and called again. Scripts for JAX and PyTorch
need an interpreter that has them: `--python`, with `--backend`. `--posts` takes the
scripts of that folder. A notebook runs as the code of its cells, without magics.
"""

import argparse
import csv
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

from benchmarks.script_zoo import measure_lint

FOLDER = pathlib.Path(__file__).parent
FAILS, UNWATCHED, UNREAD = "fails", "not_watched", "not_examined"
# The zoo was written before the doctor told copies from crops and edits.
CODES = {"near_duplicate_leakage": "leakage"}
SILENT = {"healthy", UNWATCHED, UNREAD}
COLUMNS = (
    "file",
    "cause",
    "accepted",
    "verdicts",
    "right",
    "generous",
    "alone_seconds",
    "run_seconds",
    "alone_status",
    "run_status",
    "stdout_equal",
)
# Times differ from run to run, and so does how often a bar is drawn: each epoch counts
# by the last one.
BAR = re.compile(r"^\s*\d+/(\d+|Unknown) .*$")
TIMES = re.compile(r"\d+(\.\d+)?(ms|us|s|min)(/step|/epoch)?\b|\d+:\d\d(:\d\d)?")


def told(text: str) -> str:
    """Return what a script printed, without times and passing progress bars.

    Args:
        text: Its standard output.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m|\x08|\r", "", text)
    lines = [line for line in plain.splitlines() if line.strip()]
    kept = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if not (BAR.match(line) and BAR.match(following))
    ]
    return TIMES.sub("", "\n".join(kept))


def verdicts_of(said: str, status: int) -> list[str]:
    """Return the verdict of every `fit` from what `run` printed on standard error.

    Args:
        said: Its standard error.
        status: Its exit status.
    """
    found = []
    for line in re.findall(r"^kerasnorm: fit \d+: (.*)$", said, re.MULTILINE):
        if line.startswith("not examined"):
            found.append(UNREAD)
        elif before := re.match(r"\w+ after \d+ epochs(?:; before it (\w+):)?", line):
            found.append(before[1] or FAILS)
        else:
            found.append(re.match(r"\w+", line)[0])
    if not found:
        found = [FAILS if status else UNWATCHED]
    return found


def is_right(verdicts: list[str], accepted: str) -> bool:
    """Return whether every `fit` got one of the verdicts accepted for it.

    Args:
        verdicts: Of every `fit`.
        accepted: Fits apart by `;`, alternatives by `|`.
    """
    fits = accepted.split(";")
    return len(fits) == len(verdicts) and all(
        CODES.get(verdict, verdict) in fit.split("|")
        for verdict, fit in zip(verdicts, fits, strict=True)
    )


def is_generous(row: dict) -> bool:
    """Return whether a script with a fault may be called healthy in every `fit`.

    Args:
        row: Its row of the truth.
    """
    fits = row["accepted"].split(";")
    return row["cause"] != "healthy" and all("healthy" in f.split("|") for f in fits)


def written(script: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Return a script, of a notebook the code of its cells as a script.

    Args:
        script: The script or notebook.
        folder: Where the code of a notebook is written.
    """
    if script.suffix != ".ipynb":
        return script
    cells = json.loads(script.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    lines = [line for line in code.splitlines() if line.lstrip()[:1] not in ("%", "!")]
    found = folder / f"{script.stem}.py"
    found.write_text("\n".join(lines), encoding="utf-8")
    return found


def ran(words: list[str], folder: pathlib.Path) -> tuple[float, int, str, str]:
    """Return processor seconds, status and what was printed to both streams.

    Args:
        words: A command.
        folder: Made for it.
    """
    folder.mkdir()
    roots = [str(FOLDER.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, roots)),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.returncode, done.stdout, done.stderr


def measured(
    row: dict, scripts: pathlib.Path, images: pathlib.Path, python: str
) -> tuple[dict, str]:
    """Return the row of one script, and what `run` said on standard error.

    Args:
        row: Its row of the truth.
        scripts: Folder of the scripts.
        images: Folders of `draw_images`.
        python: An interpreter.
    """
    given = [str(images.resolve() / row["arguments"])] if row["arguments"] else []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        script = written(scripts / row["file"], folder)
        words = [str(script), *given]
        alone = ran([python, *words], folder / "alone")
        run = ran([python, "-m", "kerasnorm", "run", *words], folder / "run")
    verdicts = verdicts_of(run[3], run[1])
    return {
        "file": row["file"],
        "cause": row["cause"],
        "accepted": row["accepted"],
        "verdicts": ";".join(verdicts),
        "right": is_right(verdicts, row["accepted"]),
        "generous": is_generous(row),
        "alone_seconds": round(alone[0], 1),
        "run_seconds": round(run[0], 1),
        "alone_status": alone[1],
        "run_status": run[1],
        "stdout_equal": told(alone[2]) == told(run[2]),
    }, run[3]


def read(file: pathlib.Path) -> list[dict]:
    """Return the rows of a table, none where there is none.

    Args:
        file: The table.
    """
    if not file.exists():
        return []
    return list(csv.DictReader(file.open(encoding="utf-8", newline="")))


def print_figures(rows: list[dict], truth: pathlib.Path, scripts: pathlib.Path) -> None:
    """Print how often `run` is right, alone and together with `lint`.

    Args:
        rows: Of `run`.
        truth: Table of the truth.
        scripts: Folder of the scripts.
    """
    lint = {row["file"]: row for row in measure_lint.measure(truth, scripts)}
    right = [row for row in rows if row["right"] == "True"]
    generous = [row for row in rows if row["generous"] == "True"]
    strict = [row for row in rows if row["generous"] != "True"]
    print(f"run: {len(rows)} scripts, verdicts right in {len(right)}")
    for name, chosen in (("generous", generous), ("strict", strict)):
        count = sum(row["right"] == "True" for row in chosen)
        print(f"  {name}: {count} of {len(chosen)}")
    faulty = [row for row in rows if row["cause"] != "healthy"]
    by_run = {
        row["file"]
        for row in faulty
        if row["right"] == "True" and set(row["verdicts"].split(";")) - SILENT
    }
    by_lint = {row["file"] for row in faulty if lint[row["file"]]["found"]}
    print(
        f"faults named, of {len(faulty)}: run {len(by_run)}, lint {len(by_lint)}, "
        f"both together {len(by_run | by_lint)}"
    )
    good = [row for row in rows if row["cause"] == "healthy"]
    quiet = {row["file"] for row in good if row["right"] == "True"}
    silent = {
        row["file"]
        for row in good
        if not lint[row["file"]]["false_errors"]
        and not lint[row["file"]]["other_warnings"]
    }
    print(
        f"no alarm, of {len(good)} healthy: run {len(quiet)}, lint {len(silent)}, "
        f"both together {len(quiet & silent)}"
    )
    status = sum(row["alone_status"] == row["run_status"] for row in rows)
    print(f"exit status as alone: {status} of {len(rows)}")
    compared = [row for row in rows if row["stdout_equal"]]
    same = sum(row["stdout_equal"] == "True" for row in compared)
    print(f"stdout as alone, times apart: {same} of {len(compared)}")


def main() -> None:
    """Measure the scripts without a row, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=pathlib.Path, nargs="?")
    parser.add_argument("table", type=pathlib.Path)
    parser.add_argument("scripts", nargs="*")
    # Scripts run in folders of their own.
    parser.add_argument("--python", default=sys.executable, type=os.path.abspath)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--posts", action="store_true", help="take these scripts")
    parser.add_argument("--figures", action="store_true", help="print them alone")
    arguments = parser.parse_args()
    scripts = FOLDER / ("posts" if arguments.posts else "scripts")
    truth = (scripts if arguments.posts else FOLDER) / "truth.csv"
    if not arguments.figures:
        known = {row["file"] for row in read(arguments.table)}
        for row in read(truth):
            chosen = arguments.scripts or [row["file"]]
            if row["backend"] != arguments.backend or row["file"] not in chosen:
                continue
            if row["file"] in known:
                continue
            found, said = measured(row, scripts, arguments.images, arguments.python)
            print(found["file"], found["verdicts"], found["right"], flush=True)
            for line in said.splitlines():
                if line.startswith("kerasnorm: "):
                    print("   ", line, flush=True)
            rows = sorted([*read(arguments.table), found], key=lambda r: r["file"])
            with arguments.table.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print_figures(read(arguments.table), truth, scripts)


if __name__ == "__main__":
    main()
