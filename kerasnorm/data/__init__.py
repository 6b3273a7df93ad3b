"""Image folders to batches: index, decode, scan, augment, and feed a training.

Nothing here imports TensorFlow until a name that needs it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augment.augmentation": ["Augmentation"],
        "augment.keras_layers_tf": ["with_keras_layers"],
        "errors": ["DataError", "ImageError"],
        "generator": ["ImageDataGenerator"],
        "images.decode": ["decode_image"],
        "images.load_images": ["DecodedImages", "load_images"],
        "pipelines.batches_tf": ["evaluation_batches", "training_batches"],
        "scan.image_scan": ["ImageScan", "scan_images"],
        "sources.folds": ["k_folds"],
        "sources.index": ["ImageIndex", "index_directory"],
        "sources.source": ["Source", "open_source"],
        "sources.split": ["split_index"],
        "sources.subsets_and_label_noise": ["take_fraction", "with_label_noise"],
    },
)
