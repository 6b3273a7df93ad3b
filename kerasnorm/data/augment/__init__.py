"""Random changes of training images, and the random numbers behind them."""
