"""Doctor, surgery and range test on every kind of model: a table without a gap."""

import functools
import inspect

import keras
import numpy as np
import pytest

from kerasnorm import callbacks, doctor, surgery
from kerasnorm.doctor import diagnose_model, preflight, prove
from kerasnorm.inspection.moving_statistics import find_batch_norms
from kerasnorm.inspection.own_methods import can_be_called
from kerasnorm.surgery import fold_batch_norm, recalibrate_batch_norm, swap_norm
from tests.doctor.model_kinds import (
    KINDS,
    NETWORKS,
    SIZE,
    TENSORFLOW,
    Batches,
    trained,
)
from tests.doctor.own_steps import Frame
from tests.doctor.test_model_kinds_training import IN_FIT

# What is refused, and the words that the refusal is known by.
REFUSED = {
    ("subclassed", "fold"): "functional or sequential",
    **{
        ("frame", act): "no `call`: .* [(]sequential.*, sequential"
        for act in ("examine", "preflight", "prove")
    },
}
UNLABELLED = ("gan", "frame")
BY_BATCH = ("triplet",)
# Seconds that leave nothing out on a busy machine either.
PATIENT = 300


def loss_of(model, batches):
    found = model.evaluate(Batches(batches), verbose=0)
    return found[0] if isinstance(found, list) else found


def predict(model, batches):
    outputs = [model(batch[0], training=False) for batch in batches]
    return [
        np.concatenate([np.asarray(keras.ops.convert_to_numpy(part)) for part in parts])
        for parts in zip(*map(keras.tree.flatten, outputs), strict=True)
    ]


@functools.cache
def examined(kind):
    return diagnose_model(*trained(kind), thorough=False, seconds=PATIENT)


def try_examine(kind):
    model, _, validation = trained(kind)
    found = examined(kind).examination
    assert found.verdict in examined(kind).to_text()
    notes = " ".join(found.notes)
    assert ("no labels" in notes) == (kind in UNLABELLED)
    assert ("whole batches" in notes) == (kind in BY_BATCH)
    if kind not in UNLABELLED:
        wanted = loss_of(model, validation)
        assert found.losses["D"] == pytest.approx(wanted, rel=1e-5)
    reasons = [f.evidence["reason"] for f in found.findings if f.code == "not_learned"]
    assert (reasons == ["scale_of_targets"]) == (kind == "large_targets")


def try_preflight(kind):
    model, train, validation = trained(kind)
    found = preflight(model, train, validation, seconds=PATIENT)
    summaries = [f.summary for f in found.findings if f.severity == "error"]
    assert not summaries
    if kind not in UNLABELLED:
        assert found.measurements["rehearsal"]["steps"] > 0
        assert not found.measurements["rehearsal"]["unmoved"]
    if kind == "large_targets":
        assert "matter of their scale" in " ".join(f.summary for f in found.findings)
        assert "learning_rate_too_high" not in {f.code for f in found.findings}
    gradients = found.measurements.get("gradients")
    for agreement in gradients["agreement"].values() if gradients else ():
        assert agreement == pytest.approx(1, abs=0.2)


def try_prove(kind):
    if kind == "frame":
        prove(*trained(kind))
    model, train, validation = trained(kind)
    before = examined(kind).examination
    proof = prove(model, train, validation, before=before, seconds=8)
    if proof.model is not None:
        assert all(np.isfinite(part).all() for part in predict(proof.model, validation))


def predictions_of_networks(model, batches):
    """Return predictions, those of each network inside where the model makes none."""
    if not isinstance(model, Frame):
        return predict(model, batches)
    code = predict(model.encoder, batches)
    return [*code, *predict(model.decoder, [(code[0],)])]


def try_fold(kind):
    model, _, validation = trained(kind)
    folded = fold_batch_norm(model, validation[0][0])
    for ours, theirs in zip(
        predictions_of_networks(folded, validation),
        predictions_of_networks(model, validation),
        strict=True,
    ):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    if can_be_called(model):
        compared = surgery.compare_folded(model, folded, validation[0][0])
        assert "folded" in compared
    else:
        with pytest.raises(ValueError, match="no `call`"):
            surgery.compare_folded(model, folded, validation[0][0])
    with pytest.raises(ValueError, match="at least one AsymmetricConv2D"):
        surgery.fuse_asymmetric(model)


def try_swap(kind):
    model, _, validation = trained(kind)
    found = {site.layer for site in surgery.find_norms(model) if not site.is_frozen}
    assert found == set(find_batch_norms(model)) != set()
    swapped, report = swap_norm(model, "group", batch=validation[0][0])
    made = predictions_of_networks(swapped, validation)
    assert all(np.isfinite(part).all() for part in made)
    # A GAN has no loss to evaluate.
    if kind != "gan":
        assert np.isfinite(loss_of(swapped, validation))
    if kind == "padded":
        assert "padding" in str(report)


def try_recalibrate(kind):
    model, train, validation = trained(kind)
    norms = find_batch_norms(model)
    for norm in norms:
        norm.moving_mean.assign(norm.moving_mean + 7.0)
    if kind == "gan":
        with pytest.warns(UserWarning, match="1 of 2 called"):
            count = recalibrate_batch_norm(model, train)
        # Its `call` runs the judge only.
        norms = find_batch_norms(model.judge)
    else:
        count = recalibrate_batch_norm(model, train)
    assert count == SIZE * len(train)
    for norm in norms:
        assert np.abs(keras.ops.convert_to_numpy(norm.moving_mean)).max() < 6.9
    made = predictions_of_networks(model, validation)
    assert all(np.isfinite(part).all() for part in made)


def try_use(kind):
    keras.utils.set_random_seed(0)
    model, _, data = KINDS[kind]()
    batch = [(keras.tree.map_structure(lambda a: a[:SIZE], data[0]),)]
    before = predictions_of_networks(model, batch)
    # Frozen ones count, too.
    kind_of_norm = keras.layers.BatchNormalization
    norms = [x for x in model._flatten_layers() if isinstance(x, kind_of_norm)]
    count = surgery.use_fused_batch_norm(model)
    assert count == (len(norms) if TENSORFLOW else 0)
    for ours, theirs in zip(predictions_of_networks(model, batch), before, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


def try_LearningRateFinder(kind):
    model, train, _ = trained(kind)
    finder = callbacks.LearningRateFinder(train, steps=12)
    try:
        assert finder.find(model) > 0
    except RuntimeError as error:
        assert "never fell" in str(error)


#: What one row does beside the act that it is named by.
SHOWN_IN = {
    "diagnose": "examine",
    "compare": "fold",
    "fuse": "fold",
    "find": "swap",
}
#: What sees the network of a model and never its loss.
OF_NETWORKS = ("fold", "swap", "recalibrate", "use")


def acts_of(*packages):
    """Return what a package does with a model, by the first word of its name."""
    found = []
    for package in packages:
        for name in package.__all__:
            member = getattr(package, name)
            if inspect.isfunction(member):
                first = next(iter(inspect.signature(member).parameters), None)
                found += [name.split("_")[0]] if first == "model" else []
            elif inspect.isclass(member) and hasattr(member, "on_train_begin"):
                found += [name] if name not in IN_FIT else []
    return found


# A function of a model that is new gets rows by itself, and they fail without an act.
ACTS = [x for x in acts_of(doctor, surgery, callbacks) if x not in SHOWN_IN]
# What the other backends repeat: masks, several outputs, own and unusual losses, steps.
REPEATED = [
    *(
        (kind, act)
        for kind in ("padded", "multi_output", "triplet", "ctc")
        for act in ("examine", "swap")
    ),
    *((kind, "LearningRateFinder") for kind in ("own_step", "frame")),
    ("frame", "recalibrate"),
]
QUICK = [("segmentation", "examine"), ("segmentation", "preflight")]


def cell(kind, act):
    marks = [] if (kind, act) in QUICK else [pytest.mark.thorough]
    if (kind, act) in REPEATED:
        marks.append(pytest.mark.backends)
    return pytest.param(kind, act, marks=marks)


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        cell(kind, act)
        for kind in KINDS
        for act in ACTS
        if kind in NETWORKS or act not in OF_NETWORKS
    ],
)
def test_every_act_works_on_every_kind_or_is_refused_in_one_sentence(kind, act):
    model, _, _ = trained(kind)
    before = model.get_weights()
    try_act = globals()[f"try_{act}"]
    try:
        words = REFUSED.get((kind, act))
        if words is None:
            try_act(kind)
        else:
            with pytest.raises(ValueError, match=words):
                try_act(kind)
        if act != "recalibrate":
            for ours, theirs in zip(model.get_weights(), before, strict=True):
                assert np.array_equal(ours, theirs)
    finally:
        model.set_weights(before)
