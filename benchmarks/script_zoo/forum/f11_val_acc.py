import numpy as np, keras
from keras.layers import *
from keras.models import *
from keras.callbacks import *

keras.utils.set_random_seed(5)
rs = np.random.RandomState(5)
y = rs.randint(0, 2, 600)
x = rs.randn(600, 20) + y[:, None] * .8
m = Sequential()
m.add(Input((20,)))
m.add(Dense(32)); m.add(LeakyReLU()); m.add(Dropout(.3))
m.add(Dense(1, activation='sigmoid'))
m.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
es = EarlyStopping(monitor='val_acc', mode='max', patience=3, verbose=1)
rlr = ReduceLROnPlateau(monitor='val_acc', mode='max', patience=2)
m.fit(x, y, epochs=15, validation_split=0.2, callbacks=[es, rlr], verbose=2)
