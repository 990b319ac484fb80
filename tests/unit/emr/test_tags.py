"""Tags of clusters."""

from tests.behaviours import behaviour
from tests.emr import Emr


@behaviour("tags", "AddTags to a key that is there changes its value.", "believed")
@behaviour("tags", "A tag's value is optional; it is then empty.")
@behaviour("tags", "RemoveTags passes over keys that the cluster doesn't have.", "believed")
def test_tags_are_added_changed_and_removed(emr: Emr) -> None:
    cluster = emr.run(Tags=[{"Key": "a", "Value": "1"}])
    emr.client.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    emr.client.add_tags(ResourceId=cluster, Tags=[{"Key": "c", "Value": "3"}])
    emr.client.remove_tags(ResourceId=cluster, TagKeys=["c", "never"])
    shown = emr.client.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    assert shown == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
