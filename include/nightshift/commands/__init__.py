"""The sub-commands of `nightshift`, a file each: an `add_` function, which registers it, and a `run_` function."""
