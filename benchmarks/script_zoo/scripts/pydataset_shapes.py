"""keras.utils.PyDataset over image files."""

import math
import pathlib
import sys

import keras
import numpy as np

keras.utils.set_random_seed(90)


class ImageFolder(keras.utils.PyDataset):
    """Batches of (image, label); order drawn anew every epoch if shuffle."""

    def __init__(self, folder, batch_size, size, shuffle=False, seed=0, **kwargs):
        super().__init__(**kwargs)
        folder = pathlib.Path(folder)
        self.classes = sorted(p.name for p in folder.iterdir())
        self.items = [
            (f, i)
            for i, c in enumerate(self.classes)
            for f in sorted((folder / c).glob("*.png"))
        ]
        self.batch_size, self.size, self.shuffle = batch_size, size, shuffle
        self.rng = np.random.default_rng(seed)
        self.order = np.arange(len(self.items))
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.items) / self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        x = [keras.utils.load_img(self.items[r][0], target_size=self.size) for r in rows]
        y = [self.items[r][1] for r in rows]
        return np.stack([np.asarray(i, "float32") / 255 for i in x]), np.array(y)

    def on_epoch_end(self):
        if self.shuffle:
            self.rng.shuffle(self.order)


root = pathlib.Path(sys.argv[1])
train = ImageFolder(root / "train", 24, (40, 40), shuffle=True)
val = ImageFolder(root / "validation", 24, (40, 40))

model = keras.Sequential([keras.Input((40, 40, 3))])
for f in (24, 48, 64):
    model.add(keras.layers.Conv2D(f, 3, activation="relu"))
    model.add(keras.layers.MaxPooling2D())
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(64, activation="relu"))
model.add(keras.layers.Dense(len(train.classes), activation="softmax"))
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, validation_data=val, epochs=6)
