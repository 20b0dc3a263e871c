"""Categories, numbers, and rows of both, as vectors."""
