"""What keeps a project from being deployed."""

from windtunnel.stack.errors import StackError


class DeployError(StackError):
    """A sentence for the user: what is wrong, what stands, and how to go on."""
