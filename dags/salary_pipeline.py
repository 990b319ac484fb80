"""The average salary by company, job type, degree, major and industry, by Spark on an EMR cluster of its own.

    begin -> create_cluster -> add_step -> wait_for_step -> terminate_cluster -> end

Nothing here depends on where it runs: whatever differs between accounts is an Airflow configuration option,
`salary_pipeline.<name>` on Amazon MWAA, AIRFLOW__SALARY_PIPELINE__<NAME> anywhere else. An empty one counts as
not set: what has no default below is then left out of the request to EMR. Imports on Airflow 2.10 to 3.2.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.providers.amazon.aws.operators.emr import (
    EmrAddStepsOperator,
    EmrCreateJobFlowOperator,
    EmrTerminateJobFlowOperator,
)
from airflow.providers.amazon.aws.sensors.emr import EmrStepSensor

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG  # type: ignore[attr-defined,no-redef]
    from airflow.operators.empty import EmptyOperator  # type: ignore[no-redef]


def option(name: str, default: str = "") -> str:
    return conf.get("salary_pipeline", name, fallback="").strip() or default


def number(name: str, default: int) -> int:
    return conf.getint("salary_pipeline", name) if option(name) else default


BUCKET = conf.get("salary_pipeline", "bucket")  # no fallback: an import error names it when it is not set
SCHEDULE = option("schedule", "@daily")
POLL_INTERVAL = number("poll_interval", 30)  # seconds, as the two below
STEP_TIMEOUT = number("step_timeout", 6 * 60 * 60)
IDLE_TIMEOUT = number("idle_timeout", 10 * 60)


def given(members: dict[str, Any]) -> dict[str, Any]:
    """The members of a request that have a value."""
    return {name: value for name, value in members.items() if value}


def tags() -> list[dict[str, str]]:
    """`team=data,stage=test` as EMR takes it."""
    pairs = [pair.partition("=") for pair in option("tags").split(",") if pair.strip()]
    return [{"Key": key.strip(), "Value": value.strip()} for key, _, value in pairs]


def job_flow() -> dict[str, Any]:
    """The request for the cluster: one master, some core nodes, Hadoop and Spark."""
    master = {
        "Name": "Master",
        "InstanceRole": "MASTER",
        "InstanceType": option("master_instance_type", "m5.xlarge"),
        "InstanceCount": 1,
        "Market": option("market", "ON_DEMAND"),
    }
    core = {
        "Name": "Core",
        "InstanceRole": "CORE",
        "InstanceType": option("core_instance_type", "m5.xlarge"),
        "InstanceCount": number("core_instance_count", 2),
        "Market": option("market", "ON_DEMAND"),
    }
    instances = {
        "InstanceGroups": [master, core],
        "KeepJobFlowAliveWhenNoSteps": True,
        "Ec2SubnetId": option("subnet_id"),
        "EmrManagedMasterSecurityGroup": option("master_security_group"),
        "EmrManagedSlaveSecurityGroup": option("core_security_group"),
        "ServiceAccessSecurityGroup": option("service_access_security_group"),
    }
    return given(
        {
            "Name": "{{ dag.dag_id }} {{ run_id }}",
            "LogUri": f"s3://{BUCKET}/logs/emr/",
            "ReleaseLabel": option("release_label", "emr-7.13.0"),
            "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
            "Instances": given(instances),
            "ServiceRole": option("service_role"),
            "JobFlowRole": option("job_flow_role"),
            "Tags": tags(),
            # A worker may die after EMR has taken the request and before Airflow has noted the cluster's id.
            # Then nobody but EMR itself can terminate that cluster.
            "AutoTerminationPolicy": {"IdleTimeout": IDLE_TIMEOUT},
        }
    )


def average_salary_step() -> dict[str, Any]:
    return {
        "Name": "average_salary",
        "ActionOnFailure": "CANCEL_AND_WAIT",
        "HadoopJarStep": {
            "Jar": "command-runner.jar",
            "Args": [
                "spark-submit",
                "--deploy-mode",
                "client",
                f"s3://{BUCKET}/spark/average_salary.py",
                "--features",
                f"s3://{BUCKET}/{{{{ params.features }}}}",
                "--salaries",
                f"s3://{BUCKET}/{{{{ params.salaries }}}}",
                "--output",
                f"s3://{BUCKET}/{{{{ params.output }}}}",
            ],
        },
    }


def pipeline(dag_id: str, *, schedule: str | None, deferrable: bool, output: str, description: str) -> DAG:
    """The pipeline as a DAG; `deferrable`: the triggerer waits for EMR, so that no worker has to."""
    job_flow_id = "{{ ti.xcom_pull(task_ids='create_cluster') }}"
    with DAG(
        dag_id,
        description=description,
        doc_md=__doc__,
        schedule=schedule,
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,  # two runs would write the same output
        params={
            "features": "data/train_features.csv",
            "salaries": "data/train_salaries.csv",
            "output": output,
        },
        # Creating and adding are not retried: a second try would be a second cluster or a second step.
        default_args={"retries": 0, "retry_delay": timedelta(seconds=POLL_INTERVAL)},
        tags=["emr", "salary"],
    ) as dag:
        begin = EmptyOperator(task_id="begin")
        create_cluster = EmrCreateJobFlowOperator(
            task_id="create_cluster",
            emr_conn_id=None,  # the request below is all of it
            job_flow_overrides=job_flow(),
        )
        add_step = EmrAddStepsOperator(
            task_id="add_step",
            job_flow_id=job_flow_id,
            steps=[average_salary_step()],
        )
        wait_for_step = EmrStepSensor(
            task_id="wait_for_step",
            job_flow_id=job_flow_id,
            step_id="{{ ti.xcom_pull(task_ids='add_step')[0] }}",
            poke_interval=POLL_INTERVAL,
            timeout=STEP_TIMEOUT,
            max_attempts=STEP_TIMEOUT // POLL_INTERVAL,  # what the timeout is to a deferred sensor
            # A lost worker is no lost step. A failed one is seen by each try, while the cluster costs money.
            retries=2,
            retry_delay=timedelta(seconds=min(POLL_INTERVAL, 5)),
            deferrable=deferrable,
        )
        terminate_cluster = EmrTerminateJobFlowOperator(
            task_id="terminate_cluster",
            job_flow_id=job_flow_id,
            waiter_delay=POLL_INTERVAL,
            retries=3,
            deferrable=deferrable,
        )
        end = EmptyOperator(task_id="end")

        begin >> create_cluster >> add_step >> wait_for_step >> terminate_cluster >> end
        # A teardown runs however the tasks before it ended, also when a person marks the run as failed …
        terminate_cluster.as_teardown(setups=create_cluster)
        # … and `end`, by which the run is judged, only when the step was completed.
        wait_for_step >> end
    return dag


salary_pipeline = pipeline(
    "salary_pipeline",
    schedule=None if SCHEDULE == "none" else SCHEDULE,
    deferrable=False,
    output="output/average_salary/",
    description="Average salaries by Spark on an EMR cluster of its own",
)

salary_pipeline_deferrable = pipeline(
    "salary_pipeline_deferrable",
    schedule=None,
    deferrable=True,
    output="output/average_salary_deferrable/",
    description="The same, waiting in the triggerer instead of in a worker",
)
