"""TensorBoard's HParams tab in a browser: rows, curves and lines of all trials."""

import io
import re
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.tuning.conftest import StandIn, make_plan
from tuning.plan import SearchDirectory
from tuning.record.tensorboard_runs import logdir
from tuning.workers import tuner
from tuning.workers.child_processes import free_port

pytestmark = [pytest.mark.thorough, pytest.mark.browser]
TRIALS = 5


class Drawing(StandIn):
    """Leaves a curve, too."""

    def __call__(self, settings, hooks):
        found = super().__call__(settings, hooks)
        folder = found.directory / "tensorboard" / "validation"
        with tf.summary.create_file_writer(str(folder)).as_default():
            for epoch in range(1, settings.epochs + 1):
                tf.summary.scalar("epoch/loss", settings.learning_rate / epoch, epoch)
        return found


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Address of a TensorBoard that shows a search."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
    plan, directory = make_plan(trials=TRIALS), SearchDirectory(tmp_path)
    directory.write_plan(plan)
    tuner.TrialTuner(directory, train=Drawing()).search()
    port = free_port("127.0.0.1")
    board = subprocess.Popen(
        [
            *(sys.executable, "-m", "tensorboard.main"),
            *("--logdir", str(logdir(directory)), "--port", str(port)),
            *("--host", "127.0.0.1", "--load_fast=false"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = time.monotonic() + 250
    while True:
        try:
            runs = urllib.request.urlopen(f"http://127.0.0.1:{port}/data/runs").read()
            # Each has its session and its curve.
            if runs.count(b"trial_") == 2 * TRIALS:
                break
        except (TimeoutError, OSError):
            pass
        assert time.monotonic() < limit
        time.sleep(0.5)
    yield f"http://127.0.0.1:{port}/#hparams"
    board.terminate()
    board.wait()


def test_every_trial_has_a_row_a_curve_and_a_line(address, chromium):
    page = chromium.new_page(viewport={"width": 1500, "height": 900})
    page.goto(address, timeout=120_000, wait_until="commit")
    rows = page.get_by_text(re.compile(r"^\s*trial_"))
    rows.first.wait_for(timeout=120_000)
    ids = [row.strip() for row in rows.all_inner_texts()]
    assert len(ids) == TRIALS == len(set(ids))
    # None is cut off.
    assert all(
        row.evaluate("e => e.scrollWidth <= e.clientWidth") for row in rows.all()
    )
    page.locator("paper-checkbox.table-cell:visible").first.click()
    page.get_by_text("epoch/loss").first.wait_for(timeout=60_000)
    page.get_by_text("PARALLEL COORDINATES VIEW").click()
    limit = time.monotonic() + 120
    while coloured_pixels(page.screenshot()) < 500:
        assert time.monotonic() < limit, "no lines were drawn"
        time.sleep(1)


def coloured_pixels(image):
    """Count what is neither grey nor TensorBoard's own: right of and below its bars."""
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), int)
    shown = pixels[320:, 320:]
    return int((shown.max(-1) - shown.min(-1) > 100).sum())
