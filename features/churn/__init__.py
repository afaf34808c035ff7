"""Churn definitions: who is still a customer behind a moment, and what leaving is ahead of it."""
