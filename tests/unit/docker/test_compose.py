"""What docker/compose.yaml asks of Docker, as Docker Compose's own client understands it."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.compose import Service, config, docker_settings, given, needs_compose, services
from tests.project import ROOT
from windtunnel.stack.docker.compose import CACHE_VOLUME, FILE, PARTS, Compose
from windtunnel.stack.docker.services import compose_services
from windtunnel.stack.environment import Principal
from windtunnel.stack.localstack import RECORDER
from windtunnel.stack.native import EMR_STOP_SECONDS
from windtunnel.stack.settings import Settings

pytestmark = needs_compose

CAPABILITIES = {
    # It writes below folders of its image that are another user's.
    "localstack": {"DAC_OVERRIDE"},
    # It begins as root, makes its folder its user's, and becomes that user.
    "postgres": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
}
"""All that is given to anyone."""
LASTS = {
    "postgres": {"postgres": "/var/lib/postgresql/data"},
    "emr": {"emr": "/var/lib/windtunnel", "cache": "/var/cache/windtunnel"},
    **{
        name: {"airflow-logs": "/usr/local/airflow/logs"}
        for name in ("airflow-migrate-db", "airflow-webserver", "airflow-scheduler", "airflow-worker")
    },
}
"""The named volumes of each service, and where it has them: what outlives a container."""
AFTER_THE_TABLES = {
    "airflow-migrate-db": "service_completed_successfully",
    "postgres": "service_healthy",
}
WAITS = {
    "localstack": {},
    "postgres": {},
    "emr": {"localstack": "service_healthy"},
    "airflow-migrate-db": {"postgres": "service_healthy"},
    "airflow-webserver": AFTER_THE_TABLES,
    "airflow-scheduler": AFTER_THE_TABLES,
    "airflow-queue": {"localstack": "service_healthy"},
    "airflow-worker": AFTER_THE_TABLES,
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIALS|KEY", re.IGNORECASE)
KNOWN_TO_ALL = {
    # LocalStack's and EMR's key, which is no secret: whatever is given is taken.
    "AWS_SECRET_ACCESS_KEY": "test",
    # Of a database that is published nowhere.
    "POSTGRES_PASSWORD": "airflow",
    "MWAA__DB__CREDENTIALS": """'{"username": "airflow", "password": "airflow"}'""",
}
PRINCIPALS = {"emr": Principal.EMR, "airflow-queue": Principal.PERSON}
"""The access keys of what is no part of Airflow and calls AWS. (On AWS it is MWAA that makes the queue.)"""


@pytest.fixture(params=["LocalExecutor", "CeleryExecutor"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return docker_settings(tmp_path / "state", airflow_executor=request.param)


@pytest.fixture
def found(settings: Settings) -> dict[str, Service]:
    return services(settings)


def is_airflow(name: str) -> bool:
    """Whether it runs Airflow: Celery's queue is made by the AWS CLI, which EMR's image has."""
    return name.startswith("airflow-") and name != "airflow-queue"


def seconds(text: str) -> float:
    """`1m40s`, as Compose writes a duration."""
    unit = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(number) * unit[name] for number, name in re.findall(r"([\d.]+)(ms|h|m|s)", text))


def test_the_services_are_those_that_a_start_waits_for(settings: Settings, found: dict[str, Service]) -> None:
    assert set(found) == {one.name for one in compose_services(settings)}


def test_a_start_names_each_service_after_all_that_it_waits_for(
    settings: Settings, found: dict[str, Service]
) -> None:
    order = [one.name for one in compose_services(settings)]
    for name, service in found.items():
        for other in service.get("depends_on", {}).keys() & found.keys():
            assert order.index(other) < order.index(name), f"{name} waits for {other}"


def test_each_service_waits_for_what_it_needs_to_be_healthy_or_done(found: dict[str, Service]) -> None:
    waits = {
        name: {
            other: how["condition"] for other, how in service.get("depends_on", {}).items() if other in found
        }
        for name, service in found.items()
    }
    queue = {"airflow-queue": "service_completed_successfully"} if "airflow-queue" in found else {}
    wanted = {name: WAITS[name] | (queue if WAITS[name] is AFTER_THE_TABLES else {}) for name in found}
    assert waits == wanted


def test_nobody_is_privileged_or_reaches_docker_or_the_hosts_own_namespaces(
    found: dict[str, Service],
) -> None:
    for name, service in found.items():
        assert not service.get("privileged"), name
        for key in ("pid", "ipc", "uts", "network_mode", "userns_mode", "cgroup", "cgroup_parent"):
            assert key not in service, f"{name} has {key}"
        for key in ("devices", "device_cgroup_rules", "volumes_from", "group_add", "use_api_socket"):
            assert not service.get(key), f"{name} has {key}"
        sources = [volume.get("source", "") for volume in service.get("volumes", [])]
        assert not [source for source in sources if "docker.sock" in source or source == "/"], name


def test_everyone_has_an_init_that_reaps_and_hands_on_signals(found: dict[str, Service]) -> None:
    assert {name for name, service in found.items() if service.get("init") is True} == set(found)


def test_nobody_has_a_capability_or_gains_one_but_those_of_the_table(found: dict[str, Service]) -> None:
    for name, service in found.items():
        assert service["cap_drop"] == ["ALL"], name
        assert set(service.get("cap_add", [])) == CAPABILITIES.get(name, set()), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not [one for one in service["security_opt"] if "unconfined" in one], name


def test_what_has_to_last_is_in_named_volumes_and_the_projects_files_are_only_read(
    found: dict[str, Service],
) -> None:
    for name, service in found.items():
        volumes = service.get("volumes", [])
        named = {one["source"]: one["target"] for one in volumes if one["type"] == "volume"}
        assert named == LASTS.get(name, {}), name
        bound = [one for one in volumes if one["type"] == "bind"]
        assert not [one["target"] for one in bound if not one.get("read_only")], name
    assert {one["type"] for service in found.values() for one in service.get("volumes", [])} == {
        "bind",
        "volume",
    }


def test_volumes_are_the_projects_own_but_for_the_downloads_which_down_never_removes(
    settings: Settings,
) -> None:
    told = config(settings)
    volumes = told["volumes"]
    assert volumes.pop("cache") == {"name": CACHE_VOLUME, "external": True}
    assert set(volumes) == {"postgres", "emr", "airflow-logs"}
    assert all(one["name"].startswith(f"{told['name']}_") for one in volumes.values())


def test_whoever_stays_has_a_health_check_and_the_migration_ends(
    settings: Settings, found: dict[str, Service]
) -> None:
    stay = {one.name for one in compose_services(settings) if not one.ends}
    assert {name for name, service in found.items() if "healthcheck" in service} == stay
    for name in stay:
        assert seconds(found[name]["healthcheck"]["start_interval"]) <= 1, f"{name} is asked too seldom"


def test_a_container_is_not_called_unhealthy_while_a_start_still_waits_for_it(
    found: dict[str, Service],
) -> None:
    # A check that hangs at the start is not to be one of the three that count.
    for name, service in found.items():
        check = service.get("healthcheck")
        assert not check or seconds(check["start_period"]) >= 60, name


def test_only_what_may_be_started_again_is(found: dict[str, Service]) -> None:
    once = {name for name, service in found.items() if service["restart"] == "no"}
    assert once == {"localstack", "airflow-migrate-db"}
    assert {service["restart"] for service in found.values()} == {"no", "on-failure"}


def test_emr_has_the_time_to_end_its_clusters(found: dict[str, Service]) -> None:
    assert seconds(found["emr"]["stop_grace_period"]) > EMR_STOP_SECONDS


def test_logs_are_rotated(found: dict[str, Service]) -> None:
    for name, service in found.items():
        assert service["logging"]["driver"] == "json-file", name
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name


def test_every_container_says_whose_it_is(settings: Settings, found: dict[str, Service]) -> None:
    assert {service["labels"]["windtunnel.home"] for service in found.values()} == {str(settings.home)}


def test_our_images_are_exactly_those_that_are_built(settings: Settings, found: dict[str, Service]) -> None:
    built = {service["image"] for service in found.values() if "build" in service}
    assert built == set(Compose(settings).images())
    # One image, made once, is all of Airflow's.
    airflow = {service["image"] for name, service in found.items() if is_airflow(name)}
    assert len(airflow) == 1
    assert airflow < built


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104
def test_every_port_is_published_where_the_settings_say_and_nowhere_else(tmp_path: Path, host: str) -> None:
    ports: dict[str, Any] = {"localstack_port": 5566, "emr_port": 5570, "airflow_port": 9090}
    settings = docker_settings(tmp_path, host=host, emr_web_ports="5580-5582", **ports)
    found = services(settings)
    published = {
        (name, one["published"], one["target"], one["host_ip"])
        for name, service in found.items()
        for one in service.get("ports", [])
    }
    assert published == {
        ("localstack", "5566", 4566, host),
        ("emr", "5570", 4570, host),
        *(("emr", str(port), port, host) for port in (5580, 5581, 5582)),
        ("airflow-webserver", "9090", 8080, host),
    }


def test_no_secret_is_written_in_the_file(settings: Settings) -> None:
    text = (ROOT / FILE).read_text()
    written = dict(re.findall(r"^\s+([A-Z][A-Z0-9_]*): +(.+)$", text, re.MULTILINE))
    names = {"AWS_ACCESS_KEY_ID"}
    secrets = {name: value for name, value in written.items() if SECRET.search(name) and name not in names}
    assert {n: v for n, v in secrets.items() if not v.startswith("${")} == KNOWN_TO_ALL
    assert {value for value in secrets.values() if value.startswith("${")} == {
        "${WINDTUNNEL_FERNET_SECRET:-}",
        "${WINDTUNNEL_WEBSERVER_SECRET:-}",
    }


def test_each_container_signs_with_the_key_of_its_principal(found: dict[str, Service]) -> None:
    keys = {name: given(one).get("AWS_ACCESS_KEY_ID") for name, one in found.items()}
    airflow = {name: Principal.AIRFLOW for name in found if is_airflow(name)}
    assert {name: key for name, key in keys.items() if key} == airflow | {
        name: key for name, key in PRINCIPALS.items() if name in found
    }


def test_localstack_finds_what_records_calls_where_the_native_one_does(found: dict[str, Service]) -> None:
    bound = {one["target"]: one["source"] for one in found["localstack"]["volumes"] if one["type"] == "bind"}
    for place, file in RECORDER.items():
        assert bound[f"/etc/localstack/init/{place}"] == str(file)
        assert file.is_file()


def test_the_keys_of_airflow_reach_only_airflow(settings: Settings, found: dict[str, Service]) -> None:
    variables = Compose(settings).variables()
    keys = {variables["WINDTUNNEL_FERNET_SECRET"], variables["WINDTUNNEL_WEBSERVER_SECRET"]}
    has = {name for name, one in found.items() if keys & {*one["environment"].values()}}
    assert has == {name for name in found if is_airflow(name)}


def test_nothing_of_the_callers_aws_account_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = docker_settings(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.setenv(name, "of-the-account")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-9")
    assert not {n for n, v in Compose(settings).environment().items() if v == "of-the-account"}
    for name, service in services(settings).items():
        assert not {"of-the-account", "eu-west-9"} & {*service["environment"].values()}, name


def test_every_variable_of_the_file_is_one_that_is_filled_in_or_has_a_default(settings: Settings) -> None:
    lines = (ROOT / FILE).read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    filled = Compose(settings).variables()
    bare = {name for name, rest in re.findall(r"\$\{(\w+)(:-)?", text) if not rest}
    assert bare <= set(filled)
    named = {name for name, _ in re.findall(r"\$\{(\w+)(:-)?", text)}
    unknown = named - set(filled) - {"AIRFLOW_IMAGE", "NO_PROXY", "no_proxy"}
    assert not unknown, "nobody fills these in"


def test_what_docker_names_in_the_project_is_there() -> None:
    named = re.findall(r"(?:- |:-)\.\./([\w./-]+?)[:}]", (ROOT / FILE).read_text())
    # Ours has every part that a project may have.
    recorder = {str(file.relative_to(ROOT)) for file in RECORDER.values()}
    assert set(named) - {".windtunnel/docker/options.env"} == {*PARTS, "windtunnel.toml", *recorder}
    named.remove(".windtunnel/docker/options.env")
    assert not [name for name in named if not (ROOT / name).exists()]
    assert os.access(ROOT / "docker" / "emr" / "serve.sh", os.X_OK)


def test_the_document_tells_the_same_capabilities() -> None:
    text = (ROOT / "docs" / "docker.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `([A-Z_ ]+)` \|", text, re.MULTILINE)
    assert {name: set(capabilities.split()) for name, capabilities in rows} == CAPABILITIES
