"""What is measured of inputs: which ones the network expects, how splits differ."""
