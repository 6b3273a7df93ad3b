"""What images lie in: a file each, or many in a shard; compact tables of names."""
