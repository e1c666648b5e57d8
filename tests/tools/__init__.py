"""Commands for whoever works on Nightshift: run as `python -m tests.tools.NAME`."""
