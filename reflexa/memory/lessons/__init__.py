"""Lessons: kept, indexed by words and vectors, ranked by what they earned, and shown within a budget."""
