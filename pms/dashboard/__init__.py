"""What a practice opens every morning: whether it works, and its calls, bookings, tasks, open times and settings."""
