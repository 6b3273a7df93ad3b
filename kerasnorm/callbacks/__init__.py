"""Callbacks for `keras.Model.fit`."""
