# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference peer reads what wirelink wrote, and our own decoder reads what the peer writes."""

import base64
import ipaddress
import json
import os
import subprocess
import uuid

import gossip_codec as codec
import lab
import pytest

RECORDED = json.loads((lab.ROOT / "tests/data/gossip.json").read_text(encoding="utf-8"))
KEYS = {name: key for name, key in RECORDED["keys"].items() if isinstance(key, dict)}
CAPTURED = RECORDED["captured"][0]


def of(vectors):
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def value_text(fact):
    """The value in the words of the recordings."""
    if fact.attribute == codec.ALIVE:
        return str(uuid.UUID(bytes=fact.value))
    if fact.attribute in "eE":
        return "{}:{}".format(*codec.read_endpoint(fact.value))
    if fact.attribute in "aA":
        return f"{ipaddress.ip_address(fact.value[:-1])}/{fact.value[-1]}"
    return "<empty>" if fact.attribute == codec.OLD_MEMBER else None


def said(fact):
    items = codec.unpack_metadata(fact.value) if fact.attribute == codec.MEMBER else {}
    metadata = {key: item.hex() for key, item in items.items()}
    return fact.attribute, fact.subject.hex(), fact.ttl, value_text(fact), metadata


def recorded(decoded):
    metadata = decoded.get("metadata_hex", {})
    value = None if decoded["attr"] == codec.MEMBER else decoded["value"]
    return decoded["attr"], decoded["subject"], decoded["ttl_s"], value, metadata


def unsealed(datagram, source, private):
    secret_of = lambda signer: codec.shared_secret(private, signer)  # noqa: E731
    return [said(fact) for fact in codec.unseal(datagram, source, secret_of)[1]]


@pytest.mark.parametrize("vector", of(RECORDED["facts"]))
def test_a_fact_is_read_and_written_as_recorded(vector):
    data = bytes.fromhex(vector["hex"])
    fact = codec.read_fact(codec.Reader(data))
    assert said(fact) == recorded(vector["decoded"])
    assert codec.write_fact(fact) == data


@pytest.mark.parametrize("vector", of(RECORDED["single_fact_decode"]))
def test_a_strange_fact_gets_the_recorded_verdict(vector):
    reader = codec.Reader(bytes.fromhex(vector["hex"]))
    if not vector["accepted"]:
        with pytest.raises(codec.Refused):
            codec.read_fact(reader)
        return
    assert said(codec.read_fact(reader)) == recorded(vector["decoded"])
    assert len(reader.data) == vector["unread_bytes"]


@pytest.mark.parametrize("vector", of(RECORDED["packets"]))
def test_a_packet_gets_the_recorded_verdict(vector):
    private = bytes.fromhex(KEYS[vector["recipient"]]["private_hex"])
    packet = bytes.fromhex(vector["hex"]), vector["udp_source_ip"], private
    if not vector["accepted"]:
        with pytest.raises(codec.Refused):
            unsealed(*packet)
        return
    assert unsealed(*packet) == [recorded(decoded) for decoded in vector["decoded"]]


def test_all_that_was_captured_is_read():
    assert CAPTURED["packets"]
    for packet in CAPTURED["packets"]:
        private = base64.b64decode(CAPTURED["keys"][packet["dst"]]["private_b64"])
        facts = unsealed(bytes.fromhex(packet["udp_payload_hex"]), packet["src_ip"], private)
        assert facts == [recorded(decoded) for decoded in packet["decoded"]], packet


def test_addresses_follow_from_keys_as_recorded():
    for vector in RECORDED["auto_addresses"]:
        assert codec.link_local(bytes.fromhex(vector["public_hex"])) == vector["auto_address"]


@pytest.mark.parametrize("vector", of(RECORDED["signed_groups"]))
def test_a_group_is_filled_as_recorded(vector):
    inner = bytes.fromhex(vector["aad_inner_hex"])
    lengths = [codec.HEADER_LEN + len(part) for part in codec.group(codec.read_facts(inner))]
    assert lengths == vector["group_packet_lens"][: len(lengths)]


def test_a_key_that_nobody_can_have_is_refused():
    with pytest.raises(codec.Refused):
        codec.shared_secret(os.urandom(32), bytes(32))


def decoded_by_us(datagram, source, private):
    """What our own decoder says of a packet."""
    line = f"{datagram.hex()} {source} {private.hex()}\n"
    argv = [lab.BUILD / "tests/gossip-decode"]
    done = subprocess.run(argv, input=line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_what_it_writes_is_read_by_us():
    facts = [codec.read_fact(codec.Reader(bytes.fromhex(v["hex"]))) for v in RECORDED["facts"]]
    sender, receiver = (bytes.fromhex(KEYS[name]["private_hex"]) for name in "AB")
    public = [bytes.fromhex(KEYS[name]["public_hex"]) for name in "AB"]
    secret = codec.shared_secret(sender, public[1])
    inners = codec.group(facts)
    assert len(inners) > 1 and max(map(len, inners)) <= codec.MAX_INNER
    for inner in inners:
        datagram = codec.seal(inner, public[0], secret)
        verdict = decoded_by_us(datagram, KEYS["A"]["auto_address"], receiver)
        assert verdict["accepted"], verdict
        assert [recorded(fact) for fact in verdict["facts"]] == [
            said(fact) for fact in codec.read_facts(inner)
        ]
