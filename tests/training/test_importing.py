import os
import subprocess
import sys

import pytest

SCRIPT = """
import os
from kerasnorm.training import importing
importing.import_keras()
print(os.environ["TF_ENABLE_ONEDNN_OPTS"])
"""


@pytest.mark.thorough
@pytest.mark.parametrize("wish", [None, "0"])
def test_asks_for_onednn_unless_told_otherwise_and_prints_nothing(wish):
    pytest.importorskip("tensorflow")
    environment = dict(os.environ)
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if wish is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = wish
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [wish or "1"]
    assert done.stderr == ""
