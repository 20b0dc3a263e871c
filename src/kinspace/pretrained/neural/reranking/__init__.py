"""Cross-encoders: how well a text answers a query."""
