"""Commands whose standard streams are closed, full, left, or of few letters."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from kerasnorm.training.commands import command_line
from kerasnorm.training.system import streams

def command():
    for number in range(20000):
        print("line", number, "\\u732b\\U0001f436")
    print("noise", file=sys.stderr)
    open(sys.argv[1], "w").write("done")

sys.exit(command_line.in_one_sentence(command, False, keeps_files="f" in sys.argv[2:]))
"""
FULL = os.path.exists("/dev/full")


def run(tmp_path, redirections, *words, **environment):
    done = tmp_path / "done"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    shown = subprocess.run(
        [
            "sh",
            "-c",
            f'"$0" "$@" {redirections}',
            sys.executable,
            program,
            done,
            *words,
        ],
        capture_output=True,
        env={**os.environ, **environment},
    )
    assert done.read_text() == "done", shown.stderr
    return shown


@pytest.mark.parametrize("keeps_files", [True, False])
@pytest.mark.parametrize(
    ("redirections", "lost"),
    [
        ("", False),
        (">&-", False),
        ("2>&-", False),
        ("<&- >&- 2>&-", False),
        ("2>/dev/full", False),
        (">/dev/full", True),
        (">/dev/full 2>&1", True),
    ],
)
def test_the_work_is_done_whatever_becomes_of_the_streams(
    tmp_path, redirections, lost, keeps_files
):
    if "/dev/full" in redirections and not FULL:
        pytest.skip("no /dev/full here")
    shown = run(tmp_path, redirections, *["f"] * keeps_files)
    assert shown.returncode == (lost and not keeps_files)
    assert b"Traceback" not in shown.stderr
    if redirections == ">/dev/full":
        assert b"No space left" in shown.stderr


@pytest.mark.parametrize("keeps_files", [True, False])
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path, keeps_files):
    shown = run(
        tmp_path, "| head -1; exit", *["f"] * keeps_files, PYTHONIOENCODING="utf-8"
    )
    assert len(shown.stdout.splitlines()) == 1
    assert b"Traceback" not in shown.stderr and b"Exception" not in shown.stderr
    assert b"work itself is done" in shown.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "latin-1"])
def test_letters_beyond_the_code_page_are_escapes(tmp_path, encoding):
    shown = run(tmp_path, "", PYTHONIOENCODING=encoding)
    assert shown.returncode == 0
    expected = "line 7 \u732b\U0001f436".encode(encoding, "backslashreplace")
    assert shown.stdout.splitlines()[7] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_json_can_be_read_back_in_any_encoding(encoding):
    names = ["\u732b", "\U0001f436", "tab\t", "not utf-8: \udcff", "é"]
    code = (
        "from kerasnorm.training.system import streams\n"
        f"with streams.lasting(): streams.print_json({names!a})"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert json.loads(shown.stdout.decode(encoding)) == names


@pytest.mark.parametrize("columns", [10, 20, 80, 500])
def test_names_are_printed_as_they_are_and_tables_whole(columns):
    names = ["[red]", "[/b]", ":smile:", "a  b", "x" * 100]
    path = "c\td [/red] \u732b"
    code = (
        "import rich.table\n"
        "from kerasnorm.training.system import streams\n"
        "table = rich.table.Table(title='[/title]')\n"
        f"for name in {names}: table.add_column(name)\n"
        f"table.add_row(*{names})\n"
        "streams.print_table(table)\n"
        f"for name in {[*names, path]!a}: streams.console().print(name)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
    )
    for name in names:
        assert shown.stdout.count(name) == 3
    assert path in shown.stdout.splitlines()
    assert "\u2026" not in shown.stdout
