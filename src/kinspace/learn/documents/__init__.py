"""Vectors of documents, learned from the words that they hold."""
