"""Every rule over the scripts of its row, right and wrong."""

import pytest

from kerasnorm.codes import SEVERITIES, TABLE
from kerasnorm.lint.check import check_file
from kerasnorm.lint.rules.table import RULES

WRONG = [(name, n) for name, row in RULES.items() for n in range(len(row.wrong))]
RIGHT = [(name, n) for name, row in RULES.items() for n in range(len(row.right))]


@pytest.fixture
def check(tmp_path):
    def check_text(text):
        file = tmp_path / "script.py"
        file.write_text(text, encoding="utf-8")
        return check_file(str(file)).findings

    return check_text


@pytest.mark.parametrize(("name", "number"), WRONG)
def test_a_rule_finds_what_is_wrong(name, number, check):
    row = RULES[name]
    found = [f for f in check(row.wrong[number]) if f.rule == name]
    assert found
    for finding in found:
        assert finding.code == row.code
        assert SEVERITIES.index(finding.severity) <= SEVERITIES.index(row.severity)
        assert finding.place.line > 1 and finding.remedy and finding.summary


@pytest.mark.parametrize(("name", "number"), RIGHT)
def test_a_rule_leaves_alone_what_is_right(name, number, check):
    findings = check(RULES[name].right[number])
    assert [f for f in findings if f.rule == name] == []
    assert [f for f in findings if f.severity == "error"] == []


@pytest.mark.parametrize("name", RULES)
def test_a_row_has_examples_and_no_more_severity_than_its_code(name):
    row = RULES[name]
    assert row.wrong and row.right and row.remedy
    assert TABLE[row.code].lint
    severity = TABLE[row.code].severity
    assert SEVERITIES.index(row.severity) <= SEVERITIES.index(severity)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("which", ["rule", "code", "all"])
def test_a_comment_switches_a_rule_off(name, which, check):
    row = RULES[name]
    [finding, *_] = [f for f in check(row.wrong[0]) if f.rule == name]
    word = {"rule": f"[{name}]", "code": f"[other, {row.code}]", "all": ""}[which]
    lines = row.wrong[0].splitlines()
    lines[finding.place.line - 1] += f"  # kerasnorm: ignore{word}"
    after = check("\n".join(lines))
    assert (finding.rule, finding.place) not in [(f.rule, f.place) for f in after]


@pytest.mark.parametrize(
    "end",
    [")  # kerasnorm: ignore[momentum]", ", verbose='# kerasnorm: ignore')"],
    ids=["another rule", "inside a string"],
)
def test_a_comment_switches_nothing_else_off(end, check):
    text = RULES["same_data"].wrong[1].replace("data=train)", f"data=train{end}")
    assert "same_data" in [finding.rule for finding in check(text)]
