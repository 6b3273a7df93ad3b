"""ImageDataGenerator, its iterators, and their tf.data pipeline."""

from kerasnorm.data.generator.image_data_generator import ImageDataGenerator

__all__ = ["ImageDataGenerator"]
