"""What serves: the check of a new version, and its predictors."""
