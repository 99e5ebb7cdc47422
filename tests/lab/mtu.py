# SPDX-License-Identifier: GPL-3.0-or-later
"""A LAN that silently drops larger packets: nothing must ever go direct there."""

import socket
import threading
import time

import figures
from lab import TimedOut, until
from scene import Scene
from traffic import SETTLE, Traffic
from unreachable import block_udp

N_ROUNDS, N_QUICK = 3, 1

# Longest packet that passes, in bytes with its IP header.
PASSES = 1300

TRANSFER_BYTES = 1 << 20

# How long the helpers go on trying after they know what is wrong, in seconds.
SECONDS = 8


def measure(n_rounds, seed):
    rounds = figures.in_own_labs(n_rounds, seed, lambda world, *_: one_round(world), line)
    return figures.result(rounds, seed, summary)


def one_round(world):
    scene = Scene(world)
    for laptop, other in scene.pairs():
        block_udp(laptop, other, f"meta length > {PASSES}")
    scene.start()
    traffic = Traffic(*scene.laptops, 100)
    reasons = [_reason(laptop, other) for laptop, other in scene.pairs()]
    time.sleep(SECONDS)
    # A transfer fills the line, and what has no room there is lost.
    end = time.monotonic()
    transfer_s = transfer(scene.anna, scene.ben, TRANSFER_BYTES)
    traffic.stop()
    return {
        "paths": sorted({path for flow in traffic.flows for path in flow.paths()}),
        "n_lost": sum(flow.n_lost(end=end - SETTLE) for flow in traffic.flows),
        "reasons": reasons,
        "transfer_bytes": TRANSFER_BYTES,
        "transfer_s": round(transfer_s, 2),
    }


def summary(rounds):
    return {
        "paths": sorted({path for one in rounds for path in one["paths"]}),
        "reasons": sorted({reason for one in rounds for reason in one["reasons"]}),
        "n_lost": sum(one["n_lost"] for one in rounds),
        "transfer_s": figures.spread(one["transfer_s"] for one in rounds),
    }


def line(one):
    return f"{' and '.join(one['reasons'])}, 1 MiB in {one['transfer_s']} s by {' and '.join(one['paths'])}"


def _reason(laptop, other, seconds=20):
    """Why it does not go direct, as it says between two tries. A machine that is too busy to hear
    an answer in time needs more than one of them to see what is wrong, and one that is slow to
    tell may be at the next try when it is asked again: what it said last is what counts."""
    said = None

    def says_mtu():
        nonlocal said
        peer = laptop.helper.peer(other)
        if peer and peer["state"] == "waiting":
            said = peer["reason"]
        return said == "mtu"

    try:
        until(seconds, f"{laptop.name} says mtu", says_mtu, every=0.1)
    except TimedOut:
        pass
    return said


def transfer(sender, receiver, n_bytes, limit=60):
    """Sends so much by TCP; returns the seconds until the last byte was there."""
    # A socket stays in the host where it was made, whoever uses it.
    listener = receiver.host.do(socket.create_server, (receiver.tunnel.ip4, 0))
    start = time.monotonic()
    out = sender.host.do(socket.create_connection, listener.getsockname(), limit)
    into, _ = listener.accept()
    into.settimeout(limit)
    with listener, out, into:
        writer = threading.Thread(target=_write, args=(out, n_bytes))
        writer.start()
        n_got = 0
        while chunk := into.recv(1 << 16):
            n_got += len(chunk)
        writer.join()
    assert n_got == n_bytes, f"{n_got} of {n_bytes} bytes came"
    return time.monotonic() - start


def _write(out, n_bytes):
    out.sendall(bytes(n_bytes))
    out.shutdown(socket.SHUT_WR)
