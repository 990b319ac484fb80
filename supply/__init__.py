"""What this project is made of, and what is known about it: its locks, their vulnerabilities, bills of materials.

For whoever works on the repository; nothing of it is in the package. docs/security.md tells how it is used.
"""
