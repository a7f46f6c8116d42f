"""Random requests by everybody, and what has to hold after each of them."""
