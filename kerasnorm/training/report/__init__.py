"""What a trained model is measured by, and the report that shows it."""
