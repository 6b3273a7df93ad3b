from .augment.augmentation import Augmentation as Augmentation
from .augment.keras_layers_tf import with_keras_layers as with_keras_layers
from .errors import DataError as DataError
from .errors import ImageError as ImageError
from .generator import ImageDataGenerator as ImageDataGenerator
from .images.decode import decode_image as decode_image
from .images.decoded_images import DecodedImages as DecodedImages
from .pipelines.batches_tf import evaluation_batches as evaluation_batches
from .pipelines.batches_tf import training_batches as training_batches
from .scan.image_scan import ImageScan as ImageScan
from .scan.image_scan import scan_images as scan_images
from .sources.folds import k_folds as k_folds
from .sources.index import ImageIndex as ImageIndex
from .sources.index import index_directory as index_directory
from .sources.source import Source as Source
from .sources.source import open_source as open_source
from .sources.split import split_index as split_index
from .sources.subsets_and_label_noise import take_fraction as take_fraction
from .sources.subsets_and_label_noise import with_label_noise as with_label_noise
from .store.load_images import load_images as load_images

__all__ = [
    "Augmentation",
    "DataError",
    "DecodedImages",
    "ImageDataGenerator",
    "ImageError",
    "ImageIndex",
    "ImageScan",
    "Source",
    "decode_image",
    "evaluation_batches",
    "index_directory",
    "k_folds",
    "load_images",
    "open_source",
    "scan_images",
    "split_index",
    "take_fraction",
    "training_batches",
    "with_keras_layers",
    "with_label_noise",
]
