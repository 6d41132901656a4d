"""``python -m tests.bench``: what a tool call costs, how fast times are found, and what crowds do to each other."""
