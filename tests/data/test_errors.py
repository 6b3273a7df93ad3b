"""Errors say what is wrong in one sentence and survive the way between processes."""

import pickle

from kerasnorm.data import DataError, PictureError


def test_picture_error_names_file_and_reason():
    error = PictureError("cat/3.jpg", "the file is empty")
    assert str(error) == "cat/3.jpg: the file is empty"
    assert (error.path, error.reason) == ("cat/3.jpg", "the file is empty")


def test_picture_error_is_a_data_error():
    assert issubclass(PictureError, DataError)


def test_picture_error_survives_pickling():
    error = pickle.loads(pickle.dumps(PictureError("a.png", "truncated")))
    assert (error.path, error.reason) == ("a.png", "truncated")
