"""Background work. The truth is in our own tables; huey only wakes these sweeps, so a lost wake-up loses nothing."""
