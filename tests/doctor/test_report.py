import dataclasses
import html.parser

import numpy as np
import pytest

from kerasnorm.doctor import Finding
from tests.doctor.networks import examine_planted, set_statistics


@pytest.fixture(scope="module")
def examination():
    def stale(model, train, validation):
        set_statistics(model.get_layer("norm"), [1.2, 0.0], [4.0, 1.0])
        return model, train, validation

    return examine_planted(stale)


class Balance(html.parser.HTMLParser):
    """Counts what is open and what is asked for from elsewhere."""

    void = ("meta", "br", "link", "img")

    def __init__(self):
        super().__init__()
        self.open, self.loads = [], []

    def handle_starttag(self, tag, attributes):
        self.loads += [v for k, v in attributes if k in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("fragment", [False, True])
def test_the_page_is_balanced_and_loads_nothing(examination, fragment):
    parser = Balance()
    parser.feed(examination.to_html(fragment=fragment))
    assert parser.open == [] and parser.loads == []


def test_a_fragment_is_one_section(examination):
    text = examination.to_html(fragment=True)
    assert text.startswith("<section") and text.rstrip().endswith("</section>")


def test_the_waterfall_names_every_part(examination):
    text = examination.to_html()
    assert all(name.replace("_", " ") in text for name in examination.budget)


def test_the_table_fits_the_terminal(examination):
    assert max(map(len, examination.to_text(80).splitlines())) <= 80


def test_the_table_shows_verdict_and_remedy(examination):
    text = examination.to_text()
    assert "stale_statistics" in text and "recalibrate_batch_norm" in text


@pytest.mark.parametrize("part", ["examination", "finding", "budget"])
def test_parts_show_themselves_in_notebooks_and_terminals(examination, part):
    shown, phrase = {
        "examination": (examination, "stale_statistics"),
        "finding": (examination.findings[0], "recalibrate_batch_norm"),
        "budget": (examination.budget, "stale"),
    }[part]
    parser = Balance()
    html = shown._repr_html_()
    parser.feed(html)
    assert parser.open == [] and parser.loads == []
    assert html.startswith("<section") and phrase in html
    lines = repr(shown).splitlines()
    assert max(map(len, lines)) <= 88 and len(lines) < 40
    assert phrase in repr(shown) and str(shown) == repr(shown)


def test_long_words_do_not_make_long_lines():
    finding = Finding("leakage", "error", "layer/" * 99, {}, "x" * 500)
    assert max(map(len, repr(finding).splitlines())) <= 88


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_a_finding_lie_in_the_page_and_not_in_the_json(examination, channels):
    image = np.arange(48 * channels, dtype=np.uint8).reshape(6, 8, channels)
    finding = Finding(
        "label_noise", "error", "s", {}, "r", images=(("cat <7>", image),)
    )
    shown = dataclasses.replace(examination, findings=(finding,))
    parser = Balance()
    parser.feed(shown.to_html())
    assert parser.open == [] and len(parser.loads) == 1
    assert parser.loads[0].startswith("data:image/png;base64,")
    assert "cat &lt;7&gt;" in shown.to_html()
    assert "images" not in shown.to_dict()["findings"][0]


def test_what_was_not_measured_is_not_shown_and_what_is_nan_is():
    evidence = {"loss": float("nan"), "reason": None, "samples": 3}
    found = Finding("overfitting", "warning", "It overfits.", evidence)
    assert list(found.to_dict()["evidence"]) == ["loss", "samples"]
    assert found._repr_html_().count("not a number") == 1
