"""Transformers that give one dense vector for a text."""
