"""Amazon EMR: clusters, instance groups and steps that really run."""
