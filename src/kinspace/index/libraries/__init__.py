"""Other engines of vector search, each behind an extra of its name, under the same contract."""
