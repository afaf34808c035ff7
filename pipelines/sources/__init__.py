"""Readers: a company's tables -> the activity stream."""
