"""What people see, in a real browser, against Parlae as it runs for them."""
