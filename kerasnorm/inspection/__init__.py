"""What a Keras model is made of, what its norms have seen, and its whole state.

The lowest layer: it knows Keras, and no other subpackage.
"""
