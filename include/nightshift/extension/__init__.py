"""Extension points: for each kind of thing that a pipeline can name, the record that describes one and a registry.

The lowest layer: everything above asks a registry instead of listing names itself. What ships registers itself the
same way as a project's own `include/extensions/*.py`.
"""
