import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Input, Conv2D, MaxPooling2D, UpSampling2D, concatenate
from tensorflow.keras.models import Model

tf.keras.utils.set_random_seed(12)
def blobs(n, rng):
    imgs = rng.normal(.3, .1, (n, 32, 32, 1)).astype(np.float32)
    masks = np.zeros((n, 32, 32, 1), np.float32)
    yy, xx = np.mgrid[:32, :32]
    for i in range(n):
        cy, cx, r = rng.integers(8, 24, 2).tolist() + [rng.integers(3, 8)]
        inside = (yy - cy) ** 2 + (xx - cx) ** 2 < r ** 2
        masks[i, inside] = 1
        imgs[i, inside] += .4
    return imgs, masks

rng = np.random.default_rng(12)
x_tr, m_tr = blobs(160, rng)
x_va, m_va = blobs(48, rng)

def unet(size=(32, 32, 1)):
    inputs = Input(size)
    c1 = Conv2D(8, 3, activation='relu', padding='same')(inputs)
    p1 = MaxPooling2D()(c1)
    c2 = Conv2D(16, 3, activation='relu', padding='same')(p1)
    u1 = UpSampling2D()(c2)
    m1 = concatenate([u1, c1])
    c3 = Conv2D(8, 3, activation='relu', padding='same')(m1)
    out = Conv2D(1, 1, activation='sigmoid')(c3)
    model = Model(inputs, out)
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=5e-3), loss='binary_crossentropy', metrics=['accuracy'])
    return model

model = unet()
model.fit(x_tr, m_tr, batch_size=16, epochs=8, validation_data=(x_va, m_va), verbose=2)
