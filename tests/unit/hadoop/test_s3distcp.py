"""s3-dist-cp's flags and rules; what it does to files is in tests/integration/hadoop/test_steps.py."""

import re
from collections.abc import Mapping, Sequence

import pytest

from tests.behaviours import behaviour
from windtunnel.hadoop.s3distcp.options import MIB, parse
from windtunnel.hadoop.s3distcp.plan import CannotCopyError, Output, Source, choose, plan

PLACES = ("--src", "s3://b/in", "--dest", "hdfs:///out")


def groups(pattern: str, text: str) -> Sequence[str] | None:
    match = re.fullmatch(pattern, text)
    return match.groups() if match else None


def sources(*names: str, size: int = 1) -> list[Source]:
    return [Source(f"s3://b/in/{name}", name, size) for name in names]


def planned(files: list[Source], *flags: str, there: Mapping[str, int] | None = None) -> dict[str, list[str]]:
    outputs = whole_plan(files, *flags, there=there)
    assert len({one.name for one in outputs}) == len(outputs)
    return {one.name: [source.name for source in one.sources] for one in outputs}


def whole_plan(files: list[Source], *flags: str, there: Mapping[str, int] | None = None) -> list[Output]:
    options = parse((*PLACES, *flags))
    return plan(choose(files, options, groups), options, groups, (there or {}).get)


def refused(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    with pytest.raises(SystemExit) as ended:
        parse(flags)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_files_keep_their_names_below_src() -> None:
    assert planned(sources("a", "b/c.gz")) == {"a": ["a"], "b/c.gz": ["b/c.gz"]}


def test_src_pattern_matches_whole_addresses() -> None:
    assert planned(sources("a.txt", "b.log"), "--srcPattern", r".*\.log") == {"b.log": ["b.log"]}
    assert planned(sources("a.txt"), "--srcPattern", r"a\.txt") == {}


@behaviour(
    "steps", "s3-dist-cp --groupBy joins the files with equal groups into one that is named by the groups."
)
def test_files_with_equal_groups_become_one_that_is_named_by_them_where_the_first_one_was() -> None:
    files = sources("x/1-a.txt", "x/2-a.txt", "y/1-a.txt", "y/1-b.txt", "z")
    assert planned(files, "--groupBy", r".*/\d-(\w)(\.txt)") == {
        "x/a.txt": ["x/1-a.txt", "x/2-a.txt", "y/1-a.txt"],
        "y/b.txt": ["y/1-b.txt"],
    }


def test_of_a_group_with_slashes_or_colons_the_last_part_is_the_name() -> None:
    assert list(planned(sources("d/f"), "--groupBy", r".*(in/d)/.")) == ["d/d"]
    assert list(planned(sources("p:q-f"), "--groupBy", r".*/(p:q)-f")) == ["q"]


@behaviour("steps", "s3-dist-cp --targetSize begins another file when a group has reached this many MiB.")
def test_a_group_that_reaches_the_target_size_goes_on_in_another_file() -> None:
    files = sources("a1", "a2", "a3", size=MIB)
    flags = ("--groupBy", r".*(a)\d", "--targetSize", "2")
    assert planned(files, *flags) == {"a": ["a1", "a2"], "a1": ["a3"]}


@behaviour(
    "steps", "A group of s3-dist-cp takes the next free number where a file of its name is there.", "observed"
)
def test_a_group_does_not_overwrite_what_is_there() -> None:
    assert planned(sources("a1"), "--groupBy", r".*(a)\d", there={"a": 1, "a1": 1}) == {"a2": ["a1"]}


def test_append_to_last_file_goes_on_in_the_last_one_while_it_is_small() -> None:
    flags = ("--groupBy", r".*(a)\d", "--targetSize", "2", "--appendToLastFile")
    there = {"a": 5 * MIB, "a1": 1}
    assert whole_plan(sources("a1"), *flags, there=there) == [Output("a1", tuple(sources("a1")), append=True)]
    full = {"a": 5 * MIB}
    assert whole_plan(sources("a1"), *flags, there=full) == [Output("a1", tuple(sources("a1")))]


def test_without_groups_append_to_last_file_appends_to_the_file_of_the_same_name() -> None:
    outputs = whole_plan(sources("a", "b"), "--appendToLastFile", there={"a": 1})
    assert [(one.name, one.append) for one in outputs] == [("a", True), ("b", False)]


@behaviour(
    "steps",
    "s3-dist-cp --outputCodec gives each file the codec and its ending; none decompresses, keep changes nothing.",
    "observed",
)
@pytest.mark.parametrize(
    ("codec", "names"),
    [
        ("keep", ["a.txt", "b.gz", "c.snappy"]),
        ("none", ["a.txt", "b", "c"]),
        ("gz", ["a.txt.gz", "b.gz", "c.gz"]),
        ("GZIP", ["a.txt.gzip", "b.gzip", "c.gzip"]),
        ("snappy", ["a.txt.snappy", "b.snappy", "c.snappy"]),
    ],
)
def test_the_codec_of_an_output_is_the_end_of_its_name(codec: str, names: list[str]) -> None:
    assert list(planned(sources("a.txt", "b.gz", "c.snappy"), "--outputCodec", codec)) == names


@behaviour(
    "steps",
    "A group of s3-dist-cp whose files have different codecs fails unless --outputCodec is given.",
    "observed",
)
def test_a_group_keeps_its_files_codec_and_cannot_keep_two() -> None:
    assert list(planned(sources("a1.gz", "a2.gz"), "--groupBy", r".*(a)\d\.gz")) == ["a.gz"]
    with pytest.raises(CannotCopyError, match="different compression schemes"):
        planned(sources("a1.gz", "a2.txt"), "--groupBy", r".*(a)\d\..*")


@behaviour("steps", "s3-dist-cp --numberFiles puts a number before each name, from --startingIndex on.")
def test_output_files_are_numbered_from_the_starting_index() -> None:
    assert list(planned(sources("d/a", "d/b"), "--numberFiles")) == ["d/0a", "d/1b"]
    assert list(planned(sources("a"), "--numberFiles", "--startingIndex=5")) == ["5a"]


def test_a_plain_copy_is_distcps_and_no_other_one_is() -> None:
    plain = ("--deleteOnSuccess", "--outputManifest=m.gz", "--storageClass=STANDARD_IA")
    assert parse((*PLACES, *plain)).is_plain
    for flags in (
        ("--srcPattern", "."),
        ("--srcPrefixesFile", "/p"),
        ("--groupBy", "(.)"),
        ("--outputCodec", "none"),
        ("--numberFiles",),
        ("--previousManifest", "/m"),
        ("--appendToLastFile",),
    ):
        assert not parse((*PLACES, *flags)).is_plain


def test_what_concerns_s3_is_hadoops_configuration() -> None:
    flags = ("--s3ServerSideEncryption", "--storageClass=STANDARD_IA", "--multipartUploadChunkSize=7")
    assert parse((*PLACES, *flags, "--disableMultipartUpload", "-Da.b=c=d")).properties == {
        "fs.s3a.encryption.algorithm": "AES256",
        "fs.s3a.create.storage.class": "standard_ia",
        "fs.s3a.multipart.size": "7M",
        "fs.s3a.multipart.threshold": "7M",
        "fs.s3a.multipart.uploads.enabled": "false",
        "a.b": "c=d",
    }


def test_amazons_endpoints_are_the_stacks_and_any_other_is_itself() -> None:
    for endpoint in ("s3.amazonaws.com", "s3-eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com/"):
        assert parse((*PLACES, "--s3Endpoint", endpoint)).properties == {}
    other = "http://127.0.0.1:9000"
    assert parse((*PLACES, "--s3Endpoint", other)).properties == {"fs.s3a.endpoint": other}


def test_flags_take_true_and_false_too() -> None:
    options = parse((*PLACES, "--deleteOnSuccess=false", "--requirePreviousManifest=false"))
    assert (options.delete_on_success, options.require_previous_manifest) == (False, False)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--src", "s3://b/in"), "--dest"),
        ((*PLACES, "--groupBy", "x"), "at least one group"),
        ((*PLACES, "--targetSize", "5"), "give --groupBy too"),
        ((*PLACES, "--groupBy", "(x)", "--targetSize", "1.5"), "not a number of MiB"),
        ((*PLACES, "--outputCodec", "lzo"), "no LZO codec here"),
        ((*PLACES, "--outputCodec", "zip"), "none of gzip, gz, snappy, none, keep"),
        (("--src", "/a", "--dest", "s3://b", "--appendToLastFile"), "can't be appended to"),
        ((*PLACES, "--copyFromManifest"), "needs --previousManifest"),
        ((*PLACES, "--outputManifest", "s3://b/m.gz"), "is the name of a file"),
        ((*PLACES, "--multipartUploadChunkSize", "4"), "parts of 5 MiB and more"),
        ((*PLACES, "--storageClass", "cold storage"), "not a storage class"),
        ((*PLACES, "--deleteOnSuccess=maybe"), "neither true nor false"),
        ((*PLACES, "--noSuchFlag"), "unrecognized arguments: --noSuchFlag"),
    ],
)
def test_what_cannot_be_executed_is_refused_with_a_sentence(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(capsys, *flags)
