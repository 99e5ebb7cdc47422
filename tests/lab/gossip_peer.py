# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer as wirelink is one, for laptops and hubs that meet it.

    gossip_peer.py --interface wg0 --port 51821 [--config FILE] [--tick SECONDS]

It says what it does on its standard output.
"""

import argparse
import select
import socket
import time
import uuid

import gossip_codec as codec
from gossip_device import Device
from gossip_mind import Config, Mind

# Facts that wait for the next tick at most.
_CHUNK = 100

# Longer between two ticks, in seconds, and the machine was asleep.
_SLEPT = 10


class Peer:
    def __init__(self, options):
        self.device = Device(options.interface)
        self.tick = options.tick
        self.port = options.port
        self.mind = Mind(self.device, Config(options.config), _now())
        self.secrets = {}
        own = codec.link_local(self.device.public)
        self.device.add_address(own)
        self.mind.begin()
        self.scope = socket.if_nametoindex(options.interface)
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind((own, self.port, 0, self.scope))

    def run(self):
        last = _now()
        while True:
            now = _now()
            if now - last > _SLEPT:
                self.mind.boot_id = uuid.uuid4().bytes
            last = now
            self._do_tick(now)
            self._listen(now + self.tick)

    def _do_tick(self, now):
        self.device.read()
        self.mind.refresh(now)
        for key, inner in self.mind.speak(now):
            self._send(key, inner)
        self.mind.configure(now)

    def _listen(self, end):
        """Until then, or until enough has come."""
        n_facts = 0
        while n_facts < _CHUNK:
            ready, _, _ = select.select([self.socket], [], [], max(0.0, end - _now()))
            if not ready:
                return
            n_facts += self._receive()

    def _receive(self):
        datagram, source = self.socket.recvfrom(codec.MAX_READ)
        try:
            signer, facts = codec.unseal(datagram, source[0].partition("%")[0], self._secret)
        except codec.Refused as refused:
            print(f"from {source[0]}: refused: {refused}", flush=True)
            return 0
        self.mind.hear(signer, facts, _now())
        return len(facts)

    def _secret(self, key):
        if key not in self.secrets:
            self.secrets[key] = codec.shared_secret(self.device.private, key)
        return self.secrets[key]

    def _send(self, key, inner):
        datagram = codec.seal(inner, self.device.public, self._secret(key))
        try:
            self.socket.sendto(datagram, (codec.link_local(key), self.port, 0, self.scope))
        except OSError as error:
            print(f"to {codec.link_local(key)}: {error}", flush=True)


def _now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interface", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config")
    parser.add_argument("--tick", type=float, default=5.0)
    Peer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
