"""What the values of a script mean to Keras: layers, networks, data, trainings."""
