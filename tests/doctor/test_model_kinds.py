"""Doctor, surgery and callbacks on every kind of model: a table without a gap."""

import keras
import numpy as np
import pytest

from kerasnorm import callbacks
from kerasnorm.doctor import examine, preflight, prove
from kerasnorm.surgery import fold_batch_norm, recalibrate_batch_norm, swap_norm
from tests.doctor.model_kinds import KINDS, SIZE, Batches, trained

# What is refused, and the words that the refusal is known by.
REFUSED = {("subclassed", "fold"): "functional or sequential"}
UNLABELLED = ("gan",)
BY_BATCH = ("triplet",)


def loss_of(model, batches):
    found = model.evaluate(Batches(batches), verbose=0)
    return found[0] if isinstance(found, list) else found


def predict(model, batches):
    outputs = [model(batch[0], training=False) for batch in batches]
    return [
        np.concatenate([np.asarray(keras.ops.convert_to_numpy(part)) for part in parts])
        for parts in zip(*map(keras.tree.flatten, outputs), strict=True)
    ]


def try_examine(kind, tmp_path):
    model, train, validation = trained(kind)
    found = examine(model, train, validation, thorough=False)
    notes = " ".join(found.notes)
    assert ("no labels" in notes) == (kind in UNLABELLED)
    assert ("whole batches" in notes) == (kind in BY_BATCH)
    if kind not in UNLABELLED:
        wanted = loss_of(model, validation)
        assert found.losses["D"] == pytest.approx(wanted, rel=1e-5)
    reasons = [f.evidence["reason"] for f in found.findings if f.code == "not_learned"]
    assert (reasons == ["scale_of_targets"]) == (kind == "large_targets")


def try_preflight(kind, tmp_path):
    model, train, validation = trained(kind)
    found = preflight(model, train, validation)
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


def try_prove(kind, tmp_path):
    model, train, validation = trained(kind)
    proof = prove(model, train, validation, seconds=8)
    if proof.model is not None:
        assert all(np.isfinite(part).all() for part in predict(proof.model, validation))


def try_fold(kind, tmp_path):
    model, _, validation = trained(kind)
    folded = fold_batch_norm(model, validation[0][0])
    for ours, theirs in zip(
        predict(folded, validation), predict(model, validation), strict=True
    ):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


def try_validation_as_train(kind, tmp_path):
    model, _, validation = trained(kind)
    swapped, report = swap_norm(model, "group", batch=validation[0][0])
    assert all(np.isfinite(part).all() for part in predict(swapped, validation))
    # A triplet's loss is that of its class, and a GAN has none to evaluate.
    if kind not in UNLABELLED:
        assert np.isfinite(loss_of(swapped, validation))
    if kind == "padded":
        assert "padding" in str(report)


def try_recalibrate(kind, tmp_path):
    model, train, validation = trained(kind)
    assert recalibrate_batch_norm(model, train) == SIZE * len(train)
    assert all(np.isfinite(part).all() for part in predict(model, validation))


def try_callbacks(kind, tmp_path):
    model, train, validation = trained(kind)
    labelled = kind not in UNLABELLED
    used = [
        callbacks.RecalibrateBatchNorm(train),
        callbacks.NormStatistics(train),
        callbacks.LearningRateLog(),
        callbacks.Throughput(SIZE),
        callbacks.TimeLimit(minutes=5),
        callbacks.EarlyStopping("val_loss" if labelled else "loss", patience=1),
        callbacks.Checkpoint(tmp_path / "checkpoint"),
    ]
    held = {"validation_data": Batches(validation)} if labelled else {}
    history = model.fit(Batches(train), epochs=1, verbose=0, callbacks=used, **held)
    assert np.isfinite(history.history["loss"]).all()
    used[-1].restore(model, train[0])


def try_finder(kind, tmp_path):
    model, train, _ = trained(kind)
    finder = callbacks.LearningRateFinder(train, steps=12)
    try:
        assert finder.find(model) > 0
    except RuntimeError as error:
        assert "never fell" in str(error)


ACTS = {
    name.removeprefix("try_"): act
    for name, act in list(globals().items())
    if name.startswith("try_")
}
# What the other backends repeat: masks, several outputs, own and unusual losses.
REPEATED = [
    (kind, act)
    for kind in ("padded", "multi_output", "triplet", "ctc")
    for act in ("examine", "swap")
]
QUICK = [("segmentation", "examine"), ("segmentation", "preflight")]


def cell(kind, act):
    marks = [] if (kind, act) in QUICK else [pytest.mark.thorough]
    if (kind, act) in REPEATED:
        marks.append(pytest.mark.backends)
    return pytest.param(kind, act, marks=marks)


@pytest.mark.parametrize(
    ("kind", "act"), [cell(kind, act) for kind in KINDS for act in ACTS]
)
def test_every_act_works_on_every_kind_or_is_refused_in_one_sentence(
    kind, act, tmp_path
):
    model, _, _ = trained(kind)
    before = model.get_weights()
    try:
        words = REFUSED.get((kind, act))
        if words is None:
            ACTS[act](kind, tmp_path)
        else:
            with pytest.raises(ValueError, match=words):
                ACTS[act](kind, tmp_path)
        if act not in ("recalibrate", "callbacks"):
            for ours, theirs in zip(model.get_weights(), before, strict=True):
                assert np.array_equal(ours, theirs)
    finally:
        model.set_weights(before)
