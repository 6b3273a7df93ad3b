"""Where a training computes: devices, processes, precision, memory."""
