"""Set-up shared by all tests: quiet TensorFlow, a fixed seed, the sample data."""

import importlib.util
import os
import pathlib
import shutil
import sys
import tarfile

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As the commands ask for: on processors without AVX-512 TensorFlow does without, and
# then has no convolution of channels that come first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Two test workers share two cores: one thread each keeps them out of each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SAMPLE_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def no_search_in_datasets():
    """Keep `fit` on arrays from returning late.

    Keras leaves the threads of its datasets to tf.data's search, which can hold the end
    of a `fit` up for as long again as it ran (see data.pipelines.parallel_tf).
    """
    if importlib.util.find_spec("tensorflow") is None:
        yield
        return
    import tensorflow as tf

    made_by_tensorflow = tf.data.Options

    def without_search():
        options = made_by_tensorflow()
        options.autotune.enabled = False
        return options

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.data, "Options", without_search)
        yield


@pytest.fixture(autouse=True)
def fixed_seed(request):
    """Make every test that uses Keras start from the same random state."""
    if "keras" not in sys.modules:
        return
    import keras

    keras.utils.set_random_seed(1234)


def unpack(name: str, tmp_path_factory) -> pathlib.Path:
    """Unpack one archive of the sample data; skip the test where it is absent."""
    archive = SAMPLE_DATA / name / f"{name}.tar"
    if not archive.exists():
        pytest.skip(f"sample data {name} is not on this machine")
    folder = tmp_path_factory.mktemp(name)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> pathlib.Path:
    """Folder with `train/` and `validation/` of real cat and dog photos."""
    return unpack("cats_dogs", tmp_path_factory)


@pytest.fixture(scope="session")
def hostile_images(tmp_path_factory) -> pathlib.Path:
    """Folder of malformed and unusual image files, by category."""
    return unpack("hostile_images", tmp_path_factory) / "hostile_images"


@pytest.fixture
def chromium():
    """Headless browser (`new_page()` gives a page); skip where there is none.

    One for each test: Playwright keeps an event loop running while it is open.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not on this machine")
    options = (
        "no-sandbox disable-gpu disable-sync no-first-run disable-component-update"
    )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program,
            args=[
                "--disable-background-networking",
                *(f"--{option}" for option in options.split()),
            ],
        )
        yield browser
        browser.close()
