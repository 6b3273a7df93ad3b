"""A process that stands in for a worker or the chief: no Keras, one thing to do.

What it does is the file `behaviour` in the directory: `sleep`, `die` once a second,
`end` at once. `python -m tests.tuning.stand_in_process DIR ... --parent PID`
"""

import argparse
import os
import pathlib
import signal
import sys
import time

from tuning import processes
from tuning.plan import SearchDirectory, write_json

parser = argparse.ArgumentParser()
parser.add_argument("directory", type=pathlib.Path)
parser.add_argument("--parent", type=int)
options, _ = parser.parse_known_args()
processes.die_with(options.parent)
name = os.environ["KERASTUNER_TUNER_ID"]
directory = SearchDirectory(options.directory)
with (directory.workers / f"{name}.pids").open("a") as stream:
    stream.write(f"{os.getpid()}\n")
behaviour = directory.path / "behaviour"
if name == "chief":
    time.sleep(600)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
for beat in range(6000):
    what = behaviour.read_text()
    if what == "end":
        sys.exit(0)
    if what == "die":
        sys.exit("the disk is full")
    if what != "hang":
        write_json(
            directory.beat_file(name),
            {"trial": "0", "place": "epoch 1", "beat": beat, "time": time.time()},
        )
    time.sleep(0.05)
