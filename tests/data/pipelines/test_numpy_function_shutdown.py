"""A program ends, even with an iterator of ours in the middle of its work."""

import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

# Without the waiting, every run of it hangs.
PROGRAM = """
import time
import numpy as np
from kerasnorm.data import ImageDataGenerator

def slow(image):
    time.sleep(0.01)
    return image

generator = ImageDataGenerator(preprocessing_function=slow)
flow = generator.flow(np.zeros((64, 8, 8, 3)), batch_size=4)
endless = iter(flow.as_dataset(first_step=0))
next(endless)
"""


@pytest.mark.thorough
def test_a_program_ends_while_batches_are_being_made():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=100)
