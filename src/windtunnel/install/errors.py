"""What goes wrong while something is being installed."""


class InstallError(Exception):
    """A part could not be installed; the message says which, why, and what to do about it."""
