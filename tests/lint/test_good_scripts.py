"""No false alarm of severity error on scripts that are right."""

import pathlib

import pytest

from kerasnorm.lint.check import check_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOOD = sorted((ROOT / "tests" / "lint" / "good").glob("*.py"))
OURS = sorted(
    path
    for folder in ("docs/examples", "apps", "tuning", "kerasnorm")
    for path in (ROOT / folder).rglob("*.py")
    # What the documentation shows lint with.
    if path.name != "plain_script.py"
)
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def test_there_are_twenty():
    assert len(GOOD) >= 20


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_script_has_no_error(path):
    report = check_file(str(path))
    assert [str(f) for f in report.findings if f.severity == "error"] == []
    assert report.notes == ()


def test_scripts_of_the_project_have_no_error():
    errors = [
        str(finding)
        for path in [*OURS, *BENCHMARKS]
        for finding in check_file(str(path)).findings
        if finding.severity == "error"
    ]
    assert errors == []
