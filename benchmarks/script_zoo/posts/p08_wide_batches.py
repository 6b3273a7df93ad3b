# Why is val_loss so much higher than loss although both sets come from one generator?
import keras
import numpy as np
from keras.layers import BatchNormalization, Dense
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(4)
X, y = make_classification(
    n_samples=2400, n_features=30, n_informative=12, class_sep=2.0, random_state=4
)
X = (X * 20 + 35).astype("float32")
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=4)

model = keras.models.Sequential(
    [
        keras.Input(shape=(30,)),
        BatchNormalization(),
        Dense(64, activation="relu"),
        BatchNormalization(),
        Dense(32, activation="relu"),
        BatchNormalization(),
        Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(
    X_train, y_train, epochs=6, batch_size=600, validation_data=(X_val, y_val), verbose=2
)
