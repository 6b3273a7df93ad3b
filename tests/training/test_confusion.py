import numpy as np
import pytest

from kerasnorm.training.report import confusion

COUNTS = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]])
NAMES = ["cat", "dog", "owl"]


@pytest.mark.parametrize("fraction", [0.0, 0.03, 0.5, 0.94, 1.0])
@pytest.mark.parametrize("total", [1, 20, 1000])
def test_interval_ends_solve_wilsons_equation(fraction, total):
    # An end p of the interval is where the observed fraction lies 1.96 standard errors
    # of p away from p.
    fraction = round(fraction * total) / total
    for end in confusion.wilson_interval(fraction, total):
        distance = (fraction - end) ** 2
        assert distance == pytest.approx(
            1.959963984540054**2 * end * (1 - end) / total, abs=1e-10
        )


def test_interval_of_a_fraction_that_rounding_put_above_one():
    exact = confusion.wilson_interval(1.0, 10)
    assert confusion.wilson_interval(1.0000001, 10) == exact


def test_interval_of_a_known_case():
    low, high = confusion.wilson_interval(0.9, 100)
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)


def test_figures_of_each_class():
    figures = confusion.class_figures(COUNTS, NAMES)
    assert [(one.name, one.images, one.taken_for) for one in figures] == [
        ("cat", 10, "dog"),
        ("dog", 10, "cat"),
        ("owl", 0, None),
    ]
    assert (figures[0].recall, figures[0].precision) == (0.8, pytest.approx(8 / 9))


def test_class_without_images_has_no_shares_and_comes_last():
    last = confusion.class_figures(COUNTS[::-1, ::-1], NAMES[::-1])[-1]
    assert (last.name, last.recall, last.precision) == ("owl", None, None)


def test_pairs_are_the_most_frequent_mistakes():
    assert confusion.confused_pairs(COUNTS, NAMES) == [
        confusion.Pair("cat", "dog", 2, 0.2),
        confusion.Pair("dog", "cat", 1, 0.1),
    ]


def test_pairs_are_limited():
    assert len(confusion.confused_pairs(COUNTS, NAMES, limit=1)) == 1


def test_a_single_mistake_among_thousands_is_shaded():
    shades = confusion.shades(np.array([[9999, 1], [0, 0]]))
    np.testing.assert_array_equal(shades, [[10, 1], [0, 0]])


def test_counts_are_left_as_they_are():
    counts = COUNTS.copy()
    confusion.class_figures(counts, NAMES)
    confusion.confused_pairs(counts, NAMES)
    confusion.shades(counts)
    np.testing.assert_array_equal(counts, COUNTS)


def test_a_class_without_samples_is_drawn_empty():
    shades = confusion.shades(np.array([[0, 0], [1, 0]]))
    np.testing.assert_array_equal(shades, [[0, 0], [10, 0]])


def test_shares_of_a_row_are_rounded_up_to_tenths():
    counts = np.array([[55, 41, 4], [0, 10, 0], [1, 0, 1]])
    expected = [[6, 5, 1], [0, 10, 0], [5, 0, 5]]
    np.testing.assert_array_equal(confusion.shades(counts), expected)


def test_ten_pairs_are_listed_unless_asked_otherwise():
    counts = np.ones((5, 5), int)
    assert len(confusion.confused_pairs(counts, list("abcde"))) == 10
