"""Fit, search, splits, calibration, thresholds."""
