import html.parser
import os
import re

import numpy as np
import pytest

from kerasnorm.training.report import curves, report_page
from kerasnorm.training.report.html_file import RunRecord, ShownImage, write_report
from tests.training.report_samples import (
    make_classes,
    make_history,
    make_mistake,
    make_record,
)

NAN = float("nan")
SCRIPT = "<script>alert(1)</script>"


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and all text outside styles."""

    VOID = {"meta", "link", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def find(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def charts():
    return curves.draw_charts(make_history(3), 2)


@pytest.fixture
def quick(monkeypatch, charts):
    """Draw the same curves for every record, which is most of the time."""
    monkeypatch.setattr(curves, "draw_charts", lambda *arguments: charts)


@pytest.fixture
def write(tmp_path, quick):
    """Make the page of a record and read it."""

    def write(**changes):
        return Page(report_page.render(make_record(**changes)))

    return write


def test_both_files_are_written_and_nothing_else(tmp_path):
    page = write_report(make_record(), tmp_path)
    assert page == tmp_path / "report.html"
    assert sorted(os.listdir(tmp_path)) == ["curves.png", "report.html"]


@pytest.mark.thorough
def test_failure_leaves_the_old_page_whole(tmp_path, monkeypatch):
    write_report(make_record(title="old"), tmp_path)
    before = (tmp_path / "report.html").read_text()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(make_record(title="new"), tmp_path)
    assert (tmp_path / "report.html").read_text() == before


def test_headline_figures(write):
    text = write().text
    for words in (
        "Validation accuracy 94.0% 95% interval 92.4 to 95.3%, n = 1,000",
        "training 97.0%",
        "Validation loss 0.1432 training 0.0871",
        "Best epoch 7 of 8 trained",
        "Time 4m 12s",
        "Images per second 387",
        "Parameters 1.23 M 1,234,567",
        "Training ended: all 8 epochs were trained.",
    ):
        assert words in text


def test_averaging_of_mirror_images_is_told(write):
    words = "mirror images averaged"
    assert words not in write().text
    summary = make_record().summary | {"average_mirrored": True}
    assert words in write(summary=summary).text


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({"weights": "pretrained", "head_first": True}, True),
        ({"weights": "pretrained", "head_first": False}, False),
        ({"weights": None, "head_first": True}, False),
        ({}, False),
    ],
)
def test_the_epoch_of_the_classifier_alone_is_told(write, settings, is_told):
    told = "In epoch 1 the classifier trained alone" in write(settings=settings).text
    assert told == is_told


def test_page_loads_nothing(write):
    page = write()
    assert not page.find("script")
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    policy = page.find("meta")[-1]["content"]
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": SCRIPT},
        {"class_names": [SCRIPT, "dog"]},
        {"mistakes": [make_mistake(f"photos/{SCRIPT}.jpg", SCRIPT, SCRIPT)]},
        {"rejected": [(f"photos/{SCRIPT}", SCRIPT)]},
        {"settings": {SCRIPT: SCRIPT}, "default_settings": {SCRIPT: "x" + SCRIPT}},
        {"environment": {SCRIPT: {SCRIPT: SCRIPT}}},
        {"summary": {"stopped_because": SCRIPT}},
        {"mistakes": [make_mistake('"><img src=x onerror=alert(1)>')]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_everything_from_outside_is_escaped(write, changes):
    page = write(**changes)
    assert not page.find("script")
    assert not any("onerror" in attributes for _, attributes in page.tags)


def test_fragment_of_the_doctor_goes_in_as_it_is(write):
    page = write(examination_html='<p id="verdict">stale_statistics</p>')
    assert {"id": "verdict"} in page.find("p")
    assert {"href": "#examination"} in page.find("a")


def test_links_lead_to_sections(write):
    page = write(examination_html="<p>healthy</p>")
    targets = {attributes.get("id") for attributes in page.find("section")}
    assert {link["href"] for link in page.find("a")} == {f"#{name}" for name in targets}


def test_every_image_has_an_alternative_text(write):
    page = write()
    assert [image["alt"] for image in page.find("img")] == [
        "cat taken for dog: cat.1.jpg"
    ]
    assert all(chart["aria-label"] for chart in page.find("svg"))


def test_matrix_has_counts_and_headings(write):
    page = write()
    assert "cat 478 95.6% 22 4.4% dog 38 7.6% 462 92.4%" in page.text
    assert sum(cell.get("scope") == "row" for cell in page.find("th")) == 2


@pytest.mark.parametrize("count", [3, 10, 25, 50, 100])
def test_matrix_of_many_classes(write, count):
    changes = make_classes(count)
    page = write(**changes)
    cells = [cell.get("class", "") for cell in page.find("td")]
    shown = [name for name in cells if name.startswith(("hit", "miss", "empty"))]
    assert len(shown) == count**2
    assert sum(name.startswith("empty") for name in shown) == np.sum(
        changes["confusion"] == 0
    )


def test_classes_are_listed_with_what_they_are_mistaken_for(write):
    counts = np.array([[9, 1, 0], [0, 10, 0], [2, 3, 5]])
    text = write(class_names=["cat", "dog", "owl"], confusion=counts).text
    assert "owl 10 50.0% 100.0% dog cat 10 90.0% 81.8% dog dog 10 100.0% 71.4%" in text
    assert "owl dog 3 30.0% owl cat 2 20.0% cat dog 1 10.0%" in text


def test_more_classes_than_a_matrix_can_show(write):
    page = write(**make_classes(150))
    assert "A matrix of 150 classes has no room on a page" in page.text
    assert "All 150 classes" in page.text


def test_only_the_first_mistakes_are_shown(write):
    page = write(mistakes=[make_mistake(f"{number}.jpg") for number in range(40)])
    assert len(page.find("img")) == 24
    assert "60 of 1,000 validation images" in page.text
    assert "these are the 24" in page.text


def test_no_mistakes(write):
    page = write(mistakes=[], confusion=np.diag([50, 50]))
    assert "None: every validation image is recognized." in page.text


def test_no_validation_images(write):
    page = write(mistakes=[], confusion=np.zeros((2, 2), int))
    assert "No validation images were counted." in page.text


def test_many_rejected_files(write):
    reasons = ["not an image", "empty file"]
    rejected = [(f"/data/photos/{n}.jpg", reasons[n % 2]) for n in range(500)]
    page = write(rejected=rejected)
    assert "500 files were left out" in page.text
    assert "Paths are below /data/photos" in page.text
    assert "not an image 250" in page.text
    assert "499.jpg" in page.text


def test_no_rejected_files(write):
    assert "None: every file could be read." in write(rejected=[]).text


def test_settings_that_differ_come_first(write):
    page = write(
        settings={"batch": 32, "norm": "group"},
        default_settings={"batch": 32, "norm": "batch"},
    )
    assert "1 differs from the default and comes first." in page.text
    assert "norm group default batch batch 32" in page.text


def test_what_layer_means_is_said(write):
    page = write(settings={"norm": "layer"})
    assert "norm layer (one sample, all pixels and channels)" in page.text


def test_settings_and_environment_are_listed(write):
    text = write().text
    assert "norm group agc none data.seed 3" in text
    assert "keras 3.15.1 versions.numpy 2.4.6" in text


def test_losses_that_are_not_finite_are_announced(write):
    history = make_history(5)
    history[3]["val_loss"] = history[4]["val_loss"] = NAN
    text = write(history=history).text
    assert (
        "Validation loss was not a finite number in 2 of 5 epochs, first in epoch 4."
    ) in text


@pytest.mark.parametrize(
    "history",
    [make_history(1), [], [{"epoch": 1}, {"epoch": 2, "loss": NAN}]],
    ids=["one", "none", "bare"],
)
def test_unusual_histories_have_a_page(tmp_path, history):
    path = write_report(make_record(history=history), tmp_path)
    assert "Most confidently wrong" in Page(path.read_text(encoding="utf-8")).text


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": {}},
        {"summary": dict.fromkeys(make_record().summary)},
        {"summary": {"validation_loss": NAN, "validation_accuracy": NAN}},
        {"class_names": ["é" * 300, "犬 👨\u200d👩 \udce9\n"]},
        {"rejected": [("x" * 3000, "y" * 3000)]},
        {"settings": {}, "environment": {}, "default_settings": {}},
    ],
)
def test_unusual_runs_have_a_page(write, changes):
    assert "Most confidently wrong" in write(**changes).text


def test_the_same_record_gives_the_same_page(tmp_path):
    first = write_report(make_record(), tmp_path).read_bytes()
    assert write_report(make_record(), tmp_path).read_bytes() == first


def test_confusion_must_fit_the_class_names():
    with pytest.raises(ValueError, match=r"expected `confusion` of shape \(2, 2\)"):
        make_record(confusion=np.zeros((3, 3), int))


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8)], ids=["float", "flat"]
)
def test_image_must_be_decoded(image):
    with pytest.raises(ValueError, match="expected `image` as uint8 of shape"):
        ShownImage("a.jpg", image, "cat", "dog", 0.9)


def test_record_cannot_be_changed():
    assert RunRecord.__dataclass_params__.frozen
    assert ShownImage.__dataclass_params__.frozen


def luminance(color):
    """Relative luminance as WCAG 2 defines it."""
    parts = [part / 255 for part in color]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def color_schemes(page):
    """Return the colour variables of the light and of the dark scheme."""
    schemes = []
    for block in re.findall(r":root \{(.*?)\}", page, re.DOTALL):
        hexadecimal = re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)
        triples = re.findall(r"--([\w-]+): (\d+), (\d+), (\d+);", block)
        schemes.append(
            {
                name: [int(value[i : i + 2], 16) for i in (0, 2, 4)]
                for name, value in hexadecimal
            }
            | {name: [int(part) for part in rgb] for name, *rgb in triples}
        )
    assert len(schemes) == 2
    return schemes


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_enough_contrast(quick, scheme):
    color = color_schemes(report_page.render(make_record()))[scheme]
    pairs = [
        *(
            (ink, back)
            for ink in ("ink", "muted", "link")
            for back in ("page", "surface")
        ),
        ("right", "right-back"),
        ("wrong", "wrong-back"),
        ("notice", "notice-back"),
    ]
    weak = {p: contrast(*(color[n] for n in p)) for p in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_shade_of_the_matrix_has_enough_contrast(quick, scheme):
    page = report_page.render(make_record())
    color = color_schemes(page)[scheme]
    strengths = re.findall(r"\.s(\d+) \{ --strength: ([\d.]+); \}", page)
    inks = {level: "on-weak" for level, _ in strengths}
    for rule, name in re.findall(
        r"(\.matrix \.s\d[^{}]*)\{ color: var\(--(.*?)\)", page
    ):
        inks |= dict.fromkeys(re.findall(r"\.s(\d+)", rule), name)
    assert sorted(set(inks.values())) == ["on-middle", "on-strong", "on-weak"]
    weak = {}
    for kind in ("hit", "miss"):
        for level, strength in strengths:
            alpha = float(strength)
            over, under = np.array(color[kind]), np.array(color["surface"])
            ratio = contrast(color[inks[level]], alpha * over + (1 - alpha) * under)
            if ratio < 4.5:
                weak[kind, level] = ratio
    assert weak == {}


LONG = {
    "title": "x" * 200,
    "class_names": ["W" * 120, f"{SCRIPT} 犬 " + "é" * 80],
    "mistakes": [make_mistake(f"photos/{'y' * 240}.jpg", "W" * 120, "é" * 80)] * 3,
    "rejected": [("z" * 240, "r" * 300)] * 500,
    "settings": {"data": "/folder" * 60},
    "environment": {"cpu" * 30: "v" * 200},
}


@pytest.mark.thorough
@pytest.mark.browser
def test_page_is_quiet_loads_nothing_and_fits_its_window(chromium, tmp_path):
    page = chromium.new_page()
    heard, addresses = [], set()
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url.partition(",")[0]))
    too_wide = []
    for name, changes in (("usual", {}), ("long", LONG), ("many", make_classes(100))):
        (tmp_path / name).mkdir()
        address = write_report(make_record(**changes), tmp_path / name).as_uri()
        addresses.add(address)
        page.goto(address)
        page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                too_wide.append((name, width, needed))
    assert set(heard) - addresses <= {"data:image/jpeg;base64", "data:"}
    assert too_wide == []


@pytest.mark.browser
@pytest.mark.thorough
def test_page_follows_the_colours_of_its_reader_and_prints_dark_on_light(
    chromium, tmp_path
):
    address = write_report(make_record(), tmp_path).as_uri()
    page = chromium.new_page(color_scheme="dark")
    page.goto(address)
    colors = []
    for options in (
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {"media": "print"},
    ):
        page.emulate_media(**options)
        colors.append(page.evaluate("getComputedStyle(document.body).color"))
    assert colors == ["rgb(17, 24, 39)", "rgb(230, 237, 243)", "rgb(17, 24, 39)"]
    assert page.pdf(format="A4").startswith(b"%PDF")
