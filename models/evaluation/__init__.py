"""Evaluation of a model: metrics, paired bootstrap, profit, value, and the report with its grade."""
