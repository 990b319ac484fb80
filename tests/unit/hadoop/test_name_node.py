from pathlib import Path

import pytest

from windtunnel.hadoop import name_node


@pytest.fixture
def image(tmp_path: Path) -> Path:
    current = tmp_path / "image" / "current"
    current.mkdir(parents=True)
    (current / "VERSION").write_text("namespaceID=7\nclusterID=CID-windtunnel\n")
    (current / "fsimage_0").write_bytes(b"image")
    return tmp_path / "image"


def test_a_placed_name_node_has_the_image_and_a_cluster_id_of_its_own(image: Path, tmp_path: Path) -> None:
    name_node.place(image, tmp_path / "name", "j-ONE")
    assert (tmp_path / "name" / "current" / "fsimage_0").read_bytes() == b"image"
    assert "clusterID=CID-j-ONE\n" in (tmp_path / "name" / "current" / "VERSION").read_text()


def test_a_name_node_that_has_run_is_left_as_it_is(image: Path, tmp_path: Path) -> None:
    name_node.place(image, tmp_path / "name", "j-ONE")
    (tmp_path / "name" / "current" / "edits").write_text("a file system")
    name_node.place(image, tmp_path / "name", "j-ONE")
    assert (tmp_path / "name" / "current" / "edits").read_text() == "a file system"


def test_what_an_interrupted_placing_left_is_replaced(image: Path, tmp_path: Path) -> None:
    (tmp_path / ".name.part" / "current").mkdir(parents=True)
    (tmp_path / ".name.part" / "stray").write_text("")
    name_node.place(image, tmp_path / "name", "j-ONE")
    assert [path.name for path in (tmp_path / "name").iterdir()] == ["current"]
    assert not (tmp_path / ".name.part").exists()
