"""Training: panel, time splits, recipe, search, baselines, the fit itself."""
