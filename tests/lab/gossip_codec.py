# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of the gossip protocol, read as strictly as wirelink reads them.

Written from the specification and on another library, so that it shares no mistake with
helper/gossip/ but those of the specification.
"""

import hashlib
import ipaddress
import os
from typing import NamedTuple

from nacl import bindings, exceptions

ALIVE, MEMBER, OLD_MEMBER, GROUP = "!", "M", "m", "S"
ENDPOINTS, ALLOWED = {4: "e", 6: "E"}, {4: "a", 6: "A"}

KEY_LEN, NONCE_LEN, TAG_LEN = 32, 24, 16
HEADER_LEN = 2 + KEY_LEN + NONCE_LEN + TAG_LEN

# Most bytes of facts in a datagram that is sent, and the longest datagram that is read.
MAX_INNER, MAX_READ = 1136, 2424

# Seconds.
MAX_TTL = 0xFFFF

# A varint of more bytes cannot fit 64 bits, and ends an attempt to read it.
_MAX_VARINT_LEN = 10
_MAX_METADATA_LEN = 1 << 20

_VALUE_LEN = {ALIVE: 16, "e": 6, "E": 18, "a": 5, "A": 17, OLD_MEMBER: 0}


class Refused(Exception):
    """A packet or a fact that wirelink would not take; the text says why."""


class Fact(NamedTuple):
    """Values are as on the wire, but for those of members: their items without the length."""

    attribute: str
    subject: bytes
    value: bytes
    ttl: int

    @property
    def identity(self):
        """What makes two facts the same."""
        return self.attribute, self.subject, self.value


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n_bytes):
        if len(self.data) < n_bytes:
            raise Refused("it ends inside a fact")
        taken, self.data = self.data[:n_bytes], self.data[n_bytes:]
        return taken

    def varint(self):
        value = 0
        for position in range(_MAX_VARINT_LEN):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                if value >= 1 << 64:
                    break
                return value
        raise Refused("an integer of more than 64 bits")


def write_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def read_fact(reader):
    attribute = chr(reader.take(1)[0])
    if attribute not in (*_VALUE_LEN, MEMBER, GROUP):
        raise Refused(f"attribute {attribute!r}")
    ttl = reader.varint()
    if ttl > MAX_TTL:
        raise Refused(f"a time to live of {ttl} s")
    subject = reader.take(KEY_LEN)
    return Fact(attribute, subject, _read_value(attribute, reader), ttl)


def _read_value(attribute, reader):
    if attribute == MEMBER:
        return _read_metadata(reader)
    if attribute == GROUP:
        return reader.take(max(len(reader.data), NONCE_LEN + TAG_LEN))
    value = reader.take(_VALUE_LEN[attribute])
    if attribute in "EA" and ipaddress.IPv6Address(value[:16]).ipv4_mapped:
        raise Refused("an IPv4 address in IPv6 form")
    if attribute in "aA" and value[-1] > 8 * (len(value) - 1):
        raise Refused(f"a prefix length of {value[-1]}")
    return value


def _read_metadata(reader):
    n_bytes = reader.varint()
    if n_bytes > _MAX_METADATA_LEN:
        raise Refused("too much about a member")
    return pack_metadata(unpack_metadata(reader.take(n_bytes)))


def unpack_metadata(data):
    """{key: bytes}"""
    items, reader = {}, Reader(data)
    while reader.data:
        key = chr(reader.take(1)[0])
        if key in items:
            raise Refused(f"two items {key!r}")
        items[key] = reader.take(reader.varint())
    if items.get("b", b"\0") not in (b"\0", b"\1"):
        raise Refused("basic is neither 0 nor 1")
    try:
        items.get("n", b"").decode()
    except UnicodeDecodeError:
        raise Refused("a name that is not UTF-8") from None
    return items


def pack_metadata(items):
    order = sorted(items, key=lambda key: (key != "n", key))
    return b"".join(key.encode("latin-1") + write_varint(len(items[key])) + items[key] for key in order)


def write_fact(fact):
    head = fact.attribute.encode() + write_varint(fact.ttl) + fact.subject
    length = write_varint(len(fact.value)) if fact.attribute == MEMBER else b""
    return head + length + fact.value


def endpoint_value(host, port):
    return ipaddress.ip_address(host).packed + port.to_bytes(2, "big")


def read_endpoint(value):
    """The address and the port."""
    return ipaddress.ip_address(value[:-2]), int.from_bytes(value[-2:], "big")


def prefix_value(network):
    return network.network_address.packed + bytes([network.prefixlen])


def read_prefix(value):
    return ipaddress.ip_network((value[:-1], value[-1]), strict=False)


def link_local(key):
    """The automatic address of a key."""
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + hashlib.sha1(key).digest()[:8]))


def shared_secret(private, public):
    try:
        return bindings.crypto_scalarmult(private, public)
    except (RuntimeError, exceptions.CryptoError):
        raise Refused("no key that anybody can have") from None


def seal(inner, signer, secret):
    """The datagram that holds these facts."""
    nonce = os.urandom(NONCE_LEN)
    # Of an empty text only the tag is left.
    tag = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(b"", inner, nonce, secret)
    return GROUP.encode() + b"\0" + signer + nonce + tag + inner


def unseal(datagram, source, secret_of):
    """Returns the signer and its facts. `secret_of` gives what we share with the key that it gets."""
    reader = Reader(datagram)
    group = read_fact(reader)
    if group.attribute != GROUP:
        raise Refused("a fact that is not signed")
    if source != link_local(group.subject):
        raise Refused("not from the signer's address")
    nonce, tag, inner = _split(group.value)
    try:
        secret = secret_of(group.subject)
        bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(tag, inner, nonce, secret)
    except exceptions.CryptoError:
        raise Refused("a wrong tag") from None
    return group.subject, read_facts(inner)


def _split(value):
    return value[:NONCE_LEN], value[NONCE_LEN : NONCE_LEN + TAG_LEN], value[NONCE_LEN + TAG_LEN :]


def read_facts(inner):
    reader, facts = Reader(inner), []
    while reader.data:
        facts.append(read_fact(reader))
        if facts[-1].attribute == GROUP:
            raise Refused("a group inside another")
    return facts


def group(facts):
    """The inner parts of the datagrams that these facts fill, in their order."""
    inners = [b""]
    for fact in facts:
        data = write_fact(fact)
        if inners[-1] and len(inners[-1]) + len(data) > MAX_INNER:
            inners.append(b"")
        inners[-1] += data
    return [inner for inner in inners if inner]
