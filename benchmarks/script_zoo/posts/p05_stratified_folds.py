import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

keras.utils.set_random_seed(0)
X, y = load_breast_cancer(return_X_y=True)


def create_model(n_features):
    model = keras.Sequential()
    model.add(keras.Input((n_features,)))
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "AUC"])
    return model


scores = []
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
for fold, (tr, va) in enumerate(folds.split(X, y), 1):
    scaler = StandardScaler().fit(X[tr])
    weights = compute_class_weight("balanced", classes=np.unique(y), y=y[tr])
    model = create_model(X.shape[1])
    model.fit(
        scaler.transform(X[tr]),
        y[tr],
        validation_data=(scaler.transform(X[va]), y[va]),
        class_weight=dict(enumerate(weights)),
        epochs=15,
        batch_size=16,
        verbose=0,
    )
    scores.append(model.evaluate(scaler.transform(X[va]), y[va], verbose=0)[1])
    print(f"fold {fold}: {scores[-1]:.3f}")
print("mean", round(float(np.mean(scores)), 3))
