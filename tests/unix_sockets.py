# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on the sockets of a machine's file system."""

# linux/net.h: somebody waits for callers on this socket.
_SO_ACCEPTCON = 0x10000


def has_daemon(table, interface):
    """Whether wireguard-go listens for who controls @interface, by @table, the text of a
    /proc/net/unix. Whoever starts it waits for that before wg is used: wg removes a socket that is
    bound and not listened on yet, and then wireguard-go ends."""
    path = f"/run/wireguard/{interface}.sock"
    rows = [line.split() for line in table.splitlines()[1:]]
    return any(row[-1].endswith(path) and int(row[3], 16) & _SO_ACCEPTCON for row in rows)
