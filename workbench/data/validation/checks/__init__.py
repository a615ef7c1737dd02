"""What validation asks of each episode beyond its files' layout: whether its numbers and pictures fit each other."""
