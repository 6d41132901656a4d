"""``python -m tests.bench``: what a tool call costs, beside a bare endpoint on the same server."""
