import keras
import numpy as np
import pytest

from kerasnorm.doctor import DoctorCallback
from tests.doctor.networks import batches, data


def fit(*callbacks):
    keras.utils.set_random_seed(3)
    x, y = data(64)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    history = model.fit(x, y, epochs=4, verbose=0, callbacks=list(callbacks))
    return model, history.history["loss"]


@pytest.mark.thorough
def test_it_examines_every_second_epoch():
    doctor = DoctorCallback(batches(*data(64)), batches(*data(64, 1)), every=2)
    fit(doctor)
    assert sorted(doctor.examinations) == [1, 3]


def test_training_goes_on_as_without_it():
    doctor = DoctorCallback(lambda: iter(batches(*data(64))), batches(*data(64, 1)))
    (with_doctor, losses), (without, expected) = fit(doctor), fit()
    assert losses == expected and all(
        np.array_equal(a, b)
        for a, b in zip(with_doctor.get_weights(), without.get_weights(), strict=True)
    )


@pytest.mark.thorough
def test_the_budget_goes_to_tensorboard(tmp_path):
    tf = pytest.importorskip("tensorflow")
    train, validation = batches(*data(64)), batches(*data(64, 1))
    fit(DoctorCallback(train, validation, every=4, log_dir=str(tmp_path)))
    events = tf.compat.v1.train.summary_iterator(str(next(tmp_path.iterdir())))
    tags = {value.tag for event in events for value in event.summary.value}
    assert {"doctor_budget/generalization", "doctor/D_estimated"} <= tags


def test_every_below_one_is_refused():
    with pytest.raises(ValueError, match="1 or more"):
        DoctorCallback([], every=0)
