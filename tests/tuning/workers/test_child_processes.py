"""What a worker takes of a machine: processors and memory of a GPU."""

import subprocess
import sys
import types

import pytest

from tuning.workers import child_processes, worker


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes")
def test_a_worker_and_all_its_threads_stay_on_their_processors():
    core = child_processes.usable_cores()[-1]
    program = (
        "import os, threading\n"
        "from tuning.workers import child_processes\n"
        f"child_processes.stay_on('{core}')\n"
        "seen = []\n"
        "look = lambda: seen.append(child_processes.usable_cores())\n"
        "thread = threading.Thread(target=look)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print(seen[0], os.environ['OMP_NUM_THREADS'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"[{core}] 1"


def test_memory_of_a_gpu_is_taken_as_needed(monkeypatch):
    import tensorflow as tf

    grown = []
    monkeypatch.setattr(
        tf,
        "config",
        types.SimpleNamespace(
            list_physical_devices=lambda kind: [f"{kind}:0"],
            experimental=types.SimpleNamespace(
                set_memory_growth=lambda gpu, on: grown.append((gpu, on))
            ),
        ),
    )
    worker.grow_memory()
    assert grown == [("GPU:0", True)]
