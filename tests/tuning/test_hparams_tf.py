"""What TensorBoard's HParams tab reads, read back."""

from types import SimpleNamespace

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import api_pb2, metadata

from tests.tuning.conftest import make_plan
from tuning import hparams_tf, record
from tuning.hparams_tf import write_session
from tuning.parameters import Choice
from tuning.plan import SearchDirectory, read_json
from tuning.spaces import Space


def read(folder):
    found = event_accumulator.EventAccumulator(str(folder))
    found.Reload()
    return found


def content(events, tag):
    data = events.SummaryMetadata(tag).plugin_data.content
    return metadata.parse_session_start_info_plugin_data(data)


def test_the_experiment_names_all_parameters_with_their_domains(tmp_path):
    hparams_tf.write_experiment(make_plan(), SearchDirectory(tmp_path))
    # Starting the chief again must not add a second one.
    hparams_tf.write_experiment(make_plan(), SearchDirectory(tmp_path))
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    data = read(tmp_path / "tensorboard").SummaryMetadata(metadata.EXPERIMENT_TAG)
    found = metadata.parse_experiment_plugin_data(data.plugin_data.content)
    infos = {info.name: info for info in found.hparam_infos}
    assert list(infos) == ["norm", "optimizer", "learning_rate", "batch_size"]
    norms = [value.string_value for value in infos["norm"].domain_discrete.values]
    assert norms == ["batch", "group", "frn"]
    assert infos["learning_rate"].domain_interval.max_value == 0.1
    assert found.metric_infos[0].name.tag == "final/val_loss"
    curve = found.metric_infos[-1].name
    assert (curve.group, curve.tag) == ("validation", "epoch/loss")


def test_a_session_has_its_values_and_its_final_figures(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(),
        run_directory=tmp_path,
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
    hparams_tf.write_session(run, {"val_loss": 0.25})
    events = read(tmp_path / "tensorboard")
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
    hparams_tf.write_experiment(plan, SearchDirectory(tmp_path))
    data = read(tmp_path / "tensorboard").SummaryMetadata(metadata.EXPERIMENT_TAG)
    found = metadata.parse_experiment_plugin_data(data.plugin_data.content)
    (info,) = [info for info in found.hparam_infos if info.name == "balanced"]
    assert info.type == api_pb2.DATA_TYPE_BOOL
    trials = record.compose(plan, SearchDirectory(tmp_path), "completed", None)[
        "trials"
    ]
    assert {type(trial["values"]["balanced"]) for trial in trials} == {bool}
    for number, trial in enumerate(trials):
        note = read_json(SearchDirectory(tmp_path).note_file(trial["id"]))
        run = SimpleNamespace(
            plan=plan, run_directory=tmp_path / str(number), note=note
        )
        write_session(run, None)
        events = read(tmp_path / str(number) / "tensorboard")
        value = content(events, metadata.SESSION_START_INFO_TAG).hparams["balanced"]
        assert value.WhichOneof("kind") == "bool_value"
        assert value.bool_value is trial["values"]["balanced"]


def test_what_is_no_number_is_left_out(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(),
        run_directory=tmp_path,
        note={
            "values": {"norm": "group"},
            "figures": {"epochs": 3, "validation_accuracy": float("nan")},
        },
    )
    hparams_tf.write_session(run, {"val_loss": 0.25})
    written = read(tmp_path / "tensorboard").Tags()["tensors"]
    assert {"final/val_loss"} == {tag for tag in written if "final" in tag}


def test_a_failed_trial_is_a_row_too(tmp_path):
    run = SimpleNamespace(
        plan=make_plan(), run_directory=tmp_path, note={"values": {"norm": "group"}}
    )
    hparams_tf.write_session(run, None)
    events = read(tmp_path / "tensorboard")
    data = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    end = metadata.parse_session_end_info_plugin_data(data)
    assert end.status == api_pb2.STATUS_FAILURE
