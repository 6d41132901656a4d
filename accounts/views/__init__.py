"""Pages of people and practices, beside allauth's own."""
