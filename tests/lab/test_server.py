# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination server as its clients see it."""

import contextlib
import json
import os
import re
import socket
import threading
import time

import pytest
from server_lab import (  # noqa: F401
    A, B, HUB, LAN, PUBLIC, ROUTER, TUNNEL, connect, element, inside, lab, peers, poll, post,
    receive, request, server, withdraw,
)


@pytest.mark.parametrize("address", TUNNEL[HUB])
def test_neighbours_find_each_other(lab, server, address):
    status, head, body = post(lab, A, address=address)
    assert (status, body) == (200, b'{"peers": []}')
    assert re.search(r"(?mi)^content-type: application/json\r?$", head)
    _, _, body = post(lab, B, address=address)
    peer, = json.loads(body)["peers"]
    assert peer == {"pubkey": lab.keys[A].public, "ip": list(TUNNEL[A]), "endpoint": LAN[A], "port": peer["port"]}
    seen = inside(HUB, "wg", "show", lab.interface[HUB], "endpoints").stdout
    assert f"{lab.keys[A].public}\t{PUBLIC}:{peer['port']}" in seen


def test_nobody_speaks_for_another(lab, server):
    stolen = [element(lab, A, ip=LAN[B])]
    for headers in ({}, {"X-Forwarded-For": TUNNEL[A][0]}, {"Forwarded": f"for={TUNNEL[A][0]}"},
                    {"X-Real-IP": TUNNEL[A][0]}):
        status, _, body = post(lab, B, stolen, headers=headers)
        assert (status, json.loads(body)) == (401, {"error": "Invalid client"})
    assert peers(lab, B) == {}


def test_an_address_outside_the_host_prefixes_identifies_nobody(lab, server):
    wg = lab.interface[A]
    inside(HUB, "wg", "set", lab.interface[HUB], "peer", lab.keys[A].public, "allowed-ips",
           "10.9.0.11/32,fd09:9::11/128,10.9.0.64/27")
    inside(A, "ip", "addr", "add", "10.9.0.65/24", "dev", wg)
    try:
        time.sleep(0.2)
        with contextlib.closing(connect(A, TUNNEL[HUB][0], source="10.9.0.65")) as connection:
            connection.sendall(request([element(lab, A)]))
            assert receive(connection)[0] == 401
        _, _, body = post(lab, A)
        assert json.loads(body)["peers"] == []
        post(lab, A)
        assert peers(lab, B)[lab.keys[A].public]["ip"] == list(TUNNEL[A])
    finally:
        inside(A, "ip", "addr", "del", "10.9.0.65/24", "dev", wg)
        lab.add_client(A)


BROWSERS = [
    (403, {"headers": {"Origin": "http://evil.example"}}),
    (403, {"headers": {"Origin": "null"}}),
    (403, {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    (403, {"headers": {"sec-fetch-mode": "no-cors"}}),
    (403, {"host": "evil.example"}),
    (403, {"host": "evil.example:80"}),
    (403, {"host": "10.9.0.1.evil.example"}),
    (403, {"host": "10.9.0.11"}),
    (403, {"host": "10.9.0.1:8080"}),
    (403, {"host": "127.0.0.1"}),
    (400, {"headers": {"Content-Type": "text/plain"}}),
    (400, {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    (400, {"headers": {"Content-Type": None}}),
    (400, {"headers": {"Content-Type": "application/jsonp"}}),
]


@pytest.mark.parametrize("status,how", BROWSERS)
def test_browsers_change_nothing(lab, server, status, how):
    assert post(lab, A, **how)[0] == status
    assert peers(lab, B) == {}
    withdraw(lab, B)


REQUESTS = [
    (200, {"host": "10.9.0.1:80"}),
    (200, {"headers": {"Content-Type": "application/json; charset=utf-8"}}),
    (200, {"headers": {"Content-Type": "Application/JSON"}}),
    (200, {"headers": {"X-Anything": "else", "User-Agent": "curl/7.88.1"}}),
    (200, {"path": "/peering-request?x=1"}),
    (404, {"path": "/peering-request/"}),
    (404, {"path": "/"}),
    (405, {"method": "GET"}),
    (405, {"method": "PUT"}),
    (405, {"method": "OPTIONS"}),
    (400, {"body": b""}),
    (400, {"body": b"[{"}),
    (400, {"body": b"[]"}),
    (400, {"body": b'"hello"'}),
    (400, {"body": b"\xef\xbb\xbf[]"}),
    (400, {"body": b"[" * 10000}),
    (401, {"body": [{"ip": "192.168.77.11", "netmask": 24, "gateway": "192.168.77.1"}]}),
    (413, {"body": b" " * 65537}),
]


@pytest.mark.parametrize("status,how", REQUESTS)
def test_statuses(lab, server, status, how):
    answer, head, body = post(lab, A, **how)
    assert answer == status
    if status == 405:
        assert re.search(r"(?mi)^allow: .*POST", head) and body == b""
    elif status == 200:
        assert "peers" in json.loads(body)
    elif how.get("method") is None:
        assert "error" in json.loads(body)


def say(name, *parts, pause=0.05):
    """Sends bytes in parts; returns all that comes back."""
    with contextlib.closing(connect(name, TUNNEL[HUB][0])) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_requests_come_in_pieces(lab, server):
    whole = request([element(lab, A)])
    for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
        assert say(A, whole[:cut], whole[cut:]).startswith(b"HTTP/1.1 200 OK\r\n")


def test_clients_may_want_to_be_asked_for_the_body(lab, server):
    whole = request([element(lab, A)], headers={"Expect": "100-continue"})
    end = whole.index(b"\r\n\r\n") + 4
    answer = say(A, whole[:end], whole[end:])
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_head_too_long_is_refused(lab, server):
    assert say(A, request([element(lab, A)], headers={"X": "x" * 5000})).startswith(b"HTTP/1.1 431 ")


def test_a_refusal_is_heard_by_who_goes_on_sending(lab, server):
    """The answer must not be lost to the reset that unread bytes would cause."""
    assert say(A, request(b" " * 60000, path="/nothing")).startswith(b"HTTP/1.1 404 ")


def test_who_has_ended_its_sending_is_answered(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0])) as connection:
        connection.sendall(request([element(lab, A)]))
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection)[0] == 200


def test_aborted_polls_do_not_shut_their_client_out(lab, server):
    for _ in range(12):
        poll(lab, A, 20).close()
    assert post(lab, A)[0] == 200


def test_chunked_is_refused(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0])) as connection:
        connection.sendall(request(b"", headers={"Content-Length": None, "Transfer-Encoding": "chunked"})
                           + b"2\r\n[]\r\n0\r\n\r\n")
        status, _, body = receive(connection)
    assert (status, json.loads(body)) == (400, {"error": "Could not decode JSON data"})


def test_only_the_tunnel_reaches_it(lab, server):
    for name, address in ((ROUTER, "203.0.113.1"), (HUB, "203.0.113.1"), (HUB, "127.0.0.1")):
        with pytest.raises(ConnectionRefusedError):
            connect(name, address, timeout=2)
    for address in TUNNEL[HUB]:
        # the kernel lets the hub reach itself by an address of the tunnel
        with pytest.raises((ConnectionError, IndexError)):
            post(lab, HUB, address=address)
    # a LAN host that sends to the tunnel address by the outer interface
    inside(ROUTER, "ip", "route", "add", "10.9.0.1/32", "via", "203.0.113.1")
    with pytest.raises(OSError):
        connect(ROUTER, TUNNEL[HUB][0], timeout=2)
    inside(ROUTER, "ip", "route", "del", "10.9.0.1/32")


def test_long_poll_wakes_both(lab, server):
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        begin = time.monotonic()
        answer = json.loads(post(lab, B, [element(lab, B, v=2, listen_port=51820)])[2])
        assert [peer["pubkey"] for peer in answer["peers"]] == [lab.keys[A].public]
        status, _, body = receive(waiting)
        assert time.monotonic() - begin < 0.5
    peer, = json.loads(body)["peers"]
    assert (status, peer["pubkey"], peer["port"], peer["mutual"]) == (200, lab.keys[B].public, 51820, True)
    assert json.loads(body)["you"]["ip"] == PUBLIC


def test_long_poll_ends_in_time(lab, server):
    with contextlib.closing(poll(lab, A, 2)) as waiting:
        begin = time.monotonic()
        status, _, body = receive(waiting)
    assert status == 200 and json.loads(body)["v"] == 2
    assert 1.5 < time.monotonic() - begin < 2.5


def test_newer_request_releases_the_older_poll(lab, server):
    with contextlib.closing(poll(lab, A, 20)) as older:
        begin = time.monotonic()
        assert post(lab, A, [element(lab, A, v=2)])[0] == 200
        assert receive(older)[0] == 200
        assert time.monotonic() - begin < 0.5


def test_a_lost_path_reaches_its_other_end(lab, server):
    def paths_of_b(**members):
        return peers(lab, B, v=2, **members)[lab.keys[A].public]

    def told(body):
        return {peer["pubkey"]: peer.get("direct") for peer in json.loads(body)["peers"]}

    a, b = lab.keys[A].public, lab.keys[B].public
    peers(lab, A, v=2)
    assert "direct" not in paths_of_b(direct=[a])
    assert peers(lab, A, v=2)[b]["direct"] is True
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        begin = time.monotonic()
        paths_of_b(direct=[])
        body = receive(waiting)[2]
        assert time.monotonic() - begin < 0.5
    assert told(body) == {b: False}
    assert peers(lab, A)[b].keys() == {"pubkey", "ip", "endpoint", "port"}


def test_bye_reaches_the_neighbour(lab, server):
    peers(lab, B, v=2, boot="b1", seq=1)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        post(lab, B, [element(lab, B, ip="0.0.0.0", netmask=0, gateway="0.0.0.0", v=2, boot="b1", seq=2, bye=True)])
        answer = json.loads(receive(waiting)[2])
    assert answer["peers"] == [] and answer["gone"] == [{"pubkey": lab.keys[B].public, "why": "bye"}]


def test_revoked_client_is_gone(lab, server):
    peers(lab, B)
    with contextlib.closing(poll(lab, A, 20)) as waiting:
        inside(HUB, "wg", "set", lab.interface[HUB], "peer", lab.keys[B].public, "remove")
        try:
            begin = time.monotonic()
            answer = json.loads(receive(waiting)[2])
            assert time.monotonic() - begin < 6
        finally:
            lab.add_client(B)
            lab.join(B)
    assert answer["peers"] == [] and answer["gone"] == [{"pubkey": lab.keys[B].public, "why": "revoked"}]


def test_others_are_served_while_one_dawdles(lab, server):
    half = request([element(lab, A)])[:60]
    crowd = []
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                connection = connect(A, TUNNEL[HUB][0], timeout=1)
                crowd.append(connection)
                connection.sendall(half)
        begin = time.monotonic()
        assert peers(lab, B) is not None
        assert time.monotonic() - begin < 1
        http = max(server.children(), key=lambda pid: len(os.listdir(f"/proc/{pid}/fd")))
        assert len(os.listdir(f"/proc/{http}/fd")) < 64
    finally:
        for connection in crowd:
            connection.close()
    assert len(re.findall(r"too many connections", server.log())) <= 10


def test_others_are_served_while_one_floods(lab, server):
    """As fast as it can, and with something new each time, so that its neighbour is woken."""
    stop = threading.Event()
    answers = []

    def flood(number):
        port = 1024 + number
        while not stop.is_set():
            port += 8
            with contextlib.suppress(OSError, IndexError):
                answers.append(post(lab, A, [element(lab, A, v=2, listen_port=port % 64000 + 1024)])[0])

    flooders = [threading.Thread(target=flood, args=(number,)) for number in range(8)]
    for flooder in flooders:
        flooder.start()
    try:
        for _ in range(20):
            begin = time.monotonic()
            assert post(lab, B, [element(lab, B, v=2)])[0] == 200
            assert time.monotonic() - begin < 1
            time.sleep(0.1)
    finally:
        stop.set()
        for flooder in flooders:
            flooder.join()
    print(f"{len(answers)} answers to the flood")
    assert len(answers) > 100 and set(answers) == {200}


def test_dribbling_is_cut(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0], timeout=1)) as connection:
        begin = time.monotonic()
        with pytest.raises(OSError):
            for byte in request([element(lab, A)]) * 2:
                connection.sendall(bytes([byte]))
                time.sleep(0.5)
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if connection.recv(1) == b"":
                        raise ConnectionResetError
                connection.setblocking(True)
        assert time.monotonic() - begin < 12


def test_silence_is_cut(lab, server):
    with contextlib.closing(connect(A, TUNNEL[HUB][0], timeout=8)) as connection:
        connection.sendall(b"POST /peering")
        begin = time.monotonic()
        connection.recv(1024)
        assert 4 < time.monotonic() - begin < 7
