"""The built-in data set of drawn cats and dogs, and how it is drawn."""
