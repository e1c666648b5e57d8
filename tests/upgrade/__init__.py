"""What earlier releases stored still loads and gives the same values."""
