"""Test any implementation of an API against the description that drives the mock."""
