"""Measured and estimated performance of the champion and its challenger."""
