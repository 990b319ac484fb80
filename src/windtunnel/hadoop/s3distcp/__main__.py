"""The program: `python -m windtunnel.hadoop.s3distcp`, which the launcher `s3-dist-cp` runs."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from windtunnel.hadoop.s3distcp.files import Files, hadoop
from windtunnel.hadoop.s3distcp.options import Options, parse
from windtunnel.hadoop.s3distcp.plan import CannotCopyError, Output, Source, choose, plan

THREADS = 5


def main(arguments: Sequence[str]) -> int:
    """Copy what the command line asks for; the program's exit code."""
    options = parse(arguments)
    with hadoop(options.properties) as files:
        try:
            _copy(files, options)
        except (CannotCopyError, OSError) as error:
            print(f"s3-dist-cp: {error}", file=sys.stderr)
            return 1
    return 0


def _copy(files: Files, options: Options) -> None:
    listed = files.previous(options)
    known = {} if options.copy_from_manifest else listed
    found = list(listed.values()) if options.copy_from_manifest else files.sources(options)
    wanted = choose((one for one in found if one.path not in known), options, files.groups)
    if not wanted and not known:
        raise CannotCopyError(f"There is no file to copy at {options.src}.")
    if options.is_plain and files.is_directory(options.src):
        files.distcp(options.src, options.dest)
    else:
        outputs = plan(wanted, options, files.groups, lambda name: files.size(f"{options.dest}/{name}"))
        _write(files, options.dest, outputs)
    if options.output_manifest:
        files.write_manifest(options, (*known.values(), *wanted))
    if options.delete_on_success:
        for source in wanted:
            files.delete(source.path)
    print(
        f"s3-dist-cp: copied {len(wanted)} files, {_bytes(wanted)} bytes, to {options.dest}", file=sys.stderr
    )


def _write(files: Files, dest: str, outputs: Sequence[Output]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda output: files.write(f"{dest}/{output.name}", output), outputs))


def _bytes(sources: Sequence[Source]) -> int:
    return sum(source.size for source in sources)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
