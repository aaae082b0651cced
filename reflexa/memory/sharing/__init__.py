"""Several processes on one run: who holds which of its tasks, and whether it still lives."""
