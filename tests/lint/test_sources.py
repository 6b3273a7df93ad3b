"""Files that are read: notebooks, other encodings, and what is no Python 3."""

import json
import subprocess
import sys

import pytest

from kerasnorm import command_line
from kerasnorm.lint.rules.table import RULES

SCRIPT = RULES["same_data"].wrong[1]


def lint(capsys, *words):
    status = command_line.main(["lint", *map(str, words)])
    said = capsys.readouterr()
    return status, said.out, said.err


def notebook(*cells):
    return json.dumps(
        {
            "cells": [{"cell_type": "markdown", "source": ["# print 'title'"]}]
            + [{"cell_type": "code", "source": cell} for cell in cells],
            "nbformat": 4,
        }
    ).encode()


UNREADABLE = {
    "python2.py": (b"print 'loss', loss\n", "Python 2"),
    "except.py": (b"try:\n    pass\nexcept IOError, e:\n    pass\n", "Python 2"),
    "text.py": (b"Dear all,\nplease find attached\n", "it is none"),
    "half.py": (b"def f(:\n", "line 1"),
    "image.py": (b"\x89PNG\0\0", "binary data"),
    "latin.py": (b"x = '\xff\xfe'\n", "UTF-8"),
    "list.ipynb": (b"[1, 2]", "cells"),
    "text.ipynb": (b"import keras", "cells"),
    "python2.ipynb": (notebook("print 'a'"), "cell 1"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_python_3_is_said_in_one_sentence(name, capsys, tmp_path):
    data, expected = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.py").write_text(SCRIPT)
    status, out, err = lint(capsys, tmp_path / name, tmp_path / "good.py")
    assert status == 1
    assert err.startswith("error: expected") and err.count("\n") == 1
    assert name in err and expected in err
    # The other file is read all the same.
    assert "same_data" in out


def test_a_missing_file_is_wrong_usage_and_a_folder_is_named(capsys, tmp_path):
    assert lint(capsys, tmp_path / "missing.py")[0] == 2
    status, _, err = lint(capsys, tmp_path)
    assert status == 1 and "folder" in err and err.count("\n") == 1


def test_findings_of_a_notebook_name_cell_and_line(capsys, tmp_path):
    file = tmp_path / "train.ipynb"
    first, last = SCRIPT.strip().rsplit("\n", 1)
    file.write_bytes(
        notebook(
            ["%matplotlib inline\n", "!pip install keras\n", "files = !ls\n"],
            ["%%bash\n", "echo 'no Python'"],
            ["%%time\n", "os?\n", *first.splitlines(keepends=True)],
            ["if True:\n", "    %timeit x\n", last],
        )
    )
    status, out, err = lint(capsys, file, "--json")
    [found] = [f for f in json.loads(out)["findings"] if f["rule"] == "same_data"]
    assert status == 3 and err == ""
    assert (found["cell"], found["line"]) == (4, 3)


def test_a_cell_that_is_no_python_is_noted_and_the_others_read(capsys, tmp_path):
    file = tmp_path / "train.ipynb"
    file.write_bytes(notebook("tell me more", SCRIPT))
    status, out, err = lint(capsys, file)
    assert status == 3 and "cell 2:" in out
    assert err.startswith("note: ") and "cell 1" in err and err.count("\n") == 1


CLEAN = "import keras\nkeras.utils.set_random_seed(0)\n"


@pytest.mark.parametrize(
    ("text", "status"),
    [(SCRIPT, 3), (RULES["momentum"].wrong[0], 0), (CLEAN, 0), ("", 0)],
)
def test_the_exit_status_is_3_only_for_errors(text, status, capsys, tmp_path):
    (tmp_path / "a.py").write_text(text)
    assert lint(capsys, tmp_path / "a.py")[0] == status


def test_an_encoding_line_and_a_byte_order_mark_are_heeded(capsys, tmp_path):
    (tmp_path / "a.py").write_bytes(
        b"# -*- coding: latin-1 -*-\nname = '\xe9'\n" + SCRIPT.encode()
    )
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbf" + SCRIPT.encode())
    _, out, _ = lint(capsys, tmp_path / "a.py", tmp_path / "b.py", "--json")
    assert len(json.loads(out)["findings"]) == 4


def test_endless_and_deep_scripts_end(capsys, tmp_path):
    lines = ["import keras", "def f0(x):", "    return x"]
    for number in range(1, 25):
        call = f"f{number - 1}(x)"
        lines += [f"def f{number}(x):", f"    return {call} + {call}"]
    lines += ["f24(1)", "def g(x):", "    return g(x)", "g(1)"]
    lines += [f"y = {'(' * 80}1{')' * 80}", "while True:", "    y = y + 1"]
    (tmp_path / "a.py").write_text("\n".join(lines))
    assert lint(capsys, tmp_path / "a.py")[0] == 0


def test_lint_needs_neither_keras_nor_tensorflow(tmp_path):
    (tmp_path / "a.py").write_text(SCRIPT)
    program = (
        "import sys; from kerasnorm import command_line;"
        f"status = command_line.main(['lint', {str(tmp_path / 'a.py')!r}]);"
        "loaded = {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules);"
        "sys.exit(f'{loaded}' if loaded else status)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert ended.returncode == 3, ended.stderr
