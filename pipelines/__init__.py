"""The edge: the only package that reads, writes, logs, or knows the date."""
