"""Fewer bytes for vectors: int8 now; binary, product and truncation later."""
