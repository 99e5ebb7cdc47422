#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""capture.py NAME: writes NAME-links.bin, NAME-addresses.bin and NAME-routes.bin, the answers of
the running kernel to the three dumps of helper/io/rtnetlink.c, beside this file.

Run it with `unshare -n`: it makes a network with a bit of everything. Drivers that the kernel
lacks are left out. tests/unit/test-route-message.c knows what is in the files.
"""

import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

# Sources: linux/rtnetlink.h, linux/netlink.h, linux/if_link.h
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 0x1, 0x300, 2, 3
SOL_NETLINK, NETLINK_GET_STRICT_CHK = 270, 12
IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS, RT_TABLE_MAIN = 29, 8, 254

# The number by which the test knows its request.
SEQ = 1

# Settings of interfaces that are still to come.
BEFORE = """
net.ipv6.conf.all.accept_dad=0
net.ipv6.conf.default.accept_dad=0
net.ipv6.conf.default.use_tempaddr=2
"""

NETWORK = """
link set lo up
link add eth0 index 11 address 02:00:00:00:00:0b type veth peer name eth0p index 21
link add eth1 index 12 address 02:00:00:00:00:0c type veth peer name eth1p index 22
link set eth0 up
link set eth0p up
link set eth1 up
link set eth1p up
link add br0 index 13 type bridge
link add mv0 link eth0 index 14 type macvlan
link add vlan0 link eth0 index 15 type vlan id 7
link add vxlan0 index 16 type vxlan id 7 dstport 4789 dev eth0
link add dummy0 index 17 type dummy
link add bond0 index 18 type bond
link add wg0 index 19 type wireguard
tuntap add tun0 mode tun
link set br0 mtu 1400
address add 192.168.77.11/24 dev eth0
address add 192.168.77.12/24 dev eth0
address add 10.5.0.1 peer 10.5.0.2/32 dev eth0
address add 2001:db8:77::11/64 dev eth0
address add 2001:db8:77::dead/64 dev eth0 preferred_lft 0 valid_lft 1000
address add 192.168.88.11/24 dev eth1
address add 2001:db8:99::11/64 dev eth0 mngtmpaddr valid_lft 90000 preferred_lft 90000
route add default dev eth0 metric 10
route add default via 192.168.77.1 dev eth0 metric 100
route add default via 192.168.77.2 dev eth0 metric 50
route add default via 192.168.77.3 dev eth0 metric 1 table 99
route add blackhole default metric 5
route add 10.0.0.0/8 via 192.168.77.4
route add default metric 300 nexthop via 192.168.88.1 dev eth1 nexthop via 192.168.77.5 dev eth0
-6 route add default via fe80::2 dev eth0 metric 1024
-6 route append default via fe80::1 dev eth1 metric 1024
-6 route add default via fe80::3 dev eth0 metric 20 table 99
-6 route add default via fe80::4 dev eth1 metric 7 expires 1
-6 route add unreachable default metric 5
"""

# One address for which duplicate address detection goes on.
TENTATIVE = ["address", "add", "2001:db8:88::11/64", "dev", "eth1"]


def dump(kind, body):
    """Asks for one dump, and returns all datagrams of the answer, joined."""
    answer = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
        route.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        route.bind((0, 0))
        flags = NLM_F_REQUEST | NLM_F_DUMP
        route.send(struct.pack("=IHHII", 16 + len(body), kind, flags, SEQ, 0) + body)
        while True:
            datagram = route.recv(32 * 1024)
            answer += datagram
            at = 0
            while at < len(datagram):
                length, message = struct.unpack_from("=IH", datagram, at)
                if message in (NLMSG_ERROR, NLMSG_DONE):
                    return answer
                at += (length + 3) & ~3


def main(name):
    subprocess.run(["sysctl", "-q", *BEFORE.split()], check=True)
    for line in NETWORK.strip().splitlines():
        subprocess.run(["ip", *line.split()])
    time.sleep(2)  # one route expires
    subprocess.run(
        ["sysctl", "-q", "net.ipv6.conf.all.accept_dad=1", "net.ipv6.conf.eth1.dad_transmits=10"],
        check=True,
    )
    subprocess.run(["ip", *TENTATIVE], check=True)

    here = Path(__file__).parent
    mask = struct.pack("=HHI", 8, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    table = struct.pack("=8BI", 0, 0, 0, 0, RT_TABLE_MAIN, 0, 0, 0, 0)
    (here / f"{name}-links.bin").write_bytes(dump(RTM_GETLINK, bytes(16) + mask))
    (here / f"{name}-addresses.bin").write_bytes(dump(RTM_GETADDR, bytes(8)))
    (here / f"{name}-routes.bin").write_bytes(dump(RTM_GETROUTE, table))


if __name__ == "__main__":
    main(*sys.argv[1:])
