"""Insects drawn by the package itself, with a known truth for every pixel."""
