# SPDX-License-Identifier: GPL-3.0-or-later
"""A coordination server that behaves like WireGuard-Web 0.6.0, for laptops that meet a plain one.

    plain_server.py --interface wg0 --address 10.9.0.1 [--address …] --log FILE --mode FILE

The mode file is a JSON object, read again at each request; every member may be absent:

    cache    seconds for which the view of the device is kept (default 30, as the real one does)
    ports    "nat" (the source port that the hub sees), "null" or "flap" (another one each time)
    body     sent as it is instead of an answer
    bodies   the same by the client's tunnel address, sent before anything else is done
    status   sent instead of 200
    silent   true: accept, then say nothing
    hold     true: answers wait until it is gone; delays: seconds more by the client's address
"""

import argparse
import ipaddress
import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A client whose last handshake is older is refused.
MAX_HANDSHAKE_SECONDS = 600

# How often an answer that is held looks whether it may go, in seconds; much more often, and it
# would be all that an emulated machine does.
LOOK = 0.0005 * float(os.environ.get("LAB_SLOW", "1"))


class Device:
    """What `wg` says, kept for a while as the real server keeps it."""

    def __init__(self, interface):
        self.interface = interface
        self.read_at = -1e9
        self.peers = {}

    def read(self, cache):
        if time.monotonic() - self.read_at < cache:
            return self.peers
        dump = subprocess.run(
            ["wg", "show", self.interface, "dump"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        self.peers = {}
        for line in dump.splitlines()[1:]:
            key, _, endpoint, allowed, handshake, *_ = line.split("\t")
            host, _, port = endpoint.rpartition(":")
            self.peers[key] = {
                "public": host.strip("[]") if port else None,
                "port": int(port) if port else None,
                "handshake": int(handshake),
                "ips": [a.partition("/")[0] for a in allowed.split(",") if a != "(none)"],
            }
        self.read_at = time.monotonic()
        return self.peers


class Refused(Exception):
    def __init__(self, status, message=None):
        self.status = status
        self.body = json.dumps({"error": message}) if message else "<html>\n</html>"
        self.type = "application/json" if message else "text/html"


class Registry:
    """The rows of all clients, and the questions that the real server asks of them."""

    def __init__(self, device):
        self.device = device
        self.rows = {}
        self.n_answers = 0

    def ask(self, body, source, mode):
        try:
            elements = json.loads(body)
        except ValueError:
            raise Refused(400, "Could not decode JSON data") from None
        elements = [elements] if isinstance(elements, dict) else elements
        if not elements:
            raise Refused(400, "Empty request")
        if not isinstance(elements[0], dict):
            raise Refused(400, "Missing field, need 'pubkey', 'ip', 'netmask', 'gateway'")
        peers = self.device.read(mode.get("cache", 30))
        key = elements[0].get("pubkey")
        me = self._identify(peers, key, source)
        rows = self._rows(elements, me)
        self.rows[key] = rows
        self.n_answers += 1
        found = [self._entry(peers, other, mode) for other in self._matches(peers, key, rows, me)]
        return json.dumps({"peers": found})

    def _identify(self, peers, key, source):
        if key not in peers or not any(_same_client(source, ip) for ip in peers[key]["ips"]):
            raise Refused(401, "Invalid client")
        if not peers[key]["handshake"]:
            raise Refused(500)
        if time.time() - peers[key]["handshake"] > MAX_HANDSHAKE_SECONDS:
            raise Refused(400, "Handshake too old")
        return peers[key]

    def _rows(self, elements, me):
        rows = []
        for element in elements:
            try:
                row = {
                    "ip": str(ipaddress.ip_address(element["ip"].partition("%")[0])),
                    "gateway": str(ipaddress.ip_address(element["gateway"].partition("%")[0])),
                    "netmask": int(element.get("netmask")),
                    "public": me["public"],
                }
            except (KeyError, ValueError, TypeError, AttributeError):
                raise Refused(500) from None
            if row["ip"] != me["public"]:
                rows.append(row)
        return rows

    def _matches(self, peers, key, rows, me):
        plans = {(row["gateway"], row["netmask"]) for row in rows}
        for other, theirs in self.rows.items():
            if other == key or other not in peers:
                continue
            same_plan = any((row["gateway"], row["netmask"]) in plans for row in theirs)
            if same_plan and any(_same_public(row["public"], me["public"]) for row in theirs):
                yield other

    def _entry(self, peers, key, mode):
        port = peers[key]["port"]
        if mode.get("ports") == "null":
            port = None
        elif mode.get("ports") == "flap" and self.n_answers % 2:
            port += 1
        entry = {"pubkey": key, "ip": peers[key]["ips"]}
        if self.rows[key]:
            entry |= {"endpoint": self.rows[key][0]["ip"], "port": port}
        return entry


def _same_client(source, tunnel_ip):
    source, ip = ipaddress.ip_address(source), ipaddress.ip_address(tunnel_ip)
    if source.version == 6 and ip.version == 6:
        return source in ipaddress.ip_network(f"{ip}/64", strict=False)
    return source == ip


def _same_public(a, b):
    if not a or not b:
        return False
    a, b = ipaddress.ip_address(a), ipaddress.ip_address(b)
    if a.version == 6 and b.version == 6:
        return a in ipaddress.ip_network(f"{b}/64", strict=False)
    return a == b


class Handler(BaseHTTPRequestHandler):
    server_version = "gunicorn"
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        mode = self._mode()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._log(body, mode)
        if mode.get("silent"):
            time.sleep(3600)
        mode = self._wait(mode)
        given = mode.get("bodies", {}).get(self.client_address[0])
        if given is not None:
            self._send(mode.get("status", 200), "application/json", given)
        try:
            status, kind, text = 200, "application/json", self._answer(body, mode)
        except Refused as refused:
            status, kind, text = refused.status, refused.type, refused.body
        if given is None:
            self._send(mode.get("status", status), kind, mode.get("body", text))

    def _mode(self):
        return json.loads(open(self.server.options.mode, encoding="utf-8").read() or "{}")

    def _wait(self, mode):
        """Holds the answer back as the mode says; returns the mode that holds then."""
        while mode.get("hold"):
            time.sleep(LOOK)
            mode = self._mode()
        time.sleep(mode.get("delays", {}).get(self.client_address[0], 0))
        return mode

    def _answer(self, body, mode):
        if self.path.partition("?")[0] != "/peering-request":
            raise Refused(404)
        if not self.headers.get("Content-Type", "").lower().startswith("application/json"):
            raise Refused(400, "Only accepting application/json")
        source = self.client_address[0].removeprefix("::ffff:")
        with self.server.lock:
            return self.server.registry.ask(body, source, mode)

    def _send(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _log(self, body, mode):
        line = {"at": time.time(), "from": self.client_address[0], "mode": mode}
        line["body"] = body.decode(errors="replace")
        with self.server.lock, open(self.server.options.log, "a", encoding="utf-8") as log:
            print(json.dumps(line), file=log)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    lock = threading.Lock()

    def __init__(self, address, options, registry):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.options = options
        self.registry = registry
        super().__init__((address, options.port), Handler)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interface", default="wg0")
    parser.add_argument("--address", action="append", required=True)
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--log", required=True)
    parser.add_argument("--mode", required=True)
    options = parser.parse_args()
    registry = Registry(Device(options.interface))
    servers = [Server(address, options, registry) for address in options.address]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
