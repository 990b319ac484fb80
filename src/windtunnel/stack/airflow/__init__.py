"""Amazon MWAA's Airflow on this machine: its pins, its configuration, its treatment of a project's files."""
