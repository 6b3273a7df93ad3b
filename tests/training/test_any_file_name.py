"""Every writer takes any name a file can have, also one that is not UTF-8."""

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data.scan.scan_command import run_scan
from kerasnorm.doctor import Examination, Finding
from kerasnorm.training.record import run_directory
from kerasnorm.training.report import html_file
from kerasnorm.training.settings import Settings
from tests.apps.conftest import TINY
from tests.training.report_samples import make_mistake, make_record

# Latin-1 of an old ZIP archive, what is no encoding at all, half a letter of UTF-8,
# letters of another script, and what means something to a format.
NAMES = (
    b"caf\xe9",
    b"\xff\xfe\x80",
    b"half \xc3",
    "Ünïcödé 猫 🐈".encode(),
    b"a,b;\"c\"<d>&'e'",
    b"line\nfeed",
)


@pytest.fixture(params=NAMES, ids=repr)
def name(request):
    return os.fsdecode(request.param)


def readable(text):
    """Return a text as files of UTF-8 hold it."""
    return text.encode(errors="backslashreplace").decode()


def directory_in(tmp_path, **changes):
    return run_directory.create(
        Settings(app="toy", runs=str(tmp_path), name="one", **changes)
    )


def test_settings_and_json_come_back(tmp_path, name):
    directory = directory_in(tmp_path, data=name)
    directory.write_settings(Settings(app="toy", data=name))
    assert directory.read_settings().data == name
    directory.write_json("x.json", {name: [name]})
    assert directory.read_json("x.json") == {name: [name]}


def test_tables_are_utf8(tmp_path, name):
    directory = directory_in(tmp_path)
    directory.write_rejected([(name, "the file is empty")])
    with directory.rejected_file.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["path"] == readable(name)


def test_pages_are_utf8(tmp_path, name):
    record = make_record(
        title=name,
        class_names=["cat", name],
        mistakes=[make_mistake(f"photos/{name}.jpg", "cat", name)],
        rejected=[(f"photos/{name}.jpg", "not an image")],
        settings={"data": name},
    )
    path = html_file.write_report(record, tmp_path)
    assert "</html>" in path.read_text(encoding="utf-8")
    finding = Finding("leakage", "error", f"In {name}.", {"class": name}, "remove it")
    run_directory.write_text(path, Examination((finding,), None, {}).to_html())
    assert "</html>" in path.read_text(encoding="utf-8")


def test_tensorboard_is_utf8(tmp_path, name):
    pytest.importorskip("tensorboard")
    from kerasnorm.callbacks.event_files_tf import EventFile, text_summary
    from kerasnorm.doctor.report.tensorboard_tf import write_examination

    file = EventFile(tmp_path)
    file.add(text_summary("settings", name), 1)
    file.close()
    finding = Finding("leakage", "error", f"In {name}.", {}, "remove it")
    write_examination(str(tmp_path), Examination((finding,), None, {}).to_dict(), 1)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert written.count(readable(name).encode()) == 2


def test_scans_name_the_files(tmp_path, capsys, name):
    folder = tmp_path / "data" / "cat"
    folder.mkdir(parents=True)
    try:
        (folder / f"{name}.jpg").write_bytes(b"no image")
    except OSError:
        pytest.skip("this file system has no such names")
    run_scan(tmp_path / "data", as_json=True, quarantine=tmp_path / "list.txt")
    found = json.loads(capsys.readouterr().out)
    path = str(folder / f"{name}.jpg")
    assert found["rejected"][0]["path"] == path
    # A list for other programs holds the very bytes.
    assert (tmp_path / "list.txt").read_bytes() == os.fsencode(path) + b"\n"


@pytest.mark.thorough
def test_commands_take_folders_classes_and_runs_of_any_name(tmp_path, capfd):
    from apps.cats_dogs import APP
    from kerasnorm.command_line import main as kerasnorm
    from kerasnorm.training.commands.command_line import main

    cafe = os.fsdecode(b"caf\xe9")
    data = tmp_path / cafe
    random = np.random.default_rng(0)
    for label in ("cat", cafe):
        try:
            (data / label).mkdir(parents=True)
        except OSError:
            pytest.skip("this file system has no such names")
        for number in range(12):
            pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(data / label / f"{cafe}{number}.png")
    (data / "cat" / f"bad {cafe}.png").write_bytes(b"no image")
    flags = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--name", cafe]
    assert main(APP, [*flags, *TINY]) == 0
    run = str(tmp_path / "runs" / "cats_dogs" / cafe)
    for command in (
        ["evaluate", run, "--data", str(data)],
        ["predict", run, str(data), "--json"],
    ):
        assert main(APP, command) == 0
    page = str(tmp_path / f"{cafe}.html")
    assert kerasnorm(["doctor", run, "--html", page, "--json"]) == 0
    capfd.readouterr()
    assert kerasnorm(["scan", str(data)]) == 0
    assert "/bad caf" in capfd.readouterr().out
