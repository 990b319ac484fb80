"""Release labels: which there are, what they hold, what runs in their place here."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr, step
from tests.project import ROOT
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.page import PAGE, with_table
from windtunnel.emr.catalogue.releases import find_release, release_labels, runnable_labels, substitutions
from windtunnel.hadoop.distribution import lock_file
from windtunnel.hadoop.jars import HADOOP_VERSION

OF_SPARK = "emr-spark-8.0.0"


@behaviour(
    "releases",
    "ListReleaseLabels lists the newest label first, in pages of MaxResults, by Prefix and by Application.",
)
def test_labels_are_listed_newest_first_in_pages_by_prefix_and_by_application(emr: Emr) -> None:
    first = emr.client.list_release_labels(MaxResults=10)
    second = emr.client.list_release_labels(MaxResults=10, NextToken=first["NextToken"])
    assert [*first["ReleaseLabels"], *second["ReleaseLabels"]] == list(release_labels()[:20])
    by_prefix = emr.client.list_release_labels(Filters={"Prefix": "emr-7.13"})["ReleaseLabels"]
    assert by_prefix == ["emr-7.13.0"]
    with_spark = emr.client.list_release_labels(Filters={"Application": "spark@3.5.6"})["ReleaseLabels"]
    assert with_spark == ["emr-7.13.0", "emr-7.12.0", "emr-7.11.0"]
    with_hadoop = emr.client.list_release_labels(Filters={"Application": "Hadoop"})["ReleaseLabels"]
    assert "emr-6.1.0" in with_hadoop and OF_SPARK not in with_hadoop


@pytest.mark.parametrize("token", ["x", "9" * 5000])
@behaviour("releases", "A NextToken that no answer gave is an InvalidRequestException.")
def test_a_token_that_nobody_gave_is_an_invalid_request(emr: Emr, token: str) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        emr.client.list_release_labels(NextToken=token)


@behaviour("releases", "DescribeReleaseLabel tells the applications of a release and their versions.")
def test_a_label_tells_its_applications_and_an_unknown_one_is_refused(emr: Emr) -> None:
    shown = emr.client.describe_release_label(ReleaseLabel="emr-7.12.0")["Applications"]
    assert shown == [{"Name": "Hadoop", "Version": "3.4.1"}, {"Name": "Spark", "Version": "3.5.6"}]
    older = emr.client.describe_release_label(ReleaseLabel="emr-6.3.1")["Applications"]
    assert older == [{"Name": "Hadoop", "Version": "3.2.1"}, {"Name": "Spark", "Version": "3.1.1"}]
    of_spark = emr.client.describe_release_label(ReleaseLabel=OF_SPARK)["Applications"]
    assert of_spark == [{"Name": "Spark", "Version": "4.0.2"}]
    with pytest.raises(ClientError, match="supplied release label is invalid: emr-9"):
        emr.client.describe_release_label(ReleaseLabel="emr-9.9.9")


def substitutes(label: str, python: str = "") -> list[str]:
    """What runs in the place of the release's with what the catalogue has for it, or another Python."""
    release = find_release(label)
    assert release
    installed = replace(release.versions, python=python or release.versions.python)
    return substitutions(label, installed, HADOOP_VERSION)


def test_what_is_substituted_is_told_in_a_sentence() -> None:
    assert substitutes("emr-7.13.0") == []
    assert substitutes("emr-7.12.0") == [
        "emr-7.12.0 has Hadoop 3.4.1 on Amazon EMR; here Hadoop 3.4.2 runs in its place."
    ]
    assert substitutes("emr-6.3.0") == [
        "emr-6.3.0 has Hadoop 3.2.1 on Amazon EMR; here Hadoop 3.4.2 runs in its place.",
        "emr-6.3.0 has Java 8 on Amazon EMR; here Java 11 runs in its place.",
        "emr-6.3.0 has Python 3.7 on Amazon EMR; here Python 3.8 runs in its place.",
    ]
    assert substitutes(OF_SPARK) == []


def test_a_python_that_this_machine_lacks_is_told_by_what_is_installed_in_its_place() -> None:
    assert substitutes("emr-7.13.0", python="3.11") == [
        "emr-7.13.0 has Python 3.9 on Amazon EMR; here Python 3.11 runs in its place."
    ]
    assert substitutes("emr-6.12.0", python="3.9")[-1] == (
        "emr-6.12.0 has Python 3.7 on Amazon EMR; here Python 3.9 runs in its place."
    )


def test_the_controller_log_of_a_step_tells_what_is_installed_not_what_the_catalogue_has(
    emr: Emr,
) -> None:
    emr.health.installed_python = "3.11"
    cluster = emr.run(step("true"))
    emr.wait(cluster, "WAITING", ["COMPLETED"])
    [log] = emr.runtime.folder(cluster).path.glob("steps/*/controller")
    assert "emr-7.13.0 has Python 3.9 on Amazon EMR; here Python 3.11 runs in its place." in log.read_text()


def test_every_release_from_6_1_on_runs_here_and_what_it_installs_is_locked() -> None:
    numbers = [
        label.split("-")[1].split(".")
        for label in release_labels()
        if label != OF_SPARK and "beta" not in label
    ]
    expected = {
        f"emr-{'.'.join(number)}"
        for number in numbers
        if number[0] == "7" or (number[0] == "6" and number[1] != "0")
    }
    assert set(runnable_labels()) == {*expected, OF_SPARK}
    for label in runnable_labels():
        release = find_release(label)
        assert release
        assert f"pyspark=={release.spark} " in lock_file(f"spark-{release.spark}").read_text()
        assert lock_file(f"python-{release.versions.python}").is_file()
        assert release.versions.java == (11 if release.spark < "3.3" else 17)


def test_the_table_of_the_page_is_the_catalogues() -> None:
    told = (ROOT / PAGE).read_text()
    assert "\n| emr-6.3.0 | 3.1.1 |" in told
    assert told == with_table(told), f"run `python -m windtunnel.emr.catalogue.page` to write {PAGE} anew"


def test_a_label_that_cannot_be_provided_says_which_are_near(emr: Emr) -> None:
    for label in ("emr-5.36.2", "emr-6.0.0", "emr-6.0.0-beta2"):
        with pytest.raises(
            ClientError, match=r"can't provide the release .* near.* emr-6.2.0, emr-6.1.1, emr-6.1.0;"
        ):
            emr.run(ReleaseLabel=label)


def test_a_cluster_of_each_release_that_runs_here_is_accepted_and_shows_its_versions(emr: Emr) -> None:
    emr.reconciler.halt()
    for label in runnable_labels():
        cluster = emr.run(ReleaseLabel=label, Applications=[{"Name": "spark"}])
        shown = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]
        release = find_release(label)
        assert release and shown["ReleaseLabel"] == label
        assert shown["Applications"] == [{"Name": "Spark", "Version": release.spark}]


def test_a_spot_group_of_m3_xlarge_on_emr_6_3_is_accepted(emr: Emr) -> None:
    group = {"InstanceRole": "MASTER", "InstanceType": "m3.xlarge", "InstanceCount": 1, "Market": "SPOT"}
    nothing = dict.fromkeys(("MasterInstanceType", "SlaveInstanceType", "InstanceCount"))
    cluster = emr.run(ReleaseLabel="emr-6.3.0", Instances={**nothing, "InstanceGroups": [group]})
    [shown] = emr.client.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert (shown["Market"], shown["InstanceType"]) == ("SPOT", "m3.xlarge")


@behaviour("releases", "An instance type is offered from a certain release on.")
def test_an_instance_type_is_offered_by_the_releases_that_have_it() -> None:
    newer = instance_types()["g6.12xlarge"]
    assert not newer.is_offered_by("emr-7.1.0")
    assert newer.is_offered_by("emr-7.2.0") and newer.is_offered_by("emr-7.13.0")


@behaviour(
    "releases",
    "ListSupportedInstanceTypes tells type, memory, vCPUs, family and architecture, in pages with a Marker.",
)
def test_the_instance_types_of_a_release_are_listed_by_name_in_pages(emr: Emr) -> None:
    pages, marker = [], ""
    while True:
        answer = emr.client.list_supported_instance_types(ReleaseLabel="emr-7.13.0", Marker=marker)
        pages.append(answer["SupportedInstanceTypes"])
        if not (marker := answer.get("Marker", "")):
            break
    types = {one["Type"]: one for page in pages for one in page}
    assert list(types) == sorted(instance_types())
    m5 = types["m5.xlarge"]
    assert (m5["VCPU"], m5["MemoryGB"], m5["InstanceFamilyId"], m5["Architecture"]) == (4, 16, "m5", "X86_64")
    older = emr.client.list_supported_instance_types(ReleaseLabel="emr-6.3.0")["SupportedInstanceTypes"]
    assert "g6.12xlarge" not in {one["Type"] for one in older}
    of_spark = emr.client.list_supported_instance_types(ReleaseLabel=OF_SPARK)["SupportedInstanceTypes"]
    assert of_spark == pages[0]
    with pytest.raises(ClientError, match="label is invalid"):
        emr.client.list_supported_instance_types(ReleaseLabel="emr-9.9.9")
