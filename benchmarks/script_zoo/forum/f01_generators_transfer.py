# fruit classifier, transfer learning
# my val acc is stuck at 25% and I have no idea why??
import os
import numpy as np
import tensorflow as tf
from tensorflow.keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input
from tensorflow.keras.layers import Dense, GlobalAveragePooling2D, Dropout
from tensorflow.keras.models import Model
from tensorflow.keras.preprocessing.image import ImageDataGenerator

IMG = 32
BS = 16
base_dir = "data/fruit"
train_dir = os.path.join(base_dir, "train")
val_dir = os.path.join(base_dir, "validation")

tf.random.set_seed(1); np.random.seed(1)

train_datagen = ImageDataGenerator(rescale=1./255, horizontal_flip=True)
val_datagen = ImageDataGenerator(preprocessing_function=preprocess_input)

train_gen = train_datagen.flow_from_directory(train_dir, target_size=(IMG, IMG), batch_size=BS, class_mode="categorical")
val_gen = val_datagen.flow_from_directory(val_dir, target_size=(IMG, IMG), batch_size=BS, class_mode="categorical", shuffle=False)

base = MobileNetV2(include_top=False, weights=None, input_shape=(IMG, IMG, 3), alpha=0.35)
x = GlobalAveragePooling2D()(base.output)
x = Dropout(0.2)(x)
out = Dense(train_gen.num_classes, activation="softmax")(x)
model = Model(inputs=base.input, outputs=out)
for layer in model.layers:
    if layer.__class__.__name__ == "BatchNormalization":
        layer.momentum = 0.8
model.compile(loss="categorical_crossentropy", optimizer=tf.keras.optimizers.Adam(1e-3), metrics=["accuracy"])
H = model.fit(train_gen, validation_data=val_gen, epochs=8, verbose=2)
print("final val acc", H.history["val_accuracy"][-1])
