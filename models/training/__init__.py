"""How it is trained: panel, time splits, recipe, search, baselines, the fit itself."""
