"""Forgetting a person in every store, and saying where."""
