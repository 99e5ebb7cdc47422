/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/passage.h"

#include "helper/io/rtnetlink-socket.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/**
 * Room for the question, and for the answer, in bytes: a message about one interface with
 * struct rtnl_link_stats64 in it takes about 250.
 */
#define MESSAGE_LEN 1024

/** @socket: (owned) (nullable): none yet, or it failed */
struct _ApPassage {
    ApRtnetlinkSocket *socket;
    guint32 seq;
};

/** Returns: (transfer full): opens nothing yet */
ApPassage *
ap_passage_new(void)
{
    return g_new0(ApPassage, 1);
}

void
ap_passage_free(ApPassage *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->socket, ap_rtnetlink_socket_close);
    g_free(self);
}

static gboolean
open_socket(ApPassage *self)
{
    if (self->socket == NULL)
        self->socket = ap_rtnetlink_socket_open(0, 0);
    return self->socket != NULL;
}

static gboolean
ask(ApPassage *self, guint32 ifindex)
{
    guint8 buffer[MESSAGE_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
    struct if_stats_msg *body;

    head->nlmsg_type = RTM_GETSTATS;
    head->nlmsg_flags = NLM_F_REQUEST;
    head->nlmsg_seq = ++self->seq;
    body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
    body->ifindex = ifindex;
    body->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
    return mnl_socket_sendto(self->socket, head, head->nlmsg_len) >= 0;
}

static int
find_stats(const struct nlattr *attr, void *data)
{
    const struct nlattr **found = data;

    if (mnl_attr_get_type(attr) == IFLA_STATS_LINK_64)
        *found = attr;
    return MNL_CB_OK;
}

static int
take(const struct nlmsghdr *message, void *data)
{
    const struct nlattr *found = NULL;
    struct rtnl_link_stats64 stats = {0};
    ApPassed *passed = data;

    if (message->nlmsg_type != RTM_NEWSTATS
        || mnl_attr_parse(message, sizeof(struct if_stats_msg), find_stats, &found) < 0
        || found == NULL
        || mnl_attr_get_payload_len(found)
               < G_STRUCT_OFFSET(struct rtnl_link_stats64, tx_packets) + sizeof(stats.tx_packets))
        return MNL_CB_ERROR;

    /* Other kernels know more members, or fewer. */
    memcpy(&stats,
           mnl_attr_get_payload(found),
           MIN(sizeof(stats), mnl_attr_get_payload_len(found)));
    *passed = (ApPassed){.n_out = stats.tx_packets, .n_in = stats.rx_packets};
    return MNL_CB_STOP;
}

static gboolean
read_answer(ApPassage *self, ApPassed *out)
{
    guint8 buffer[MESSAGE_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
    const gssize n = mnl_socket_recvfrom(self->socket, buffer, sizeof(buffer));

    return n > 0
           && mnl_cb_run(buffer,
                         (gsize) n,
                         self->seq,
                         mnl_socket_get_portid(self->socket),
                         take,
                         out)
                  == MNL_CB_STOP;
}

/**
 * Reads what has gone through one interface.
 *
 * @out: (out caller-allocates): left as it was when the function fails
 *
 * Returns: FALSE when the kernel does not say: there is no such interface, or it is too old
 */
gboolean
ap_passage_read(ApPassage *self, guint32 ifindex, ApPassed *out)
{
    ApPassed passed;

    if (open_socket(self) && ask(self, ifindex) && read_answer(self, &passed)) {
        *out = passed;
        return TRUE;
    }

    /* The rest of an answer may still be in it. */
    g_clear_pointer(&self->socket, ap_rtnetlink_socket_close);
    return FALSE;
}
