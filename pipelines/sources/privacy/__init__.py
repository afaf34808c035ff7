"""Pseudonyms, the vault of original ids, and who was erased."""
