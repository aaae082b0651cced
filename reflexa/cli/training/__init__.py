"""Training: on rows, on tasks, round after round; which checkpoint to keep, and what optimising too far does."""
