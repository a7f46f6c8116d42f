"""A stateful fake backend driven by an OpenAPI description."""
