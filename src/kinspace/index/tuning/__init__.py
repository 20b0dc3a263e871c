"""What :mod:`kinspace.index.tune` is made of: queries with known answers, and a contest."""
