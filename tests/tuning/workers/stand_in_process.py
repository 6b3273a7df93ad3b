"""A process that stands in for a worker or the chief: no Keras, one thing to do.

What a worker does is the file `behaviour` in the directory: `sleep`, `hang`, `crash` or
`end`. The chief answers every question, except with `no chief`, when it crashes.
`python -m tests.tuning.workers.stand_in_process DIR ... --parent PID`
"""

import argparse
import os
import pathlib
import signal
import sys
import time
from concurrent import futures

import grpc

from tuning.plan import SearchDirectory, write_json
from tuning.workers import child_processes


class Answering(grpc.GenericRpcHandler):
    """Answers every question with nothing, and notes that it was asked."""

    def service(self, details):
        (directory.path / "asked").touch()
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


parser = argparse.ArgumentParser()
parser.add_argument("directory", type=pathlib.Path)
parser.add_argument("--parent", type=int)
options, _ = parser.parse_known_args()
child_processes.die_with(options.parent)
name = os.environ["KERASTUNER_TUNER_ID"]
directory = SearchDirectory(options.directory)
with (directory.workers / f"{name}.pids").open("a") as stream:
    stream.write(f"{os.getpid()}\n")
behaviour = directory.path / "behaviour"
if name == "chief":
    if behaviour.read_text() == "no chief":
        sys.exit("the port is taken")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers((Answering(),))
    place = os.environ["KERASTUNER_ORACLE_IP"], os.environ["KERASTUNER_ORACLE_PORT"]
    server.add_insecure_port(":".join(place))
    server.start()
    time.sleep(600)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
for beat in range(6000):
    what = behaviour.read_text()
    if what == "end":
        sys.exit(0)
    if what == "crash":
        sys.exit("the disk is full")
    if what != "hang":
        write_json(
            directory.heartbeat_file(name),
            {"trial": "0", "place": "epoch 1", "beat": beat, "time": time.time()},
        )
    time.sleep(0.05)
