"""What the README shows is what its programs print."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@pytest.mark.thorough
def test_the_first_examination_prints_what_the_readme_shows(tmp_path):
    program = ROOT / "docs" / "examples" / "first_examination.py"
    ended = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = ended.stdout[ended.stdout.index("verdict: ") :]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^    verdict: .*?(?=\n\n)", text, re.M | re.S)
    assert shown is not None
    shown_lines = [line[4:] for line in shown.group().splitlines()]
    lines = printed.splitlines()
    assert lines[-1].startswith("after the remedy")
    assert len(lines) == len(shown_lines) + 1
    for line, expected in zip(lines, shown_lines, strict=False):
        assert NUMBER.sub("#", line) == NUMBER.sub("#", expected)
        numbers = map(float, NUMBER.findall(line))
        others = map(float, NUMBER.findall(expected))
        # Processors differ in the last digits of a training.
        assert list(numbers) == pytest.approx(list(others), rel=0.1, abs=0.02)
    assert (tmp_path / "doctor.html").stat().st_size > 5000


def test_links_of_the_documentation_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
