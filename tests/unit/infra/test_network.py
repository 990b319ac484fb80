"""The network is one that MWAA and EMR take: two zones, ways out, endpoints, rules between the groups."""

import ipaddress
from typing import Any

import pytest

from tests.cloudformation import foundation
from windtunnel.deploy.template import Resolved

EMR_TAG = {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}
"""AmazonEMRServicePolicy_v2 allows EMR to use only what has it."""
MWAA_SERVICES = {"airflow.api", "airflow.env", "airflow.ops", "sqs", "logs", "monitoring", "kms"}
"""Of MWAA's page "Creating the required VPC service endpoints in an Amazon VPC with private routing"."""
EVERYTHING = {("icmp", -1, -1), ("tcp", 0, 65535), ("udp", 0, 65535)}
Rule = tuple[str, int, int]


def ways_out(network: Resolved) -> dict[str, str]:
    """By subnet, the gateway that its default route leads to; a subnet without one is left out."""
    tables = {
        one["SubnetId"]: one["RouteTableId"]
        for one in network.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    }
    routes = {
        one["RouteTableId"]: one.get("NatGatewayId") or one["GatewayId"]
        for one in network.of_type("AWS::EC2::Route").values()
        if one["DestinationCidrBlock"] == "0.0.0.0/0"
    }
    return {subnet: routes[table] for subnet, table in tables.items() if table in routes}


def services(network: Resolved, kind: str) -> set[str]:
    return {
        one["ServiceName"].removeprefix("com.amazonaws.eu-central-1.")
        for one in network.of_type("AWS::EC2::VPCEndpoint").values()
        if one["VpcEndpointType"] == kind
    }


def rules(network: Resolved, direction: str) -> dict[tuple[str, str], set[Rule]]:
    """By group and peer, a group or addresses, what is allowed."""
    peers = ("SourceSecurityGroupId", "DestinationSecurityGroupId", "CidrIp")
    found: dict[tuple[str, str], set[Rule]] = {}

    def add(group: str, one: dict[str, Any]) -> None:
        (peer,) = (one[name] for name in peers if name in one)
        rule = (str(one["IpProtocol"]), int(one.get("FromPort", -1)), int(one.get("ToPort", -1)))
        found.setdefault((group, peer), set()).add(rule)

    for name, group in network.of_type("AWS::EC2::SecurityGroup").items():
        for one in group.get(f"SecurityGroup{direction}", []):
            add(name, one)
    for one in network.of_type(f"AWS::EC2::SecurityGroup{direction}").values():
        add(one["GroupId"], one)
    return found


@pytest.mark.parametrize("vpc", ["10.192.0.0/16", "192.168.0.0/16"])
def test_the_four_subnets_lie_in_the_vpc_and_apart_a_public_and_a_private_one_in_each_zone(vpc: str) -> None:
    subnets = foundation(VpcCidr=vpc).of_type("AWS::EC2::Subnet")
    blocks = [ipaddress.ip_network(one["CidrBlock"]) for one in subnets.values()]

    assert sorted((name[:-1], one["AvailabilityZone"][-1]) for name, one in subnets.items()) == [
        ("PrivateSubnet", "a"),
        ("PrivateSubnet", "b"),
        ("PublicSubnet", "a"),
        ("PublicSubnet", "b"),
    ]
    assert all(block.subnet_of(ipaddress.ip_network(vpc)) for block in blocks)  # type: ignore[arg-type]
    assert not any(a.overlaps(b) for a in blocks for b in blocks if a is not b)
    assert not any(one["MapPublicIpOnLaunch"] for one in subnets.values())


@pytest.mark.parametrize(
    ("nats", "private"),
    [
        ("2", {"PrivateSubnet1": "NatGateway1", "PrivateSubnet2": "NatGateway2"}),
        ("1", {"PrivateSubnet1": "NatGateway1", "PrivateSubnet2": "NatGateway1"}),
        ("0", {}),
    ],
)
def test_private_subnets_go_out_by_as_many_nat_gateways_as_were_asked_for(
    nats: str, private: dict[str, str]
) -> None:
    network = foundation(NatGateways=nats, MwaaEndpoints="true")
    public = dict.fromkeys(("PublicSubnet1", "PublicSubnet2"), "InternetGateway")

    assert ways_out(network) == private | public
    gateways = network.of_type("AWS::EC2::NatGateway")
    assert len(gateways) == len(network.of_type("AWS::EC2::EIP")) == int(nats)
    assert {one["SubnetId"] for one in gateways.values()} <= public.keys()


def test_without_a_nat_gateway_mwaas_endpoints_are_demanded() -> None:
    network = foundation(NatGateways="0", MwaaEndpoints="false")
    (rule,) = network.template["Rules"].values()

    assert network.value(rule["RuleCondition"])
    assert not network.value(rule["Assertions"][0]["Assert"])
    assert not foundation(NatGateways="1").value(rule["RuleCondition"])


def test_s3_and_emr_have_endpoints_and_the_other_services_of_mwaa_when_asked_for() -> None:
    for asked, more in (("false", set()), ("true", MWAA_SERVICES)):
        network = foundation(MwaaEndpoints=asked)
        assert services(network, "Gateway") == {"s3"}
        assert services(network, "Interface") == {"elasticmapreduce"} | more


def test_endpoints_are_in_both_zones_under_the_services_own_names() -> None:
    network = foundation(MwaaEndpoints="true")
    tables = {"PrivateRoutes1", "PrivateRoutes2"}

    for one in network.of_type("AWS::EC2::VPCEndpoint").values():
        if one["VpcEndpointType"] == "Gateway":
            assert set(one["RouteTableIds"]) == tables
        else:
            assert one["SubnetIds"] == ["PrivateSubnet1", "PrivateSubnet2"]
            assert one["PrivateDnsEnabled"] is True
            assert one["SecurityGroupIds"] == ["EndpointSecurityGroup"]
    (vpc,) = network.of_type("AWS::EC2::VPC").values()
    assert vpc["EnableDnsSupport"] is vpc["EnableDnsHostnames"] is True


def test_the_rules_that_emr_expects_in_private_subnets_are_all_there_and_no_others() -> None:
    """Those of "Working with Amazon EMR-managed security groups", 7.x and 8.0, rule by rule."""
    master, core, service = (f"Emr{one}SecurityGroup" for one in ("Master", "Core", "ServiceAccess"))
    inbound = {pair: one for pair, one in rules(foundation(), "Ingress").items() if pair[0].startswith("Emr")}
    outbound = {pair: one for pair, one in rules(foundation(), "Egress").items() if pair[0].startswith("Emr")}

    assert inbound == {
        (master, master): EVERYTHING,
        (master, core): EVERYTHING,
        (master, service): {("tcp", 8443, 8443)},
        (core, core): EVERYTHING,
        (core, master): EVERYTHING,
        (core, service): {("tcp", 8443, 8443)},
        (service, master): {("tcp", 9443, 9443)},
        (service, "10.192.0.0/16"): {("tcp", 443, 443)},
    }
    assert outbound == {
        (master, "0.0.0.0/0"): {("-1", -1, -1)},
        (core, "0.0.0.0/0"): {("-1", -1, -1)},
        (service, "127.0.0.1/32"): {("-1", -1, -1)},
        (service, master): {("tcp", 8443, 8443)},
        (service, core): {("tcp", 8443, 8443)},
    }


def test_mwaa_reaches_itself_and_endpoints_are_reached_by_mwaa_and_nodes_only() -> None:
    inbound = rules(foundation(), "Ingress")

    assert inbound["MwaaSecurityGroup", "MwaaSecurityGroup"] == {("-1", -1, -1)}
    assert {peer for group, peer in inbound if group == "MwaaSecurityGroup"} == {"MwaaSecurityGroup"}
    assert {peer: one for (group, peer), one in inbound.items() if group == "EndpointSecurityGroup"} == {
        peer: {("tcp", 443, 443)}
        for peer in ("MwaaSecurityGroup", "EmrMasterSecurityGroup", "EmrCoreSecurityGroup")
    }


def test_nothing_is_open_to_the_internet() -> None:
    assert "0.0.0.0/0" not in {peer for _, peer in rules(foundation(), "Ingress")}


def test_emrs_tag_is_on_what_emr_may_use_and_on_nothing_else() -> None:
    tagged = {
        name
        for name, one in foundation(MwaaEndpoints="true").resources.items()
        if EMR_TAG in one.get("Properties", {}).get("Tags", [])
    }

    assert tagged == {
        "Vpc",
        "PrivateSubnet1",
        "PrivateSubnet2",
        "EmrMasterSecurityGroup",
        "EmrCoreSecurityGroup",
        "EmrServiceAccessSecurityGroup",
    }
