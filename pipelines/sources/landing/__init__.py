"""The landing store: what was read from sources, kept so that the next pull reads only what is new."""
