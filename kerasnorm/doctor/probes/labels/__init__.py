"""What is measured of labels: their order, their form, how many are wrong."""
