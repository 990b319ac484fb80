"""Release labels: which there are, what they hold, what runs in their place here."""

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr
from windtunnel.emr.catalogue.instance_types import instance_types
from windtunnel.emr.catalogue.releases import release_labels, substitutions

ANOTHER_KIND = next(label for label in release_labels() if not label.removeprefix("emr-")[:1].isdigit())


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
    assert "emr-7.13.0" in with_spark and "emr-5.36.0" not in with_spark


@pytest.mark.parametrize("token", ["x", "9" * 5000])
@behaviour("releases", "A NextToken that no answer gave is an InvalidRequestException.")
def test_a_token_that_nobody_gave_is_an_invalid_request(emr: Emr, token: str) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        emr.client.list_release_labels(NextToken=token)


@behaviour("releases", "DescribeReleaseLabel tells the applications of a release and their versions.")
def test_a_label_tells_its_applications_and_an_unknown_one_is_refused(emr: Emr) -> None:
    shown = emr.client.describe_release_label(ReleaseLabel="emr-7.12.0")["Applications"]
    assert shown == [{"Name": "Hadoop", "Version": "3.4.1"}, {"Name": "Spark", "Version": "3.5.6"}]
    with pytest.raises(ClientError, match="supplied release label is invalid: emr-9"):
        emr.client.describe_release_label(ReleaseLabel="emr-9.9.9")


def test_what_is_substituted_is_told_in_a_sentence() -> None:
    assert substitutions("emr-7.13.0") == []
    assert substitutions("emr-7.12.0") == [
        "emr-7.12.0 has Hadoop 3.4.1 on Amazon EMR; here Hadoop 3.4.2 runs in its place."
    ]


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
    assert emr.client.list_supported_instance_types(ReleaseLabel=ANOTHER_KIND)["SupportedInstanceTypes"] == []
    with pytest.raises(ClientError, match="label is invalid"):
        emr.client.list_supported_instance_types(ReleaseLabel="emr-9.9.9")
