"""What is done about known vulnerabilities in the pinned packages."""
