from tests.cloudformation import foundation
from windtunnel.deploy.localstack import adapted, not_made


def test_only_what_localstack_does_not_know_is_changed() -> None:
    resolved = foundation()
    changed = adapted(resolved)
    before, after = resolved.template["Resources"], changed["Resources"]
    differing = {name for name in before if before[name] != after[name]}

    assert differing == {
        *("PublicSubnet1", "PublicSubnet2", "PrivateSubnet1", "PrivateSubnet2"),
        *("NatGateway1", "NatGateway2", "Bucket", "BucketPolicy"),
    }
    assert after["PrivateSubnet1"]["Properties"]["CidrBlock"]["Fn::Select"][1][2] == "10.192.32.0/20"
    assert after["Bucket"]["DeletionPolicy"] == "Retain"
    assert {
        name for name in changed if name != "Resources" and changed[name] != resolved.template[name]
    } == set()


def test_the_template_itself_stays_as_it_is() -> None:
    resolved = foundation()
    adapted(resolved)

    assert resolved.template["Resources"]["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_what_it_pretends_to_have_made_is_counted_once() -> None:
    said = "Resource type AWS::EC2::EIP is not supported but was deployed as a fallback"
    address = {"LogicalResourceId": "A", "ResourceType": "AWS::EC2::EIP", "ResourceStatusReason": said}
    vpc = {"LogicalResourceId": "Vpc", "ResourceType": "AWS::EC2::VPC"}

    assert not_made([address, address, address | {"LogicalResourceId": "B"}, vpc]) == {"AWS::EC2::EIP": 2}
