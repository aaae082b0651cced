"""Checkpoints in this process, with transformers: continuous batching for serving and for the trainer's samples."""
