"""The native stack: which services there are, how they start, when they are healthy, how they stop."""
