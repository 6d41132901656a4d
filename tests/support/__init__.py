"""Tools for developing and testing Parlae. Nothing in the product imports them."""
