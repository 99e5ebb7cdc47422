# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reference peer knows and believes, and what follows from it at each tick.

As wirelink does it, with its weaknesses: gossip-protocol.md 6 to 11.
"""

import base64
import ipaddress
import json
import random
import uuid
from pathlib import Path

import gossip_codec as codec
from gossip_codec import Fact

# Levels of trust.
_ENDPOINT, _ALLOWED, _MEMBERSHIP = 1, 2, 3
_LEVELS = {"Untrusted": 0, "Endpoint": 1, "AllowedIPs": 2, "Membership": 3, "DelegateTrust": 4}
_NEEDED = {"e": 1, "E": 1, "a": 2, "A": 2, "m": 3, "M": 3}

# Seconds.
_TTL = 255
_RESEND = 132.5
_PING = 225
_ENDPOINT_INTERVAL = 15
_ALLOWED_GUARD = 2.5
_DECONFIGURE_AFTER = 255
_DELETE_AFTER = 260
_DELETE_GUARD = 7.5

_LINK_LOCAL = ipaddress.ip_network("fe80::/16")


class Config:
    """The file of wirelink, as JSON."""

    def __init__(self, path=None):
        text = Path(path).read_text(encoding="utf-8") if path else "{}"
        values = json.loads(text)
        self.is_router = values.get("Router")
        self.is_chatty = values.get("Chatty", False)
        self.report, self.hide = values.get("ReportIfaces", []), values.get("HideIfaces", [])
        self.peers = {base64.b64decode(p["PublicKey"]): p for p in values.get("Peers", [])}

    def trust(self, key):
        name = self.peers.get(key, {}).get("Trust")
        return None if name is None else _LEVELS[name]

    def has_trust(self):
        return any("Trust" in peer for peer in self.peers.values())

    def metadata(self, key):
        peer = self.peers[key]
        items = {"b": bytes([peer.get("Basic", False)])}
        return codec.pack_metadata(items | ({"n": peer["Name"].encode()} if "Name" in peer else {}))


def automatic(key):
    return ipaddress.ip_network(codec.link_local(key))


class Mind:
    def __init__(self, device, config, now):
        self.device = device
        self.config = config
        self.own = device.public
        self.started = now
        self.boot_id = uuid.uuid4().bytes
        self.facts = {}  # {identity: until when}
        self.local = set()
        self.told = {}  # {recipient: {what: until when}}
        self.alive = {}  # {key: (boot ID, until when)}
        self.fit = {}  # {key: (boot ID, since when it has been alive and healthy)}
        self.tried = {}  # {(key, endpoint): when}

    def begin(self):
        """Makes sure that every peer can be spoken to."""
        for key, peer in self.device.peers.items():
            self.device.set_peer(key, None, peer.allowed | {automatic(key)})

    # --- who is who ---

    def is_router(self):
        if self.config.is_router is not None:
            return self.config.is_router
        return not any(peer.is_router for peer in self.device.peers.values())

    def is_alive(self, key, until):
        return self.alive.get(key, (None, 0))[1] > until

    def is_healthy(self, key):
        return key in self.device.peers and self.device.peers[key].is_healthy

    def own_trust(self):
        return self.config.trust(self.own) or 0

    def level(self, source):
        """What that peer may say; None: nothing at all."""
        configured = self.config.trust(source)
        if configured is not None or source not in self.device.peers:
            return configured
        by_route = not self.config.has_trust() and self.device.peers[source].is_router
        return _MEMBERSHIP if by_route else _ENDPOINT

    # --- hearing ---

    def hear(self, source, facts, now):
        """Takes what may be believed of one datagram."""
        for fact in facts:
            known = self.told.setdefault(source, {})
            known[_what(fact.identity)] = now + fact.ttl
            if fact.attribute == codec.ALIVE and fact.ttl > 0:
                self._hear_alive(source, fact, now)
            elif fact.ttl > 0 and self._believes(source, fact):
                self._keep(fact.identity, now + fact.ttl)

    def _hear_alive(self, source, fact, now):
        if self.alive.get(source, (None, 0))[0] != fact.value:
            self.told[source] = {}
        self.alive[source] = fact.value, now + fact.ttl

    def _believes(self, source, fact):
        level = self.level(source)
        needed = _NEEDED[fact.attribute]
        if fact.subject not in self.device.peers:
            needed = max(needed, _MEMBERSHIP)
        if fact.attribute in "eE" and self.device.is_in_tunnel(codec.read_endpoint(fact.value)[0]):
            return False
        return level is not None and level >= needed

    def _keep(self, identity, until):
        self.facts[identity] = max(until, self.facts.get(identity, 0))

    # --- what it says itself ---

    def refresh(self, now):
        """Puts its own facts among the others; a new boot ID when anybody has lost something."""
        before = set(self.facts)
        local = set(self._about_itself()) | set(self._about_peers()) | set(self._about_config())
        gone = self.local - local
        self.facts = {one: until for one, until in self.facts.items() if until > now and one not in gone}
        for identity in local:
            self._keep(identity, now + _TTL)
        self.local = local
        if any(attribute in "aAmM" for attribute, *_ in before - set(self.facts)):
            self.boot_id = uuid.uuid4().bytes

    def _about_itself(self):
        for address in self.device.lan_addresses(self.config.report, self.config.hide):
            value = codec.endpoint_value(str(address), self.device.port)
            yield codec.ENDPOINTS[address.version], self.own, value
        if self.is_router() and not self.config.peers.get(self.own, {}).get("AllowedIPs"):
            for address in self.device.own_addresses():
                yield _allowed(self.own, address.network)

    def _about_peers(self):
        trust = _MEMBERSHIP if self.is_router() else self.own_trust()
        for key, peer in self.device.peers.items():
            if peer.is_healthy:
                address, port = peer.endpoint
                yield codec.ENDPOINTS[address.version], key, codec.endpoint_value(str(address), port)
            if trust >= _ALLOWED:
                yield from (_allowed(key, n) for n in peer.allowed if not _is_link_local(n))
            if trust >= _MEMBERSHIP and key not in self.config.peers:
                yield codec.MEMBER, key, b""

    def _about_config(self):
        for key, peer in self.config.peers.items():
            yield codec.MEMBER, key, self.config.metadata(key)
            for prefix in peer.get("AllowedIPs", []):
                yield _allowed(key, ipaddress.ip_network(prefix, strict=False))
            if key != self.own and not self.is_alive(key, 0) and not self.is_healthy(key):
                yield from (_endpoint(key, text) for text in peer.get("Endpoints", []))

    # --- speaking ---

    def speak(self, now):
        """[(recipient, inner part of a datagram)]"""
        return [
            (key, inner)
            for key, peer in self.device.peers.items()
            if peer.endpoint is not None
            for inner in self._letter(key, peer, now)
        ]

    def _letter(self, key, peer, now):
        facts = self._news_for(key, now) if self._gets_facts(key, peer) else []
        inners = codec.group(facts)
        ping = Fact(codec.ALIVE, self.own, self.boot_id, _TTL)
        data = codec.write_fact(ping)
        until = self.told.get(key, {}).get(_what(ping.identity), 0)
        if until - now < _PING:
            inners = codec.group([*facts, ping])
        elif inners and len(inners[-1]) + len(data) <= codec.MAX_INNER:
            inners[-1] += data
        else:
            return inners
        self._note(key, ping.identity, now + _TTL)
        return inners

    def _gets_facts(self, key, peer):
        """Everybody gets pings."""
        trusted = (self.config.trust(key) or 0) >= _ALLOWED
        exchanger = self.config.peers.get(key, {}).get("FactExchanger")
        if trusted or exchanger or peer.is_router:
            return True
        return (self.config.is_chatty or self.is_router()) and peer.is_healthy

    def _news_for(self, key, now):
        known = self.told.get(key, {})
        facts = []
        for identity, until in self.facts.items():
            known_until = known.get(_what(identity), 0)
            if not self._concerns(key, identity) or (known_until - now >= _RESEND or known_until >= until):
                continue
            self._note(key, identity, until)
            facts.append(Fact(*identity, ttl=min(int(until - now), codec.MAX_TTL)))
        random.shuffle(facts)
        return facts

    def _concerns(self, key, identity):
        attribute, subject, _ = identity
        if subject in self.device.peers and not self.is_alive(subject, 0) and not self.is_healthy(subject):
            return False
        return subject != key or attribute == codec.MEMBER

    def _note(self, key, identity, until):
        self.told.setdefault(key, {})[_what(identity)] = until

    # --- configuring ---

    def configure(self, now):
        """Brings the device in line with what is known."""
        members = {subject for attribute, subject, _ in self.facts if attribute in "mM"}
        valid = {self.own, *self.config.peers, *members}
        subjects = {subject for _, subject, _ in self.facts}
        for key in self.device.peers:
            self._note_fitness(key, now)
        for key in valid - {self.own}:
            if key in self.device.peers or key in subjects:
                self._configure_peer(key, now)
        if self._may_delete(now):
            for key in set(self.device.peers) - valid:
                if self.config.has_trust() or not self.device.peers[key].is_router:
                    self.device.remove_peer(key)

    def _note_fitness(self, key, now):
        boot_id, until = self.alive.get(key, (None, 0))
        if until <= now or not self.is_healthy(key):
            self.fit.pop(key, None)
        elif self.fit.get(key, (None, 0))[0] != boot_id:
            self.fit[key] = boot_id, now

    def _is_patient(self, now, level):
        return now - self.started > _DECONFIGURE_AFTER and not self.is_router() and self.own_trust() < level

    def _configure_peer(self, key, now):
        present = self.device.peers.get(key)
        has = present.allowed if present else frozenset()
        told = {codec.read_prefix(v) for attribute, s, v in self.facts if s == key and attribute in "aA"}
        wanted = has | {automatic(key)}
        endpoint = None
        if self.is_healthy(key):
            basic = self.config.peers.get(key, {}).get("Basic", False) or self._is_basic(key)
            if basic or self.is_alive(key, now + _ALLOWED_GUARD):
                wanted |= told
                if self._is_patient(now, _ALLOWED):
                    wanted = told | {automatic(key)}
        else:
            if self._is_patient(now, _ALLOWED):
                wanted = {automatic(key)}
            endpoint = self._next_endpoint(key, now)
        if endpoint == (present.endpoint if present else None):
            endpoint = None
        if wanted != has or endpoint is not None:
            self.device.set_peer(key, endpoint, wanted if wanted != has else None)
        if endpoint is not None:
            self.told.get(key, {}).pop(_what((codec.ALIVE, self.own, b"")), None)

    def _is_basic(self, key):
        values = (v for attribute, s, v in self.facts if attribute == codec.MEMBER and s == key)
        return any(codec.unpack_metadata(value).get("b") == b"\1" for value in values)

    def _next_endpoint(self, key, now):
        """The one that was tried longest ago; None while the last try is young."""
        tries = [when for (peer, _), when in self.tried.items() if peer == key]
        if tries and now - max(tries) <= _ENDPOINT_INTERVAL:
            return None
        found = [codec.read_endpoint(v) for attribute, s, v in self.facts if s == key and attribute in "eE"]
        found = [one for one in found if not self.device.is_in_tunnel(one[0])]
        if not found:
            return None
        random.shuffle(found)
        chosen = min(found, key=lambda one: self.tried.get((key, one), 0))
        self.tried[key, chosen] = now
        return chosen

    def _may_delete(self, now):
        if not self._is_patient(now, _MEMBERSHIP):
            return False
        peers = self.device.peers
        sources = [key for key in self.config.peers if (self.config.trust(key) or 0) >= _MEMBERSHIP]
        sources = sources or [key for key, peer in peers.items() if peer.is_router]
        return any(self._is_fit(key, now) for key in sources)

    def _is_fit(self, key, now):
        since = self.fit.get(key, (None, now))[1]
        return now - since >= _DELETE_AFTER and self.is_alive(key, now + _DELETE_GUARD)


def _what(identity):
    """What a recipient is believed to know: of a ping only that there was one."""
    return identity[:2] if identity[0] == codec.ALIVE else identity


def _allowed(key, network):
    return codec.ALLOWED[network.version], key, codec.prefix_value(network)


def _endpoint(key, text):
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    return codec.ENDPOINTS[address.version], key, codec.endpoint_value(str(address), int(port))


def _is_link_local(network):
    return network.version == 6 and network.subnet_of(_LINK_LOCAL)
