"""The rules that a project is held against before it is deployed, one a file."""
