import argparse

import keras


def data(folder, size, batch, augment=False):
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(size, size), batch_size=batch, label_mode="categorical"
    )
    if augment:
        flip = keras.layers.RandomFlip("horizontal")
        dataset = dataset.map(lambda image, label: (flip(image, training=True), label))
    return dataset.prefetch(2)


def network(size, classes):
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--freeze", action="store_true")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    train = data("photos/train", arguments.size, 32, augment=True)
    validation = data("photos/validation", arguments.size, 32)
    model = network(arguments.size, 5)
    if arguments.freeze:
        model.layers[1].trainable = False
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    callbacks = [keras.callbacks.EarlyStopping(patience=3)]
    if not arguments.freeze:
        callbacks.append(keras.callbacks.ReduceLROnPlateau(monitor="val_loss"))
    model.fit(train, validation_data=validation, epochs=9, callbacks=callbacks)


if __name__ == "__main__":
    main()
