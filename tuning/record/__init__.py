"""What a search leaves behind: its summary, its page, TensorBoard, importance."""
