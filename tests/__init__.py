"""Tests mirror src/kinspace; tests/contract runs on every encoder, learner, index and store."""
