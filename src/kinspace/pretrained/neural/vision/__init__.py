"""Images, and texts in one space with them."""
