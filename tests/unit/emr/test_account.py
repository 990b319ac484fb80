"""What an account has in a region beside its clusters."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.behaviours import behaviour
from tests.emr import Emr

DOCUMENT = json.dumps({"EncryptionConfiguration": {"EnableInTransitEncryption": False}})


@behaviour("account", "A security configuration is shown as it was given, with its time of creation.")
@behaviour(
    "account",
    'A second security configuration of one name is an InvalidRequestException that says "already exists".',
    "believed",
)
@behaviour(
    "account",
    "Describing or deleting a security configuration that isn't there is an InvalidRequestException "
    'that says "does not exist".',
    "observed",
)
def test_a_security_configuration_is_kept_as_it_was_given_until_it_is_deleted(emr: Emr) -> None:
    created = emr.client.create_security_configuration(Name="mine", SecurityConfiguration=DOCUMENT)
    emr.crash()
    emr.start()
    shown = emr.client.describe_security_configuration(Name="mine")
    assert (shown["Name"], shown["SecurityConfiguration"]) == ("mine", DOCUMENT)
    assert shown["CreationDateTime"] == created["CreationDateTime"]
    with pytest.raises(ClientError, match="already exists"):
        emr.client.create_security_configuration(Name="mine", SecurityConfiguration=DOCUMENT)
    emr.client.delete_security_configuration(Name="mine")
    for ask in (emr.client.describe_security_configuration, emr.client.delete_security_configuration):
        with pytest.raises(ClientError, match=r"InvalidRequestException.*'mine' does not exist"):
            ask(Name="mine")


@pytest.mark.parametrize("document", ["", "{", "[]", "[" * 20_000])
@behaviour("account", "A security configuration must be JSON.")
def test_a_security_configuration_must_be_an_object_in_json(emr: Emr, document: str) -> None:
    with pytest.raises(ClientError, match="must be a JSON object"):
        emr.client.create_security_configuration(Name="mine", SecurityConfiguration=document)
    assert emr.client.list_security_configurations()["SecurityConfigurations"] == []


@behaviour(
    "account",
    "ListSecurityConfigurations answers 50 a call, and a Marker when there are more.",
    "believed",
)
def test_security_configurations_are_listed_in_pages_for_their_own_account(emr: Emr) -> None:
    names = [f"number {n}" for n in range(52)]
    for name in names:
        emr.client.create_security_configuration(Name=name, SecurityConfiguration=DOCUMENT)
    pages = list(emr.client.get_paginator("list_security_configurations").paginate())
    assert [len(page["SecurityConfigurations"]) for page in pages] == [50, 2]
    assert [one["Name"] for page in pages for one in page["SecurityConfigurations"]] == names[::-1]
    assert emr.client_of("eu-west-1").list_security_configurations()["SecurityConfigurations"] == []


@behaviour(
    "account",
    "Block public access is on for an account that never changed it, with port 22 as its exception.",
)
@behaviour(
    "account",
    "PutBlockPublicAccessConfiguration replaces the whole configuration, and tells by whom in its metadata.",
)
def test_block_public_access_is_amazons_default_until_it_is_changed(emr: Emr) -> None:
    ssh: Any = [{"MinRange": 22, "MaxRange": 22}]
    before = emr.client.get_block_public_access_configuration()["BlockPublicAccessConfiguration"]
    assert before == {
        "BlockPublicSecurityGroupRules": True,
        "PermittedPublicSecurityGroupRuleRanges": ssh,
    }
    changed: Any = {"BlockPublicSecurityGroupRules": False}
    emr.client.put_block_public_access_configuration(BlockPublicAccessConfiguration=changed)
    after = emr.client.get_block_public_access_configuration()
    assert after["BlockPublicAccessConfiguration"] == changed
    assert after["BlockPublicAccessConfigurationMetadata"]["CreatedByArn"] == "arn:aws:iam::000000000000:root"
    other = emr.client_of(key="111122223333").get_block_public_access_configuration()
    assert other["BlockPublicAccessConfiguration"] == before


@pytest.mark.parametrize(("first", "last"), [(9, 8), (-1, 1), (1, 65536)])
@behaviour("account", "A permitted range of ports must be one.")
def test_a_range_of_ports_that_is_none_is_refused(emr: Emr, first: int, last: int) -> None:
    ports = {"MinRange": first, "MaxRange": last}
    client: Any = emr.client_of(parameter_validation=False)
    configuration = {"BlockPublicSecurityGroupRules": True, "PermittedPublicSecurityGroupRuleRanges": [ports]}
    with pytest.raises(ClientError, match=r"(InvalidRequest|Validation)Exception"):
        client.put_block_public_access_configuration(BlockPublicAccessConfiguration=configuration)
