"""Decides who is on the week's list, in which order and why, and explains it."""
