"""Errors say what is wrong in one sentence and survive the way between processes."""

import pickle

from kerasnorm.data import DataError, ImageError


def test_image_error_names_file_and_reason():
    error = ImageError("cat/3.jpg", "the file is empty")
    assert str(error) == "cat/3.jpg: the file is empty"
    assert (error.path, error.reason) == ("cat/3.jpg", "the file is empty")


def test_image_error_is_a_data_error():
    assert issubclass(ImageError, DataError)


def test_image_error_survives_pickling():
    error = pickle.loads(pickle.dumps(ImageError("a.png", "truncated")))
    assert (error.path, error.reason) == ("a.png", "truncated")
