"""Runs the scripts of the zoo without kerasnorm and records what they reach.

    python -m benchmarks.script_zoo.draw_images DIR
    python -m benchmarks.script_zoo.verify DIR [script ...]

For every `fit` the last training and validation figures of its history are printed as
one line of JSON, then the script's own last lines. Scripts for JAX and PyTorch need an
interpreter that has them: `--python`.
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent
RECORDER = """
import json, runpy, sys
path = sys.argv.pop(1)
import keras
fit = keras.Model.fit
def recorded(self, *args, **kwargs):
    history = fit(self, *args, **kwargs)
    last = {k: round(float(v[-1]), 3) for k, v in history.history.items()}
    last["epochs"] = len(history.epoch)
    print("FIT " + json.dumps(last), file=sys.stderr)
    return history
keras.Model.fit = recorded
sys.argv[0] = path
if path.endswith(".ipynb"):
    cells = json.load(open(path))["cells"]
    code = "\\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    lines = [l for l in code.splitlines() if not l.lstrip().startswith(("%", "!"))]
    exec(compile("\\n".join(lines), path, "exec"), {"__name__": "__main__"})
else:
    runpy.run_path(path, run_name="__main__")
"""


def run(row: dict, images: pathlib.Path, python: str) -> dict:
    """Run one script and return its fits, its status and what it cost."""
    arguments = [str(images / row["arguments"])] if row["arguments"] else []
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", RECORDER, str(FOLDER / "scripts" / row["file"]), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=900,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = done.stderr.splitlines()
    return {
        "file": row["file"],
        "status": done.returncode,
        "cpu_seconds": round(spent, 1),
        "seconds": round(time.perf_counter() - start, 1),
        "fits": [json.loads(line[4:]) for line in lines if line.startswith("FIT ")],
        "error": lines[-1] if done.returncode and lines else "",
        "said": [line for line in done.stdout.splitlines() if "\b" not in line][-4:],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("scripts", nargs="*")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--backend", default="tensorflow")
    arguments = parser.parse_args()
    with open(FOLDER / "truth.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        chosen = arguments.scripts or [row["file"]]
        if row["file"] in chosen and row["backend"] == arguments.backend:
            print(json.dumps(run(row, arguments.images, arguments.python)), flush=True)


if __name__ == "__main__":
    main()
