"""The suite's own exam: plant defects in the mock, and count what is found."""
