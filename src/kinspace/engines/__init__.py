"""Engines: arrays in, arrays out. An engine knows ids and numbers, never words."""
