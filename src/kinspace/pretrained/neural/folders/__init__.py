"""What lies in a model's folder, and opening it."""
