/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Succeeds when the compiler keeps what an array of structs was initialised with. GCC 12.2 with
 * -ftrivial-auto-var-init=zero clears it again. */

#include <string.h>

typedef struct {
    unsigned short family;
    unsigned char bytes[16];
} Address;

typedef struct {
    unsigned char key[32];
    struct {
        Address address;
        unsigned short port;
        unsigned int scope;
    } endpoint;
    long handshake;
    unsigned int n_addresses;
    Address addresses[8];
} Peer;

static Peer
make_peer(unsigned char number)
{
    Peer peer = {.n_addresses = 2};

    memset(peer.key, number, sizeof(peer.key));
    peer.addresses[0] = (Address){2, {10, 9, 0, number}};
    peer.addresses[1] = (Address){10, {0xfd, 9, [15] = number}};
    return peer;
}

__attribute__((noinline)) static int
has_its_address(const Peer *peer, unsigned char number)
{
    const Address *address = &peer->addresses[0];

    return address->family == 2 && address->bytes[0] == 10 && address->bytes[3] == number;
}

int
main(void)
{
    const Peer peers[] = {make_peer(1), make_peer(2)};

    return has_its_address(&peers[0], 1) && has_its_address(&peers[1], 2) ? 0 : 1;
}
