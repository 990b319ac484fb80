"""What a machine needs before anything can start: downloads, Python environments, Java. Knows no service."""
