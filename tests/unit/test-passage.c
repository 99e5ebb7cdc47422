/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The kernel's own numbers, of the loopback interface. */

#include "common/fd.h"
#include "helper/io/passage.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

static void
send_one(void)
{
    const struct sockaddr_in self = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(9),
    };
    ap_autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(sendto(fd, "", 1, 0, (const struct sockaddr *) &self, sizeof(self)), ==, 1);
}

static void
test_packets_are_counted(void)
{
    const guint32 ifindex = if_nametoindex("lo");
    g_autoptr(ApPassage) self = ap_passage_new();
    ApPassed before, after;

    g_assert_true(ap_passage_read(self, ifindex, &before));
    send_one();
    g_assert_true(ap_passage_read(self, ifindex, &after));
    g_assert_cmpuint(after.n_out, >, before.n_out);
    g_assert_cmpuint(after.n_in, >, before.n_in);
}

static void
test_unknown_interface_is_no_end(void)
{
    g_autoptr(ApPassage) self = ap_passage_new();
    ApPassed passed = {1, 2};

    g_assert_false(ap_passage_read(self, G_MAXINT32, &passed));
    g_assert_cmpuint(passed.n_out, ==, 1);
    g_assert_true(ap_passage_read(self, if_nametoindex("lo"), &passed));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/passage/packets-are-counted", test_packets_are_counted);
    g_test_add_func("/passage/unknown-interface-is-no-end", test_unknown_interface_is_no_end);
    return g_test_run();
}
