import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from keras.models import Sequential
from keras.layers import Dense
import keras

keras.utils.set_random_seed(1)
iris = load_iris()
X_tr, X_te, y_tr, y_te = train_test_split(iris.data, iris.target, test_size=.3, random_state=1)
print(np.unique(y_tr))   # 0 1 2

clf = Sequential([Dense(16, activation='relu', input_shape=(4,)),
                  Dense(16, activation='relu'),
                  Dense(1, activation='sigmoid')])
clf.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
clf.fit(X_tr, y_tr, epochs=40, batch_size=8, validation_data=(X_te, y_te), verbose=0)
print(clf.evaluate(X_te, y_te, verbose=0))
