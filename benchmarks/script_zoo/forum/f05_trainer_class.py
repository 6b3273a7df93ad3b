"""I come from PyTorch so I wrote my own Trainer."""
import keras
import numpy as np
from keras import layers
from tqdm import tqdm


class Net(keras.Model):
    def __init__(self, n_classes):
        super().__init__()
        self.conv1 = layers.Conv2D(16, 3, padding="same", use_bias=False)
        self.bn1 = layers.BatchNormalization(momentum=0.9)
        self.conv2 = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)
        self.bn2 = layers.BatchNormalization(momentum=0.9)
        self.pool = layers.GlobalAveragePooling2D()
        self.fc = layers.Dense(n_classes)

    def call(self, x, training=False):
        x = keras.ops.relu(self.bn1(self.conv1(x), training=training))
        x = keras.ops.relu(self.bn2(self.conv2(x), training=training))
        return self.fc(self.pool(x))


class DataLoader:
    def __init__(self, x, y, batch_size, shuffle):
        self.x, self.y, self.batch_size, self.shuffle = x, y, batch_size, shuffle

    def __iter__(self):
        idx = np.arange(len(self.x))
        if self.shuffle:
            np.random.shuffle(idx)
        for s in range(0, len(idx), self.batch_size):
            j = idx[s:s + self.batch_size]
            yield self.x[j], self.y[j]

    def __len__(self):
        return -(-len(self.x) // self.batch_size)


class Trainer:
    def __init__(self, model, train_loader, val_loader):
        self.model, self.train_loader, self.val_loader = model, train_loader, val_loader

    def train(self, epochs):
        for epoch in range(epochs):
            for xb, yb in tqdm(self.train_loader, disable=True):
                loss = self.model.train_on_batch(xb, yb)
            acc = []
            for xb, yb in self.val_loader:
                logits = self.model(xb, training=False)
                pred = np.argmax(keras.ops.convert_to_numpy(logits), -1)
                acc.append((pred == yb).mean())
            print(f"epoch {epoch}: loss {float(loss):.4f} val acc {np.mean(acc):.4f}")


def make(n, seed):
    r = np.random.default_rng(seed)
    y = r.integers(0, 2, n)
    x = r.normal(0, 0.3, (n, 12, 12, 1)).astype("float32")
    x[y == 1, 3:9, 5:7] += 1.0
    x[y == 0, 5:7, 3:9] += 1.0
    return x, y


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    model = Net(2)
    model.compile(optimizer=keras.optimizers.AdamW(1e-3),
                  loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    t = Trainer(model, DataLoader(*make(512, 0), 32, True), DataLoader(*make(128, 1), 32, False))
    t.train(5)
