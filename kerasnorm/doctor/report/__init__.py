"""An examination in the terminal, as a page, and in TensorBoard."""
