"""The tables of schema `monitoring`."""
