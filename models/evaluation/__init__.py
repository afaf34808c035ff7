"""How good a model is: metrics, paired bootstrap, profit, value, and the report with its grade."""
