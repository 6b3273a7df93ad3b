import numpy as np
import keras
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.class_weight import compute_class_weight

keras.utils.set_random_seed(16)
rng = np.random.default_rng(16)
y = (rng.random(600) < 0.25).astype(int)
X = rng.normal(size=(600, 10)) + 1.4 * y[:, None]

def create_model():
    model = keras.Sequential([
        keras.layers.Input(shape=(10,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
    return model

scores = []
for fold, (tr, va) in enumerate(StratifiedKFold(3, shuffle=True, random_state=16).split(X, y)):
    w = compute_class_weight("balanced", classes=np.unique(y[tr]), y=y[tr])
    model = create_model()
    model.fit(X[tr], y[tr], validation_data=(X[va], y[va]), epochs=10, batch_size=32, class_weight=dict(enumerate(w)), verbose=0)
    scores.append(model.evaluate(X[va], y[va], verbose=0)[2])
    print(f"fold {fold} auc {scores[-1]:.4f}")
print("CV", np.mean(scores))
