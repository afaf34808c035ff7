"""Pseudonyms, the vault of original ids, and erased customers."""
