"""Schemathesis as one stage of a run, and our run as a check of Schemathesis."""
