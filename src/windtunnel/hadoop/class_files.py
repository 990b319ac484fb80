"""Java class files, changed where Hadoop has no property for it: what listens everywhere, how long it sleeps.

What its compiler wrote is changed in place, byte for byte: nothing moves, so that jumps and stack maps stay true.
"""

import struct
from dataclasses import dataclass

from windtunnel.hadoop.ports import LOOPBACK

UTF8, CLASS, STRING, METHOD, NAME_AND_TYPE = 1, 7, 8, 10, 12
# Bytes of an entry of the constant pool after its tag (JVM specification, 4.4); UTF8 tells its own.
SIZES = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
WIDE = (5, 6)  # these take two numbers of the pool
PUSH_SHORT = b"\x11"
NEW, DUP, NOP, LDC_W, INVOKE_SPECIAL, INVOKE_STATIC = b"\xbb", b"\x59", b"\x00", b"\x13", b"\xb7", b"\xb8"
ADDRESS = "java/net/InetSocketAddress"


@dataclass
class ClassFile:
    """A class file as the entries of its constant pool, by their numbers, and what comes after the pool."""

    header: bytes
    pool: dict[int, bytes]
    size: int
    rest: bytes

    @classmethod
    def parse(cls, data: bytes) -> "ClassFile":
        (size,) = struct.unpack_from(">H", data, 8)
        pool, at, number = {}, 10, 1
        while number < size:
            tag = data[at]
            length = 3 + struct.unpack_from(">H", data, at + 1)[0] if tag == UTF8 else 1 + SIZES[tag]
            pool[number] = data[at : at + length]
            at += length
            number += 2 if tag in WIDE else 1
        return cls(data[:8], pool, size, data[at:])

    def number(self, entry: bytes) -> int:
        """The number of an entry, which is added when it is not there yet."""
        for number, known in self.pool.items():
            if known == entry:
                return number
        self.pool[self.size] = entry
        self.size += 1
        return self.size - 1

    def kind(self, name: str) -> int:
        """The number of a class."""
        return self.number(struct.pack(">BH", CLASS, self.number(utf8(name))))

    def method(self, kind: str, name: str, descriptor: str) -> int:
        """The number of a method."""
        parts = self.number(utf8(name)), self.number(utf8(descriptor))
        signature = self.number(struct.pack(">BHH", NAME_AND_TYPE, *parts))
        return self.number(struct.pack(">BHH", METHOD, self.kind(kind), signature))

    def to_bytes(self) -> bytes:
        return b"".join((self.header, struct.pack(">H", self.size), *self.pool.values(), self.rest))


def utf8(text: str) -> bytes:
    """An entry of the constant pool."""
    return struct.pack(">BH", UTF8, len(text.encode())) + text.encode()


def on_loopback(data: bytes) -> bytes:
    """The class with "0.0.0.0" as 127.0.0.1, and its `new InetSocketAddress(port)` as an address of that host.

    Raises ValueError when it has neither, or makes more than one such address.
    """
    file = ClassFile.parse(data)
    anywhere = utf8("0.0.0.0")  # noqa: S104
    found = [number for number, entry in file.pool.items() if entry == anywhere]
    for number in found:
        file.pool[number] = utf8(LOOPBACK)
    if not _make_addresses_local(file) and not found:
        raise ValueError("The class is not one that listens everywhere.")
    return file.to_bytes()


def _make_addresses_local(file: ClassFile) -> bool:
    """`new InetSocketAddress(port)` -> `NetUtils.createSocketAddrForHost("127.0.0.1", port)`, in as many bytes."""
    new = NEW + struct.pack(">H", file.kind(ADDRESS)) + DUP
    call = INVOKE_SPECIAL + struct.pack(">H", file.method(ADDRESS, "<init>", "(I)V"))
    if (file.rest.count(new), file.rest.count(call)) == (0, 0):
        return False
    if (file.rest.count(new), file.rest.count(call)) != (1, 1):
        raise ValueError("The class makes other addresses than the one that is expected.")
    host = file.number(struct.pack(">BH", STRING, file.number(utf8(LOOPBACK))))
    made = file.method(
        "org/apache/hadoop/net/NetUtils",
        "createSocketAddrForHost",
        f"(Ljava/lang/String;I)L{ADDRESS};",
    )
    file.rest = file.rest.replace(new, LDC_W + struct.pack(">H", host) + NOP)
    file.rest = file.rest.replace(call, INVOKE_STATIC + struct.pack(">H", made))
    return True


def with_number(data: bytes, old: int, new: int) -> bytes:
    """The class with another number wherever its code has `old`, from 128 to 32767.

    Raises ValueError when it is nowhere.
    """
    file = ClassFile.parse(data)
    there, wanted = (PUSH_SHORT + struct.pack(">h", number) for number in (old, new))
    if there not in file.rest:
        raise ValueError(f"The class has no number {old}.")
    file.rest = file.rest.replace(there, wanted)
    return file.to_bytes()
