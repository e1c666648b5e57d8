"""The prediction tasks that ship, one file each; nightshift/extension/tasks.py says what one must answer."""
