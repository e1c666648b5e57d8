"""YAML text -> checked values with line numbers."""
