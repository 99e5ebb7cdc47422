# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have configured on a machine, which must be the same before and after us."""

import re

# Expires by itself, or counts.
_MOVES = re.compile(r" expires \d+sec| counter packets \d+ bytes \d+")


class Machine:
    """All that is not ours on one laptop: routes, rules, firewall, names, other people's peers."""

    def __init__(self, laptop, *tunnels):
        self.host = laptop.host
        self.ours = laptop.tunnel
        self.tunnels = [self.ours.ifname, *tunnels]
        self.before = self.look()

    def look(self):
        seen = {
            "routes": self._routes(),
            "rules": self.host.run("ip", "rule") + self.host.run("ip", "-6", "rule"),
            "firewall": _MOVES.sub("", self.host.run("nft", "list", "ruleset")),
            "names": self.host.sh("cat /etc/resolv.conf; ls -l /etc/resolv.conf"),
            "sysctl": self.host.sh("grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf 2>/dev/null | sort"),
        }
        for ifname in self.tunnels:
            seen[ifname] = self.host.run("wg", "showconf", ifname)
        return seen

    def _routes(self):
        """But for those that the kernel makes of the link-local address on our tunnel."""
        lines = self.host.run("ip", "route", "show", "table", "all").splitlines()
        lines += self.host.run("ip", "-6", "route", "show", "table", "all").splitlines()
        dev = f"dev {self.ours.ifname} "
        made = [line for line in lines if dev in f"{line} " and "fe80:" in line]
        return sorted(_MOVES.sub("", line) for line in lines if line not in made)

    def is_untouched(self, but=()):
        """While we are at work only our own peers are more than there was before."""
        seen = self.look()
        for what, before in self.before.items():
            if what == self.ours.ifname:
                assert configured(seen[what], but) == configured(before), what
            else:
                assert seen[what] == before, what

    def is_as_before(self):
        """After we are gone, byte for byte but for the order of peers."""
        self.is_untouched()


def configured(text, but=()):
    """The sections of a configuration, without the peers of these keys and what moves by itself:
    an endpoint is where the last packet came from."""
    text = re.sub(r"(?m)^Endpoint = .*\n", "", text)
    sections = re.split(r"\n(?=\[)", text.strip())
    return sorted(one.strip() for one in sections if not any(f"PublicKey = {key}" in one for key in but))
