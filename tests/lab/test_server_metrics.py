# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server tells those who watch it."""

import contextlib
import re
import time

import pytest
from server_lab import (  # noqa: F401
    A, B, HUB, TUNNEL, connect, element, inside, lab, peers, poll, post, receive, request, serving,
    wait_until,
)

PORT = 9586


def get(path, address="127.0.0.1", **options):
    with contextlib.closing(connect(HUB, address, port=PORT)) as connection:
        connection.sendall(request(b"", address, method=options.pop("method", "GET"), path=path, **options))
        return receive(connection)


def is_healthy():
    # A connection that is one too many is closed without an answer.
    with contextlib.suppress(ConnectionError):
        return get("/healthz")[0] == 200
    return False


def numbers():
    status, head, body = get("/metrics")
    assert status == 200 and "text/plain; version=0.0.4" in head
    return {name: float(value) for name, value in re.findall(r"(?m)^wg_autopeer_(\S+) (\S+)$", body.decode())}


@pytest.fixture
def watched(lab):
    with serving(lab, "-i", lab.interface[HUB], f"--metrics=127.0.0.1:{PORT}") as server:
        yield server


def test_what_happens_is_counted(lab, watched):
    before = numbers()
    peers(lab, A)
    assert post(lab, B, [element(lab, A)])[0] == 401
    assert post(lab, B, headers={"Origin": "http://evil.example"})[0] == 403
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        assert numbers()["held_polls"] == 1
        peers(lab, B, v=2, listen_port=7)
        receive(waiting)
    after = numbers()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown['answers_total{code="401"}'] == grown['answers_total{code="403"}'] == 1
    assert grown['refusals_total{reason="client"}'] == grown['refusals_total{reason="browser"}'] == 1
    assert grown["held_polls_total"] == grown["news_total"] == 1
    assert grown["clients"] == 2 and after["peers"] == 2
    assert grown["device_reads_total"] > 0 and grown["device_read_seconds_total"] > 0
    assert (after["held_polls"], after["policy_enabled"], after["policy_groups"]) == (0, 1, 0)


def test_neither_keys_nor_addresses_are_told(lab, watched):
    peers(lab, A)
    text = get("/metrics")[2].decode()
    for secret in (lab.keys[A].public, *TUNNEL[A], *TUNNEL[HUB], "203.0.113.21", "192.168.77"):
        assert secret not in text


def test_health_is_that_of_the_device(lab, watched):
    assert get("/healthz")[::2] == (200, b"ok\n")
    inside(HUB, "ip", "link", "del", lab.interface[HUB])
    try:
        time.sleep(0.5)
        assert get("/healthz")[::2] == (503, b"the WireGuard interface cannot be read\n")
    finally:
        lab.make_tunnel(HUB)
        for name in (A, B):
            lab.join(name)
    wait_until(is_healthy, 10)


@pytest.mark.parametrize("status,how", [
    (404, {"path": "/"}),
    (404, {"path": "/peering-request"}),
    (405, {"path": "/metrics", "method": "POST"}),
    (403, {"path": "/metrics", "host": "evil.example"}),
    (403, {"path": "/metrics", "headers": {"Sec-Fetch-Site": "same-origin"}}),
])
def test_others_are_refused(lab, watched, status, how):
    assert get(**how)[0] == status


def test_it_is_not_there_for_clients(lab, watched):
    for path in ("/metrics", "/healthz"):
        assert post(lab, A, method="GET", path=path)[0] == 404
    for address in (TUNNEL[HUB][0], "203.0.113.1"):
        with pytest.raises(OSError):
            connect(A, address, port=PORT, timeout=1)


def test_watchers_are_few_and_in_nobodys_way(lab, watched):
    crowd = [connect(HUB, "127.0.0.1", port=PORT) for _ in range(30)]
    try:
        time.sleep(0.2)
        assert post(lab, A)[0] == 200
    finally:
        for connection in crowd:
            connection.close()
    wait_until(is_healthy)


@pytest.mark.parametrize("address", ["0.0.0.0:9586", "10.9.0.1:9586", "127.0.0.1", "localhost:9586", ""])
def test_only_the_loopback_interface(lab, address):
    with serving(lab, "-i", lab.interface[HUB], f"--metrics={address}") as server:
        assert server.process.wait(5) == 64
        assert "127.0.0.1:9586" in server.log()


def test_it_is_off_by_default(lab):
    with serving(lab, "-i", lab.interface[HUB]):
        with pytest.raises(ConnectionRefusedError):
            connect(HUB, "127.0.0.1", port=PORT)
