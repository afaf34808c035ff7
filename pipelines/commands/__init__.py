"""One module per command of the command line, and the reference that is generated from the code."""
