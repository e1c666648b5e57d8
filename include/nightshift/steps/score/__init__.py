"""score -> publish, and the challenger."""
