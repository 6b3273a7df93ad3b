"""Which training samples are listed as labelled wrongly, and on whose word."""

import numpy as np
import pytest

from kerasnorm.doctor.probes.labels.suspects import Compared, list_suspects
from kerasnorm.doctor.sampling.samples import Samples

TRAIN, HELD = 1500, 700


def knowing(labels, classes, clarity, generator):
    """Return log odds of someone who knows classes more or less clearly."""
    chosen = np.eye(classes)[labels]
    return clarity * chosen + generator.normal(size=chosen.shape)


def compared(classes, flips, seed, clarity=0.9):
    """Return training samples with wrong labels, seen by a weak reference model.

    Returns:
        What was compared, the right classes, and the numbers of the wrong labels.
    """
    generator = np.random.default_rng(seed)
    right = generator.integers(0, classes, TRAIN + HELD)
    wrong = (generator.random(len(right)) < flips) & (np.arange(len(right)) < TRAIN)
    labels = np.where(wrong, (right + generator.integers(1, classes)) % classes, right)
    parts = [
        Samples(np.zeros((len(y), 2)), y, None, (len(y),))
        for y in np.split(labels, [TRAIN])
    ]
    scores = 0.1 * knowing(right, classes, clarity, generator)
    kept = np.arange(len(right))
    found = Compared(*parts, kept, labels, scores, np.arange(classes))
    return found, right, set(np.flatnonzero(wrong))


def saying(log_odds):
    """Return a network that answers with these, training before validation."""
    parts = dict(
        zip(("training", "validation"), np.split(log_odds, [TRAIN]), strict=True)
    )
    return lambda samples, split: parts[split]


def listed(*args):
    return [suspect.position for suspect in list_suspects(*args)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("classes", "flips"), [(2, 0.2), (2, 0.3), (4, 0.2), (4, 0.3)])
def test_a_network_that_learned_its_classes_finds_more_wrong_labels(
    classes, flips, seed
):
    found, right, wrong = compared(classes, flips, seed)
    network = saying(3 * knowing(right, classes, 2.0, np.random.default_rng((seed, 1))))
    alone, together = listed(found, flips), listed(found, flips, network)
    assert len(wrong & set(together)) > max(len(wrong & set(alone)), len(wrong) / 2)
    # The clearest come first, and most of these are wrong.
    assert len(wrong & set(together[:100])) > 80


@pytest.mark.parametrize("classes", [2, 5])
def test_a_network_that_memorized_its_labels_changes_nothing(classes):
    found, right, wrong = compared(classes, 0.2, 0, 1.5)
    generator = np.random.default_rng(1)
    known = np.where(np.arange(len(right)) < TRAIN, 8.0, 1.5)[:, None]
    memory = knowing(found.labels, classes, known, generator)
    alone = listed(found, 0.2)
    assert len(wrong & set(alone)) > 30
    assert listed(found, 0.2, saying(memory)) == alone


@pytest.mark.parametrize("answer", [None, np.zeros((TRAIN + HELD, 2))], ids=str)
def test_without_an_answer_for_every_class_the_reference_model_speaks_alone(answer):
    found = compared(3, 0.3, 0)[0]
    network = (lambda *_: None) if answer is None else saying(answer)
    assert listed(found, 0.3, network) == listed(found, 0.3)


def test_a_network_that_knows_nothing_takes_nothing_away():
    found, right, wrong = compared(2, 0.3, 0, 1.5)
    noise = np.random.default_rng(1).normal(size=(len(right), 2))
    alone, together = listed(found, 0.3), listed(found, 0.3, saying(noise))
    assert len(wrong & set(together)) > 0.9 * len(wrong & set(alone))


def test_classes_without_samples_have_no_say():
    found, right, _ = compared(2, 0.3, 0)
    answers = knowing(right, 2, 2.0, np.random.default_rng(1))
    apart = np.full((len(right), 7), 50.0)
    apart[:, [1, 5]] = answers
    other = Compared(
        found.train,
        found.validation,
        found.kept,
        found.labels,
        found.scores,
        np.array([1, 5]),
    )
    assert listed(other, 0.3, saying(apart)) == listed(found, 0.3, saying(answers))
    classes = {(s.label, s.suggested) for s in list_suspects(other, 0.3)}
    assert classes == {(1, 5), (5, 1)}
