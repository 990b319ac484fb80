import re

from windtunnel.hadoop.jars import locked_jars


def test_every_jar_of_the_lock_has_a_digest_a_size_and_a_name_of_its_own() -> None:
    jars = locked_jars().all()
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)


def test_spark_gets_no_jar_of_what_it_brings_itself() -> None:
    names = {jar.file_name for jar in locked_jars().common}
    assert not [name for name in names if re.match(r"(netty-(?!nio)|httpc|slf4j|reload4j|commons-)", name)]
    assert {"hadoop-client-api-3.4.2.jar", "hadoop-aws-3.4.2.jar", "s3-2.29.52.jar"} <= names
