"""The report of a run in a browser, for few and many classes and long names."""

import itertools

import pytest

from kerasnorm.training.report.html_file import write_report
from tests.pages.conftest import SCROLLED
from tests.training.report_samples import make_classes, make_mistake, make_record

pytestmark = [pytest.mark.thorough, pytest.mark.browser]
NAMES = {
    "short": "class {}",
    "long": "a class with a rather long name, number {}",
    "one_word": "Donaudampfschifffahrtsgesellschaft{}",
}


def record_of(count, names):
    changes = make_classes(count)
    changes["class_names"] = [NAMES[names].format(n) for n in range(count)]
    changes["mistakes"] = [
        make_mistake(f"validation/{name}/file {n}.jpg", name, changes["class_names"][0])
        for n, name in enumerate(changes["class_names"][-3:])
    ]
    return make_record(**changes)


def test_the_report_fits(window, tmp_path):
    for count, names in itertools.product([2, 10, 40], NAMES):
        page = window.show(write_report(record_of(count, names), tmp_path)).page
        window.check()
        titles = page.locator(".matrix .axis").all_inner_texts()
        assert titles == ["predicted", "true"]
        # A matrix of 40 classes is wider than a phone.
        allowed = ["matrix tiny upright"] * (count == 40 and window.width < 500)
        assert page.evaluate(SCROLLED) == allowed, (count, names)
        folders = page.locator(".wall .folder").all_inner_texts()
        assert folders and all(text.startswith("validation/") for text in folders)
