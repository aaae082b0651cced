"""Online reinforcement learning: the policy samples, rewards judge, the weights move."""
