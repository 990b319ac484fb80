"""What goes wrong with the stack, in sentences that a person can act on."""


class StackError(Exception):
    """The stack cannot do what was asked; the message says which part, why, and what to do."""


class SettingsError(StackError):
    """A setting is unknown or has a value that cannot be; the message names it and where it was set."""
