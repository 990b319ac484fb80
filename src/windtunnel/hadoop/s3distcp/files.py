"""Hadoop's file systems, in a JVM of their own that py4j talks to: bytes are copied there, not here."""

import gzip
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from windtunnel.hadoop.s3distcp.options import Options
from windtunnel.hadoop.s3distcp.plan import CannotCopyError, Output, Source, codec_of

COMPRESS = "org.apache.hadoop.io.compress"
CODEC_CLASSES = {"gz": "GzipCodec", "gzip": "GzipCodec", "snappy": "SnappyCodec"}


class Files:
    """What s3-dist-cp does with file systems. Every method raises CannotCopyError with Hadoop's own words."""

    def __init__(self, gateway: Any, configuration: Any, java_error: type[Exception]) -> None:
        self._gateway = gateway
        self._jvm = gateway.jvm
        self._hadoop = gateway.jvm.org.apache.hadoop
        self._configuration = configuration
        self._java_error = java_error

    def groups(self, pattern: str, text: str) -> Sequence[str] | None:
        """The groups of `text`, if Java's regular expression matches all of it."""
        with self._in_java():
            matcher = self._jvm.java.util.regex.Pattern.compile(pattern).matcher(text)
            return [matcher.group(n + 1) for n in range(matcher.groupCount())] if matcher.matches() else None

    def sources(self, options: Options) -> list[Source]:
        """Every file below src, or below the directories that --srcPrefixesFile lists, by its path."""
        roots = [options.src]
        if options.src_prefixes_file:
            lines = self._read(options.src_prefixes_file).decode().splitlines()
            roots = [line.strip() for line in lines if line.strip()]
        found = {one.path: one for root in roots for one in self._listed(root, options.src)}
        return [found[path] for path in sorted(found)]

    def _listed(self, root: str, src: str) -> Iterator[Source]:
        with self._in_java():
            path, system = self._at(root)
            base = self._at(src)[0].makeQualified(system.getUri(), system.getWorkingDirectory()).toString()
            files = system.listFiles(path, True)
            while files.hasNext():
                status = files.next()
                found = status.getPath().toString()
                if found != base and not found.startswith(f"{base.rstrip('/')}/"):
                    raise CannotCopyError(f"{found} of --srcPrefixesFile is not below {src}.")
                name = found.removeprefix(base).lstrip("/") or status.getPath().getName()
                yield Source(found, name, status.getLen())

    def is_directory(self, address: str) -> bool:
        with self._in_java():
            path, system = self._at(address)
            return bool(system.getFileStatus(path).isDirectory())

    def size(self, address: str) -> int | None:
        """Bytes of a file; None where there is none."""
        with self._in_java():
            path, system = self._at(address)
            return int(system.getFileStatus(path).getLen()) if system.exists(path) else None

    def delete(self, address: str) -> None:
        with self._in_java():
            path, system = self._at(address)
            system.delete(path, False)

    def distcp(self, src: str, dest: str) -> None:
        """Copy all below `src` by a MapReduce job, Hadoop's own distcp."""
        with self._in_java():
            program = self._hadoop.tools.DistCp(self._configuration, None)
            # As many tasks as may run at once: one more would only be one more JVM.
            tasks = self._configuration.get("mapreduce.job.running.map.limit") or "20"
            command = ("-overwrite", "-direct", "-m", tasks, src, dest)
            arguments = self._gateway.new_array(self._jvm.java.lang.String, len(command))
            for place, argument in enumerate(command):
                arguments[place] = argument
            code = program.run(arguments)
        if code:
            raise CannotCopyError(f"distcp from {src} to {dest} ended with code {code}.")

    def write(self, address: str, output: Output) -> None:
        """Write one file of its sources; what has another codec is decompressed and compressed anew."""
        codec = codec_of(output.name)
        raw = all(codec_of(source.name) == codec for source in output.sources)
        with self._in_java():
            path, system = self._at(address)
            stream = system.append(path) if output.append else system.create(path, True)
            try:
                if codec and not raw:
                    stream = self._codec(codec).createOutputStream(stream)
                for source in output.sources:
                    self._copy_one(source, stream, decode=not raw)
            finally:
                stream.close()

    def _copy_one(self, source: Source, stream: Any, *, decode: bool) -> None:
        path, system = self._at(source.path)
        inner = system.open(path)
        try:
            codec = codec_of(source.name)
            data = self._codec(codec).createInputStream(inner) if codec and decode else inner
            self._hadoop.io.IOUtils.copyBytes(data, stream, self._configuration, False)
        finally:
            inner.close()

    def _codec(self, name: str) -> Any:
        kind = self._jvm.java.lang.Class.forName(f"{COMPRESS}.{CODEC_CLASSES[name]}")
        return self._hadoop.util.ReflectionUtils.newInstance(kind, self._configuration)

    def previous(self, options: Options) -> dict[str, Source]:
        """The files of --previousManifest by their path; none where it need not be there."""
        address = options.previous_manifest
        if address is None:
            return {}
        if self.size(address) is None:
            if options.require_previous_manifest:
                raise CannotCopyError(
                    f"The previous manifest {address} does not exist; --requirePreviousManifest=false does without."
                )
            return {}
        entries = map(json.loads, gzip.decompress(self._read(address)).decode().splitlines())
        return {one["path"]: Source(one["path"], one["baseName"].lstrip("/"), one["size"]) for one in entries}

    def write_manifest(self, options: Options, sources: Iterable[Source]) -> None:
        """~: one JSON object a line, with the path of a source, its name below src, and src."""
        lines = "".join(
            json.dumps(
                {"path": one.path, "baseName": f"/{one.name}", "srcDir": options.src, "size": one.size}
            )
            + "\n"
            for one in sources
        )
        with self._in_java():
            path, system = self._at(f"{options.dest}/{options.output_manifest}")
            stream = system.create(path, True)
            try:
                stream.write(gzip.compress(lines.encode(), mtime=0))
            finally:
                stream.close()

    def _read(self, address: str) -> bytes:
        with self._in_java():
            path, system = self._at(address)
            stream = system.open(path)
            try:
                return bytes(self._hadoop.io.IOUtils.readFullyToByteArray(stream))
            finally:
                stream.close()

    def _at(self, address: str) -> tuple[Any, Any]:
        path = self._hadoop.fs.Path(address)
        return path, path.getFileSystem(self._configuration)

    @contextmanager
    def _in_java(self) -> Iterator[None]:
        try:
            yield
        except self._java_error as error:
            thrown: Any = getattr(error, "java_exception", error)
            raise CannotCopyError(str(thrown.toString())) from error


@contextmanager
def hadoop(properties: Mapping[str, str]) -> Iterator[Files]:
    """A JVM with Hadoop's configuration and these properties over it; it ends with the block."""
    spark = Path(os.environ["SPARK_HOME"])
    (library,) = spark.glob("python/lib/py4j-*-src.zip")
    sys.path.append(str(library))
    py4j, errors = importlib.import_module("py4j.java_gateway"), importlib.import_module("py4j.protocol")
    (jar,) = spark.glob("jars/py4j-*.jar")
    environment = {**os.environ, "HADOOP_CLASSPATH": str(jar)}
    argv = ("hadoop", "py4j.GatewayServer", "--enable-auth", "--die-on-broken-pipe", "0")
    with subprocess.Popen(
        argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        said, held = cast("IO[str]", process.stdout), cast("IO[str]", process.stdin)
        port, token = said.readline().strip(), said.readline().strip()
        if not port:
            raise CannotCopyError("Hadoop's file systems did not start; the lines above say why.")
        gateway = py4j.JavaGateway(
            gateway_parameters=py4j.GatewayParameters(port=int(port), auth_token=token, auto_convert=True)
        )
        try:
            configuration = gateway.jvm.org.apache.hadoop.mapred.JobConf()
            for name, value in properties.items():
                configuration.set(name, value)
            yield Files(gateway, configuration, errors.Py4JJavaError)
        finally:
            gateway.close()
            held.close()  # what --die-on-broken-pipe waits for
