import struct

import pytest

from windtunnel.hadoop.class_files import (
    ADDRESS,
    DUP,
    INVOKE_SPECIAL,
    INVOKE_STATIC,
    LDC_W,
    NEW,
    NOP,
    ClassFile,
    on_loopback,
    utf8,
    with_number,
)

HEADER = b"\xca\xfe\xba\xbe\x00\x00\x00\x34"


def of(pool: dict[int, bytes], rest: bytes = b"") -> bytes:
    return ClassFile(HEADER, pool, max(pool) + 1, rest).to_bytes()


def making_an_address(times: int = 1) -> bytes:
    file = ClassFile(HEADER, {}, 1, b"before")
    new = NEW + struct.pack(">H", file.kind(ADDRESS)) + DUP
    call = INVOKE_SPECIAL + struct.pack(">H", file.method(ADDRESS, "<init>", "(I)V"))
    file.rest += (new + b"\x03" + call) * times + b"after"
    return file.to_bytes()


def test_a_class_is_written_as_it_was_read() -> None:
    long = b"\x05" + bytes(8)  # takes two numbers
    data = of({1: utf8("a"), 2: long, 4: utf8("b"), 5: b"\x0c\x00\x01\x00\x04"}, b"code")
    assert sorted(ClassFile.parse(data).pool) == [1, 2, 4, 5]
    assert ClassFile.parse(of({1: utf8("a")}, b"code")).rest == b"code"


def test_the_address_of_every_interface_becomes_the_loopback_one() -> None:
    changed = ClassFile.parse(on_loopback(of({1: utf8("x"), 2: utf8("0.0.0.0")}, b"code")))  # noqa: S104
    assert [changed.pool[1], changed.pool[2]] == [utf8("x"), utf8("127.0.0.1")]
    assert changed.rest == b"code"


def test_a_bare_port_is_bound_on_the_loopback_interface_in_as_many_bytes() -> None:
    before = ClassFile.parse(making_an_address())
    after = ClassFile.parse(on_loopback(making_an_address()))
    assert len(after.rest) == len(before.rest)
    assert after.rest.startswith(b"before" + LDC_W)
    assert after.rest[9:11] == NOP + b"\x03"
    assert after.rest[11:12] == INVOKE_STATIC
    (called,) = struct.unpack(">H", after.rest[12:14])
    assert called == after.method(
        "org/apache/hadoop/net/NetUtils",
        "createSocketAddrForHost",
        "(Ljava/lang/String;I)Ljava/net/InetSocketAddress;",
    )
    assert after.rest.endswith(b"after")


def test_a_class_that_is_not_as_expected_is_refused() -> None:
    with pytest.raises(ValueError, match="other addresses"):
        on_loopback(making_an_address(times=2))
    with pytest.raises(ValueError, match="not one that listens"):
        on_loopback(of({1: utf8("x")}))


def test_a_number_of_the_code_becomes_another_wherever_it_is_and_nothing_else() -> None:
    data = of({1: utf8("\x11\x13")}, b"a\x11\x13\x88b\x11\x13\x88c\x13\x88")
    changed = ClassFile.parse(with_number(data, 5000, 250))
    assert changed.rest == b"a\x11\x00\xfab\x11\x00\xfac\x13\x88"
    assert changed.pool[1] == utf8("\x11\x13")
    with pytest.raises(ValueError, match="no number 5000"):
        with_number(of({1: utf8("x")}, b"code"), 5000, 250)
