"""Vectors of words, learned from the company that they keep."""
