"""Encoders that give a weight for each word."""
