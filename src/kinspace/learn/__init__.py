"""Learn: items in, a model out. A folder for each kind of thing, a file for each method."""
