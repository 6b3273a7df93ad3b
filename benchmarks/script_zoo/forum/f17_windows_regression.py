import numpy as np
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import LSTM, Dense
import tensorflow as tf

tf.keras.utils.set_random_seed(21)
series = np.sin(np.arange(1200) * 0.11) + np.random.normal(0, .05, 1200)

def create_dataset(dataset, look_back=12):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back - 1):
        dataX.append(dataset[i:(i + look_back)])
        dataY.append(dataset[i + look_back])
    return np.array(dataX)[..., None], np.array(dataY)

train_size = int(len(series) * 0.75)
trainX, trainY = create_dataset(series[:train_size])
testX, testY = create_dataset(series[train_size:])
model = Sequential()
model.add(LSTM(12, input_shape=(12, 1)))
model.add(Dense(1))
model.compile(loss='mean_squared_error', optimizer='adam')
model.fit(trainX, trainY, epochs=12, batch_size=16, validation_data=(testX, testY), shuffle=False, verbose=2)
