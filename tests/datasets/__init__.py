"""Tests of `kinspace.datasets`."""
