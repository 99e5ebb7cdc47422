# SPDX-License-Identifier: GPL-3.0-or-later
"""BFD packets on the wire (RFC 5881): what ours look like, and which others are not let in."""

import socket
import struct

import bfd
import lab
import pytest

CONTROL_PORT = 3784
SMALL = 24
DOWN = struct.pack(">BBBBIIIII", 0x20, 0x40, 3, SMALL, 77, 0, 1_000_000, 300_000, 0)


@pytest.fixture
def pair(the_lab):
    return bfd.Pair(the_lab)


def scoped(address, port):
    return (address, port, 0, socket.if_nametoindex(bfd.IFNAME))


def receive(address, n):
    """The next `n` packets to `address`: payload, source port, hop limit, traffic class."""
    found = []
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.bind(scoped(address, CONTROL_PORT))
        receiver.settimeout(5 * lab.SLOW)
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        while len(found) < n:
            payload, control, _, source = receiver.recvmsg(2048, 256)
            said = {kind: struct.unpack("@i", data)[0] for _, kind, data in control}
            marks = said[socket.IPV6_HOPLIMIT], said[socket.IPV6_TCLASS]
            found.append((payload, source[1], *marks))
    return found


def send(source, target, payload=DOWN, hops=255):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        sender.bind(scoped(source, 0) if source.startswith("fe80") else (source, 0))
        sender.sendto(payload, scoped(target, CONTROL_PORT) if target.startswith("fe80") else (target, CONTROL_PORT))


def test_packets_look_as_they_should(pair):
    bfd.Speaker(pair.near)
    found = pair.far.host.do(receive, pair.far.address, 2)
    assert sorted(len(payload) for payload, *_ in found) == [SMALL, bfd.MTU - 48]
    assert len({port for _, port, *_ in found}) == 1
    for payload, port, hop_limit, traffic_class in found:
        assert 49152 <= port <= 65535
        assert hop_limit == 255
        assert traffic_class == 0xC0
        assert payload[:4] == b"\x20\x40\x03\x18", payload[:4]
        assert not any(payload[SMALL:])


@pytest.mark.parametrize(
    "counter, change",
    [
        ("dropped-hop-limit", {"hops": 254}),
        ("dropped-hop-limit", {"hops": 1}),
        ("dropped-destination", {"target": "fd00::1"}),
        ("dropped-source", {"source": "fd00::2"}),
        ("dropped-truncated", {"payload": bytes(9000)}),
        ("refused-short", {"payload": DOWN[:-1]}),
        ("refused-version", {"payload": b"\x40" + DOWN[1:]}),
    ],
)
def test_drops_and_counts(pair, counter, change):
    speaker = bfd.Speaker(pair.near, role="passive")
    lab.until(5, "the speaker", speaker.states)
    packet = {"source": pair.far.address, "target": pair.near.address, **change}
    for _ in range(3):
        pair.far.host.do(send, **packet)
    # What is taken after them shows that they have been dropped by now.
    pair.far.host.do(send, pair.far.address, pair.near.address)
    speaker.until("the sound packet", detection="3000")
    counters = speaker.leave()
    assert {k: v for k, v in counters.items() if v} == {counter: 3}


def test_does_not_share_its_port(pair):
    first = bfd.Speaker(pair.near)
    lab.until(5, "the first", first.states)
    second = bfd.Speaker(pair.near)
    assert second.process.wait() == 1
    assert "Address already in use" in second.process.output()
