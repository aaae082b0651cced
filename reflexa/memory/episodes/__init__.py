"""Runs and their episodes: written as they go, read back equal, and lost to no failure."""
