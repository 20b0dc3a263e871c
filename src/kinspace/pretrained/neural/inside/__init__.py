"""Looking into a model: vectors of tokens, and what in two texts is alike."""
