"""extract -> validate -> build_features."""
