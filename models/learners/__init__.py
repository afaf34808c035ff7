"""Learners: boosting, logistic regression, BG/NBD, expected value, calibration."""
