"""Image folders to batches: index, decode, scan, augment, and feed a training.

Nothing here imports TensorFlow until a name that needs it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augment": ["Augmentation"],
        "decode": ["decode_picture"],
        "errors": ["DataError", "PictureError"],
        "folds": ["k_folds"],
        "generator": ["ImageDataGenerator"],
        "index": ["ImageIndex", "index_directory"],
        "keras_layers_tf": ["with_keras_layers"],
        "pictures": ["Pictures", "load_pictures"],
        "pipeline_tf": ["evaluation_batches", "training_batches"],
        "scan": ["ImageScan", "scan_images"],
        "sources": ["Source", "open_source"],
        "split": ["split_index"],
        "studies": ["take_fraction", "with_label_noise"],
    },
)
