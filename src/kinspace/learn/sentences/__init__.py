"""Models of sentences, learned from text or from other models."""
