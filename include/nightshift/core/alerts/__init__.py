"""What is worth an alert, and what it says."""
