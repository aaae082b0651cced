"""What is remembered: reflections and lessons, their packs, what they were worth, copies of it all."""
