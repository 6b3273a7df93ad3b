"""What TensorBoard's HParams tab reads, read back."""

from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import api_pb2, backend_context, metadata

from kerasnorm.training.settings.settings import FIELDS
from tests.tuning.conftest import make_plan
from tuning.parameters import Choice
from tuning.plan import SearchDirectory, read_json
from tuning.record import search_summary
from tuning.record.hparams_tf import write_session
from tuning.spaces import Space


def read(folder):
    found = event_accumulator.EventAccumulator(str(folder))
    found.Reload()
    return found


def content(events, tag):
    data = events.SummaryMetadata(tag).plugin_data.content
    return metadata.parse_session_start_info_plugin_data(data)


def make_run(folder, plan=None, **note):
    """What a finished trial hands to `write_session`."""
    note = {"values": {"norm": "group"}, "figures": {"epochs": 3}} | note
    return SimpleNamespace(plan=plan or make_plan(), tensorboard=folder, note=note)


def experiment_of(folder):
    data = read(folder).SummaryMetadata(metadata.EXPERIMENT_TAG)
    return metadata.parse_experiment_plugin_data(data.plugin_data.content)


def test_the_experiment_names_all_parameters_with_their_domains(tmp_path):
    for _ in range(2):
        # A trial that is tried again must not add a second one.
        write_session(make_run(tmp_path), None)
    assert len(list(tmp_path.iterdir())) == 1
    found = experiment_of(tmp_path)
    infos = {info.name: info for info in found.hparam_infos}
    assert list(infos) == ["norm", "optimizer", "learning_rate", "batch_size"]
    norms = [value.string_value for value in infos["norm"].domain_discrete.values]
    assert norms == ["batch", "group", "frn"]
    assert infos["learning_rate"].domain_interval.max_value == 0.1
    assert found.metric_infos[0].name.tag == "final/val_loss"
    curve = found.metric_infos[-1].name
    assert (curve.group, curve.tag) == ("validation", "epoch/loss")


@pytest.mark.parametrize("count", [1, 4, 5, 6, 12])
def test_tensorboard_shows_the_first_parameters_of_the_space(tmp_path, count):
    """TensorBoard shows five columns: what differs first, then by name."""
    names = sorted(FIELDS, reverse=True)[:count]
    space = Space(tuple(Choice(name, (0.0, 1.0)) for name in names))
    write_session(make_run(tmp_path, make_plan(space=space), values={}), None)
    found = experiment_of(tmp_path)
    backend_context._sort_and_reduce_to_hparams_limit(found)
    shown = {info.name for info in found.hparam_infos[:5]}
    assert shown == set(names[:5])


@pytest.mark.parametrize("figures", [{"val_loss": 0.25}, None])
def test_rows_are_named_by_their_trial_and_no_run_is_empty(tmp_path, figures):
    names = [f"trial_{number}" for number in range(3)]
    for name in names:
        write_session(make_run(tmp_path / "tensorboard" / name), figures)
    folders = {file.parent for file in tmp_path.rglob("events.out.tfevents.*")}
    assert sorted(f.relative_to(tmp_path).as_posix() for f in folders) == [
        f"tensorboard/{name}" for name in names
    ]
    starts = [
        content(read(folder), metadata.SESSION_START_INFO_TAG) for folder in folders
    ]
    assert sorted(start.group_name for start in starts) == names


def test_a_session_has_its_values_and_its_final_figures(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(),
        tensorboard=tmp_path,
        note={
            "values": {"norm": "group", "learning_rate": 0.02, "batch_size": 8},
            "figures": {
                "epochs": 3,
                "validation_loss": 0.25,
                "validation_accuracy": 0.9,
                "images_per_second": 100.0,
            },
        },
    )
    write_session(run, {"val_loss": 0.25})
    events = read(tmp_path)
    start = content(events, metadata.SESSION_START_INFO_TAG)
    assert start.hparams["norm"].string_value == "group"
    assert start.hparams["batch_size"].number_value == 8
    (point,) = events.Tensors("final/val_loss")
    assert (point.step, point.tensor_proto.float_val[0]) == (3, 0.25)
    assert "final/val_accuracy" in events.Tags()["tensors"]


def test_booleans_of_a_space_stay_booleans(tmp_path, begin):
    space = Space((Choice("balanced", (False, True)), Choice("agc", (0.0, 0.1))))
    plan = make_plan(space=space, trials=4, algorithm="grid")
    begin(plan).search()
    write_session(make_run(tmp_path, plan), None)
    found = experiment_of(tmp_path)
    (info,) = [info for info in found.hparam_infos if info.name == "balanced"]
    assert info.type == api_pb2.DATA_TYPE_BOOL
    trials = search_summary.compose(plan, SearchDirectory(tmp_path), "completed", None)[
        "trials"
    ]
    assert {type(trial["values"]["balanced"]) for trial in trials} == {bool}
    for number, trial in enumerate(trials):
        note = read_json(SearchDirectory(tmp_path).note_file(trial["id"]))
        run = SimpleNamespace(plan=plan, tensorboard=tmp_path / str(number), note=note)
        write_session(run, None)
        events = read(tmp_path / str(number))
        value = content(events, metadata.SESSION_START_INFO_TAG).hparams["balanced"]
        assert value.WhichOneof("kind") == "bool_value"
        assert value.bool_value is trial["values"]["balanced"]


def test_what_is_no_number_is_left_out(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(),
        tensorboard=tmp_path,
        note={
            "values": {"norm": "group"},
            "figures": {"epochs": 3, "validation_accuracy": float("nan")},
        },
    )
    write_session(run, {"val_loss": 0.25})
    written = read(tmp_path).Tags()["tensors"]
    assert {"final/val_loss"} == {tag for tag in written if "final" in tag}


def test_a_failed_trial_is_a_row_too(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(), tensorboard=tmp_path, note={"values": {"norm": "group"}}
    )
    write_session(run, None)
    events = read(tmp_path)
    data = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    end = metadata.parse_session_end_info_plugin_data(data)
    assert end.status == api_pb2.STATUS_FAILURE
