# tabular churn model
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
import tensorflow as tf

np.random.seed(0)
tf.random.set_seed(0)
n = 1500
df = pd.DataFrame({
    "tenure": np.random.gamma(2, 12, n),
    "charges": np.random.normal(65, 20, n),
    "calls": np.random.poisson(3, n),
})
logit = -0.05 * df.tenure + 0.03 * df.charges + 0.4 * df.calls - 2
df["churn"] = (logit + np.random.logistic(size=n) * .3 > 0).astype(int)

X = df.drop(columns="churn").values
y = df["churn"].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)

sc = StandardScaler()
X_train = sc.fit_transform(X_train)
X_test = sc.fit_transform(X_test)

model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(units=16, activation="relu", input_dim=3))
model.add(tf.keras.layers.Dense(units=8, activation="relu"))
model.add(tf.keras.layers.Dense(units=1, activation="sigmoid"))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, validation_data=(X_test, y_test), batch_size=32, epochs=15, verbose=2)
