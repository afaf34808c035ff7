"""The declarations: which measure of which activity over which window, its name, bounds, unit and sentence."""
