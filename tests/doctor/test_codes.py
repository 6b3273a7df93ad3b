"""The table of codes: read by the checks, the order of findings and the docs."""

import ast
import pathlib

import pytest

from kerasnorm import doctor
from kerasnorm.codes import HEALTHY, ROOT, SEVERITIES, TABLE, TIERS
from kerasnorm.doctor import Finding
from kerasnorm.doctor.report import codes_page
from kerasnorm.lint.rules.table import RULES

ROOT_FOLDER = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(doctor.__file__).parent
STRINGS = {
    node.value
    for file in FOLDER.rglob("*.py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def made():
    """Return code, severities and remedy, where written down, of each finding made."""
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
                code, severity, *others = node.args
                if isinstance(code, ast.Constant):
                    words = {
                        part.value
                        for part in ast.walk(severity)
                        if isinstance(part, ast.Constant) and part.value in SEVERITIES
                    }
                    remedy = others[2] if len(others) > 2 else None
                    yield code.value, words, getattr(remedy, "value", None)


@pytest.mark.parametrize("code", sorted(set(TABLE) - {HEALTHY}))
def test_a_code_is_looked_for_by_what_its_row_says(code):
    row = TABLE[code]
    by_doctor, by_lint = bool(row.examine or row.preflight), bool(row.lint)
    assert by_doctor or by_lint
    assert code in STRINGS or not by_doctor
    assert by_lint == any(rule.code == code for rule in RULES.values())
    assert row.severity in SEVERITIES and row.tier in ("", ROOT, *TIERS)
    assert row.remedy and row.meaning.endswith(".")


def test_no_finding_is_more_serious_than_its_row():
    beyond = [
        (code, severity)
        for code, severities, _ in made()
        for severity in severities
        if SEVERITIES.index(severity) > SEVERITIES.index(TABLE[code].severity)
    ]
    assert beyond == []


def test_remedies_of_the_table_stand_nowhere_else():
    assert [code for code, _, remedy in made() if remedy == TABLE[code].remedy] == []


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_finding_without_a_remedy_has_that_of_its_code(code):
    assert Finding(code, "info", "s", {}).remedy == TABLE[code].remedy
    assert Finding(code, "info", "s", {}, "r").remedy == "r"


def test_the_page_of_the_docs_is_current():
    file = ROOT_FOLDER / "docs" / "codes.md"
    assert file.read_text(encoding="utf-8") == codes_page.page(), (
        f"write it again: python -m {codes_page.__name__} docs/codes.md"
    )
