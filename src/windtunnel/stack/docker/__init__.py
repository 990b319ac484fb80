"""The Docker stack: the same services by Docker Compose, in images that mirror MWAA's."""
