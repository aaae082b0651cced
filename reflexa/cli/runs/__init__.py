"""Runs: planned, carried out, listed, shown, compared; their attempts labelled, exported, logged."""
