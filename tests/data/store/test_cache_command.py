"""`kerasnorm cache` lists what is kept and removes what nobody uses."""

import json
import subprocess
import sys
import time

import pytest

from kerasnorm.command_line import main
from kerasnorm.data import index_directory
from kerasnorm.data.store import space
from kerasnorm.data.store.open_images import Caching, open_images
from tests.data.store.conftest import COUNT


def kept(data, side):
    index = index_directory(data)
    return open_images({"all": index}, (side, side), Caching("disk"))[0]["all"]


def test_stores_are_listed_with_their_folder_and_size(data, keeping, capsys):
    kept(data, 16), kept(data, 24)
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"106 kB: 60 images of 24x24 of {data}, last used 20")
    assert lines[1].startswith(f"48 kB: 60 images of 16x16 of {data}, last used 20")
    assert lines[2] == f"2 stores, 154 kB, in {space.stores_directory()}"
    assert main(["cache", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [store["image_size"] for store in found["stores"]] == [[24, 24], [16, 16]]
    assert {store["images"] for store in found["stores"]} == {COUNT}
    assert found["bytes"] == sum(store["bytes"] for store in found["stores"])


@pytest.mark.parametrize("as_json", [False, True])
def test_clear_removes_all_but_what_is_in_use(data, keeping, capsys, as_json):
    images = kept(data, 16)
    kept(data, 24)
    assert main(["cache", "clear", *["--json"] * as_json]) == 0
    said = capsys.readouterr().out
    if as_json:
        found = json.loads(said)
        assert [store["image_size"] for store in found["removed"]] == [[24, 24]]
        assert [store["image_size"] for store in found["in_use"]] == [[16, 16]]
    else:
        assert "removed 106 kB" in said
        assert "kept, as it is in use: 48 kB" in said
    (left,) = space.list_stores()
    assert left.made_from["image_size"] == [16, 16]
    assert len(images.read([0, 1])) == 2
    del images
    assert main(["cache", "clear"]) == 0
    assert space.list_stores() == []
    assert list(space.stores_directory().iterdir()) == []


def test_what_another_process_uses_stays(opening, keeping, capsys):
    process = opening.start(before=opening.waits_at_gate)
    limit = time.monotonic() + 30
    while not space.list_stores() and time.monotonic() < limit:
        time.sleep(0.01)
    assert main(["cache", "clear"]) == 0
    assert "kept, as it is in use" in capsys.readouterr().out
    opening.gate.touch()
    assert opening.finish(process)[0] == COUNT


def test_what_a_killed_removal_has_left_goes_as_well(data, keeping, capsys):
    kept(data, 16)
    (store,) = space.list_stores()
    store.path.rename(store.path.with_name(f"{space.REMOVED}1.{store.path.name}"))
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith("0 stores, 0 bytes, in ")
    assert list(space.stores_directory().iterdir()) == []


def test_the_cache_is_listed_without_keras(opening):
    program = (
        "import sys; from kerasnorm.command_line import main; main(['cache']); "
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow')))"
    )
    environment = opening.environment
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment).returncode == 0
    )
