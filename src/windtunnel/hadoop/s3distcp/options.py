"""The command line of s3-dist-cp: each flag of AWS's page, executed or refused."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CODECS = ("gzip", "gz", "snappy")
SMALLEST_PART_MIB = 5  # S3's own limit
MIB = 1 << 20


@dataclass(frozen=True)
class Options:
    """What was asked for; sizes are in bytes."""

    src: str
    dest: str
    src_pattern: str | None = None
    src_prefixes_file: str | None = None
    group_by: str | None = None
    target_size: int | None = None
    append_to_last_file: bool = False
    output_codec: str = "keep"
    number_files: bool = False
    starting_index: int = 0
    delete_on_success: bool = False
    output_manifest: str | None = None
    previous_manifest: str | None = None
    require_previous_manifest: bool = True
    copy_from_manifest: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    """Of Hadoop's configuration."""

    @property
    def is_plain(self) -> bool:
        """Whether every file below src is copied as it is, to the same name below dest: what distcp does."""
        return self.output_codec == "keep" and not (
            self.src_pattern
            or self.src_prefixes_file
            or self.group_by
            or self.append_to_last_file
            or self.number_files
            or self.previous_manifest
        )


def parse(arguments: Sequence[str]) -> Options:
    """The options of a command line; ends the program with code 2 and a sentence when they can't be executed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.groupBy is not None and not re.search(r"\(.*\)", given.groupBy):
        parser.error("--groupBy needs at least one group: put what names the output file into ( ).")
    if given.targetSize is not None and given.groupBy is None:
        parser.error("--targetSize is the size of the files that --groupBy makes: give --groupBy too.")
    if given.appendToLastFile and _is_s3(given.dest):
        parser.error("--appendToLastFile needs a --dest in HDFS: an object of S3 can't be appended to.")
    if given.copyFromManifest and not given.previousManifest:
        parser.error("--copyFromManifest needs --previousManifest: the list of the files to copy.")
    if given.outputManifest and "/" in given.outputManifest:
        parser.error("--outputManifest is the name of a file, which is put into --dest.")
    return Options(
        src=given.src,
        dest=given.dest,
        src_pattern=given.srcPattern,
        src_prefixes_file=given.srcPrefixesFile,
        group_by=given.groupBy,
        target_size=given.targetSize * MIB if given.targetSize else None,
        append_to_last_file=given.appendToLastFile,
        output_codec=given.outputCodec,
        number_files=given.numberFiles,
        starting_index=given.startingIndex,
        delete_on_success=given.deleteOnSuccess,
        output_manifest=given.outputManifest,
        previous_manifest=given.previousManifest,
        require_previous_manifest=given.requirePreviousManifest,
        copy_from_manifest=given.copyFromManifest,
        properties=_properties(given),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="s3-dist-cp", allow_abbrev=False)
    add = parser.add_argument
    add("--src", required=True, help="directory (or S3 prefix, or file) to copy from")
    add("--dest", required=True, help="directory to copy to")
    add("--srcPattern", help="regular expression that the whole path of a file must match")
    add("--srcPrefixesFile", help="file with the directories to copy, one a line, all below --src")
    add("--groupBy", help="regular expression: files with equal groups become one file, named by the groups")
    add("--targetSize", type=_natural, help="MiB at which --groupBy begins another file")
    _flag(parser, "--appendToLastFile", "append to files of HDFS that are there already")
    add("--outputCodec", type=_codec, default="keep", help="gzip, gz, snappy, none or keep")
    _flag(parser, "--numberFiles", "put a number before each output file's name")
    add("--startingIndex", type=int, default=0, help="the first of these numbers")
    _flag(parser, "--deleteOnSuccess", "delete the files that were copied")
    add("--outputManifest", help="name of a gzipped list of the files copied, written to --dest")
    add("--previousManifest", help="such a list: its files are not copied again")
    _flag(parser, "--requirePreviousManifest", "fail when that list is not there", default=True)
    _flag(parser, "--copyFromManifest", "copy exactly the files of --previousManifest")
    add("--s3Endpoint", help="S3 to talk to; Amazon's own names mean the stack's")
    _flag(parser, "--s3ServerSideEncryption", "encrypt the objects written, by SSE-S3")
    add("--storageClass", type=_storage_class, help="storage class of the objects written")
    add("--multipartUploadChunkSize", type=_part_size, help="MiB of a part of an upload")
    _flag(parser, "--disableMultipartUpload", "upload each object in one request")
    add("-D", dest="define", action="append", default=[], metavar="NAME=VALUE", help="a property of Hadoop")
    return parser


def _flag(parser: argparse.ArgumentParser, name: str, text: str, *, default: bool = False) -> None:
    parser.add_argument(name, nargs="?", const=True, default=default, type=_boolean, help=text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")
    return text.lower() == "true"


def _natural(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of MiB")
    return int(text)


def _part_size(text: str) -> int:
    if _natural(text) < SMALLEST_PART_MIB:
        raise argparse.ArgumentTypeError(f"S3 takes parts of {SMALLEST_PART_MIB} MiB and more")
    return int(text)


def _codec(text: str) -> str:
    codec = text.lower()
    if codec in ("lzo", "lzop"):
        raise argparse.ArgumentTypeError(
            "Hadoop has no LZO codec here (its licence is another): use gz or snappy"
        )
    if codec not in (*CODECS, "none", "keep"):
        raise argparse.ArgumentTypeError(f"'{text}' is none of gzip, gz, snappy, none, keep")
    return codec


def _storage_class(text: str) -> str:
    if not re.fullmatch(r"[A-Z_]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a storage class such as STANDARD_IA")
    return text


def _is_s3(address: str) -> bool:
    return re.match(r"s3[an]?://", address) is not None


def _properties(given: argparse.Namespace) -> dict[str, str]:
    properties = dict(one.partition("=")[::2] for one in given.define)
    if given.s3Endpoint and not re.search(r"(^|[/.])s3[\w.-]*\.amazonaws\.com(\.cn)?/?$", given.s3Endpoint):
        properties["fs.s3a.endpoint"] = given.s3Endpoint
    if given.s3ServerSideEncryption:
        properties["fs.s3a.encryption.algorithm"] = "AES256"
    if given.storageClass:
        properties["fs.s3a.create.storage.class"] = given.storageClass.lower()
    if given.multipartUploadChunkSize:
        size = f"{given.multipartUploadChunkSize}M"
        properties |= {"fs.s3a.multipart.size": size, "fs.s3a.multipart.threshold": size}
    if given.disableMultipartUpload:
        properties["fs.s3a.multipart.uploads.enabled"] = "false"
    return properties
