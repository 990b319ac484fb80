"""What would fail on AWS, one rule a file."""
