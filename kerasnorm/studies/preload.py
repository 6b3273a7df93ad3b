"""Imported once by the process that cells are forked from: Keras, without noise."""

from kerasnorm.training.system import importing

importing.import_keras()
