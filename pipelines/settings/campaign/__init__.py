"""Sections of params.yaml about the list: where it ends, who does what, who may be contacted, where it goes."""
