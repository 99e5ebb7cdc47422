/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/instant.h"
#include "common/reader.h"
#include "common/wireguard/netlink-message.h"

#include <sodium.h>

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

/** One attribute. */
typedef struct {
    guint16 type; /* without the flag bits */
    ApReader payload;
} Attr;

/**
 * Takes what one attribute says; FALSE: it breaks its format. Types that it does not know it
 * must pass over: the kernel may add some.
 */
typedef gboolean (*AttrTaker)(const Attr *attr, gpointer user_data);

/* Bytes from the end of something of @n bytes to the next border; the last one may lack them. */
static gsize
padding(gsize n)
{
    return (NLMSG_ALIGNTO - n % NLMSG_ALIGNTO) % NLMSG_ALIGNTO;
}

static void
skip_padding(ApReader *in, gsize n)
{
    const guint8 *bytes;

    (void) ap_reader_take(in, MIN(in->left, padding(n)), &bytes);
}

/*
 * Hands each attribute in @in to @take. A length that does not fit is an error and not, as in
 * libmnl's iterators, the end: a list must not become shorter because of it.
 */
static gboolean
each_attr(ApReader in, AttrTaker take, gpointer user_data)
{
    while (in.left > 0) {
        struct nlattr head;
        Attr attr;

        if (!ap_reader_copy(&in, sizeof(head), &head) || head.nla_len < sizeof(head))
            return FALSE;

        attr.type = head.nla_type & NLA_TYPE_MASK;
        attr.payload.left = head.nla_len - sizeof(head);
        if (!ap_reader_take(&in, attr.payload.left, &attr.payload.data) || !take(&attr, user_data))
            return FALSE;

        skip_padding(&in, head.nla_len);
    }
    return TRUE;
}

/* Copies a value of exactly @n bytes. */
static gboolean
copy_exactly(const Attr *attr, gsize n, void *out)
{
    ApReader payload = attr->payload;

    return payload.left == n && ap_reader_copy(&payload, n, out);
}

/* Copies a text with its NUL, and nothing after it. */
static gboolean
copy_text(const Attr *attr, gsize n_room, char *out)
{
    const gsize n = attr->payload.left;

    if (n == 0 || n > n_room || memchr(attr->payload.data, '\0', n) != attr->payload.data + n - 1)
        return FALSE;

    memcpy(out, attr->payload.data, n);
    return TRUE;
}

/* --- prefixes ------------------------------------------------------------------------------ */

typedef struct {
    ApAddr addr;
    gsize n_addr;
    guint8 prefix_len;
    gboolean has_prefix_len;
} Allowed;

static gboolean
take_allowed_part(const Attr *attr, gpointer user_data)
{
    Allowed *self = user_data;

    switch (attr->type) {
    case WGALLOWEDIP_A_FAMILY:
        return copy_exactly(attr, sizeof(self->addr.family), &self->addr.family);
    case WGALLOWEDIP_A_IPADDR:
        self->n_addr = attr->payload.left;
        return self->n_addr <= sizeof(self->addr.bytes)
               && copy_exactly(attr, self->n_addr, self->addr.bytes);
    case WGALLOWEDIP_A_CIDR_MASK:
        self->has_prefix_len = TRUE;
        return copy_exactly(attr, sizeof(self->prefix_len), &self->prefix_len);
    default:
        return TRUE;
    }
}

static gboolean
take_allowed(const Attr *attr, gpointer user_data)
{
    GArray *out = user_data;
    Allowed allowed = {0};
    ApCidr cidr;

    if (!each_attr(attr->payload, take_allowed_part, &allowed) || !allowed.has_prefix_len
        || (allowed.addr.family != AF_INET && allowed.addr.family != AF_INET6)
        || allowed.n_addr * 8 != ap_addr_n_bits(allowed.addr.family)
        || allowed.prefix_len > ap_addr_n_bits(allowed.addr.family))
        return FALSE;

    cidr = ap_cidr_network(&allowed.addr, allowed.prefix_len);
    g_array_append_val(out, cidr);
    return TRUE;
}

/* --- peers --------------------------------------------------------------------------------- */

/** Whose attributes follow. */
typedef struct {
    ApKey key;
    gboolean is_set;
} PeerKey;

static gboolean
take_key(const Attr *attr, gpointer user_data)
{
    PeerKey *self = user_data;

    if (attr->type != WGPEER_A_PUBLIC_KEY)
        return TRUE;

    self->is_set = copy_exactly(attr, sizeof(self->key.bytes), self->key.bytes);
    return self->is_set;
}

static gboolean
take_endpoint(const Attr *attr, ApEndpoint *out)
{
    struct sockaddr_storage addr = {0};
    const gsize n = attr->payload.left;

    if (n != sizeof(struct sockaddr_in) && n != sizeof(struct sockaddr_in6))
        return FALSE;

    memcpy(&addr, attr->payload.data, n);
    if ((addr.ss_family == AF_INET6) != (n == sizeof(struct sockaddr_in6)))
        return FALSE;
    return ap_endpoint_from_sockaddr(out, (const struct sockaddr *) &addr);
}

static gboolean
take_handshake(const Attr *attr, gint64 *out_real_usec)
{
    struct __kernel_timespec time;

    if (!copy_exactly(attr, sizeof(time), &time) || time.tv_sec < 0
        || time.tv_sec >= G_MAXINT64 / AP_USEC_PER_SEC || time.tv_nsec < 0
        || time.tv_nsec >= AP_USEC_PER_SEC * 1000)
        return FALSE;

    *out_real_usec = time.tv_sec * AP_USEC_PER_SEC + time.tv_nsec / 1000;
    return TRUE;
}

static gboolean
take_psk(const Attr *attr, gboolean *out)
{
    if (attr->payload.left != WG_KEY_LEN)
        return FALSE;

    *out = !sodium_is_zero(attr->payload.data, WG_KEY_LEN);
    return TRUE;
}

static gboolean
take_peer_part(const Attr *attr, gpointer user_data)
{
    ApDevicePeer *self = user_data;

    switch (attr->type) {
    case WGPEER_A_PRESHARED_KEY:
        return take_psk(attr, &self->has_psk);
    case WGPEER_A_ENDPOINT:
        return take_endpoint(attr, &self->endpoint);
    case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        return copy_exactly(attr, sizeof(self->keepalive_sec), &self->keepalive_sec);
    case WGPEER_A_LAST_HANDSHAKE_TIME:
        return take_handshake(attr, &self->handshake_real_usec);
    case WGPEER_A_RX_BYTES:
        return copy_exactly(attr, sizeof(self->rx_bytes), &self->rx_bytes);
    case WGPEER_A_TX_BYTES:
        return copy_exactly(attr, sizeof(self->tx_bytes), &self->tx_bytes);
    case WGPEER_A_ALLOWEDIPS:
        return each_attr(attr->payload, take_allowed, self->allowed);
    default:
        return TRUE;
    }
}

/* A peer whose prefixes did not fit goes on as the first of the next message. */
static ApDevicePeer *
last_or_new(GPtrArray *peers, const ApKey *key)
{
    ApDevicePeer *peer = peers->len > 0 ? g_ptr_array_index(peers, peers->len - 1) : NULL;

    if (peer == NULL || !ap_key_equal(&peer->key, key)) {
        peer = ap_device_peer_new(key);
        g_ptr_array_add(peers, peer);
    }
    return peer;
}

static gboolean
take_peer(const Attr *attr, gpointer user_data)
{
    PeerKey whose = {0};

    return each_attr(attr->payload, take_key, &whose) && whose.is_set
           && each_attr(attr->payload, take_peer_part, last_or_new(user_data, &whose.key));
}

/* --- the messages -------------------------------------------------------------------------- */

static gboolean
take_device_part(const Attr *attr, gpointer user_data)
{
    ApDevice *self = user_data;

    switch (attr->type) {
    case WGDEVICE_A_IFINDEX:
        return copy_exactly(attr, sizeof(self->id.ifindex), &self->id.ifindex);
    case WGDEVICE_A_IFNAME:
        return copy_text(attr, sizeof(self->id.name), self->id.name);
    case WGDEVICE_A_PUBLIC_KEY:
        self->has_key = TRUE;
        return copy_exactly(attr, sizeof(self->public_key.bytes), self->public_key.bytes);
    case WGDEVICE_A_LISTEN_PORT:
        return copy_exactly(attr, sizeof(self->listen_port), &self->listen_port);
    case WGDEVICE_A_FWMARK:
        return copy_exactly(attr, sizeof(self->fwmark), &self->fwmark);
    case WGDEVICE_A_PEERS:
        return each_attr(attr->payload, take_peer, self->peers);
    default: /* the private key among them: only take_secret_part() copies it out of the buffer */
        return TRUE;
    }
}

static gboolean
take_secret_part(const Attr *attr, gpointer user_data)
{
    ApSecretKey *self = user_data;

    return attr->type != WGDEVICE_A_PRIVATE_KEY
           || copy_exactly(attr, sizeof(self->bytes), self->bytes);
}

/**
 * Takes one message of the answer to ap_netlink_build_get_device(); an ApNetlinkTaker.
 *
 * @user_data: an ApDevice, to which the message is added. Its index and name become what the
 *     kernel says
 */
gboolean
ap_netlink_take_device(guint16 type, const guint8 *payload, gsize n, gpointer user_data)
{
    ApReader in = {payload, n};
    const guint8 *header;

    return type >= NLMSG_MIN_TYPE && ap_reader_take(&in, GENL_HDRLEN, &header)
           && each_attr(in, take_device_part, user_data);
}

/**
 * Takes the private key from one message of the answer to ap_netlink_build_get_device(); an
 * ApNetlinkTaker.
 *
 * @user_data: an ApSecretKey, left as it was where the message has no key
 */
gboolean
ap_netlink_take_secret(guint16 type, const guint8 *payload, gsize n, gpointer user_data)
{
    ApReader in = {payload, n};
    const guint8 *header;

    return type >= NLMSG_MIN_TYPE && ap_reader_take(&in, GENL_HDRLEN, &header)
           && each_attr(in, take_secret_part, user_data);
}

static gboolean
take_family_part(const Attr *attr, gpointer user_data)
{
    return attr->type != CTRL_ATTR_FAMILY_ID || copy_exactly(attr, sizeof(guint16), user_data);
}

/**
 * Takes the answer to ap_netlink_build_get_family(); an ApNetlinkTaker.
 *
 * @user_data: a guint16 for the number of the family
 */
gboolean
ap_netlink_take_family(guint16 type, const guint8 *payload, gsize n, gpointer user_data)
{
    ApReader in = {payload, n};
    const guint8 *header;

    return type == GENL_ID_CTRL && ap_reader_take(&in, GENL_HDRLEN, &header)
           && each_attr(in, take_family_part, user_data);
}

typedef struct {
    ApDeviceId id;
    gboolean is_wireguard;
} Link;

static gboolean
take_link_info(const Attr *attr, gpointer user_data)
{
    Link *self = user_data;
    const ApReader *kind = &attr->payload;

    if (attr->type == IFLA_INFO_KIND)
        self->is_wireguard = kind->left == sizeof(WG_GENL_NAME)
                             && memcmp(kind->data, WG_GENL_NAME, sizeof(WG_GENL_NAME)) == 0;
    return TRUE;
}

static gboolean
take_link_part(const Attr *attr, gpointer user_data)
{
    Link *self = user_data;

    switch (attr->type) {
    case IFLA_IFNAME:
        return copy_text(attr, sizeof(self->id.name), self->id.name);
    case IFLA_LINKINFO:
        return each_attr(attr->payload, take_link_info, self);
    default:
        return TRUE;
    }
}

/**
 * Takes one message of the answer to ap_netlink_build_list_links(); an ApNetlinkTaker.
 *
 * @user_data: a GArray of ApDeviceId, to which the link is added when its kind is "wireguard"
 */
gboolean
ap_netlink_take_link(guint16 type, const guint8 *payload, gsize n, gpointer user_data)
{
    GArray *out = user_data;
    ApReader in = {payload, n};
    Link link = {.id.backend = AP_BACKEND_KERNEL};
    struct ifinfomsg info;

    if (type != RTM_NEWLINK || !ap_reader_copy(&in, sizeof(info), &info)
        || !each_attr(in, take_link_part, &link) || info.ifi_index <= 0)
        return FALSE;

    link.id.ifindex = (guint32) info.ifi_index;
    if (link.is_wireguard)
        g_array_append_val(out, link.id);
    return TRUE;
}

/* --- the walk ------------------------------------------------------------------------------ */

static ApNetlinkResult
refused(int errnum)
{
    return (ApNetlinkResult){.verdict = AP_NETLINK_REFUSED, .errnum = errnum};
}

/* NLMSG_ERROR and NLMSG_DONE begin with 0 or a negative errno; 0 completes the answer. */
static ApNetlinkResult
take_end(ApReader payload)
{
    gint32 code;

    if (!ap_reader_copy(&payload, sizeof(code), &code) || code > 0 || code == G_MININT32)
        return refused(EBADMSG);
    return code == 0 ? (ApNetlinkResult){AP_NETLINK_DONE, 0} : refused(-code);
}

static ApNetlinkResult
take_message(const struct nlmsghdr *head, ApReader payload, ApNetlinkTaker take, gpointer user_data)
{
    const ApNetlinkResult more = {AP_NETLINK_MORE, 0};

    if ((head->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        return (ApNetlinkResult){AP_NETLINK_INTERRUPTED, 0};

    switch (head->nlmsg_type) {
    case NLMSG_NOOP:
        return more;
    case NLMSG_ERROR:
    case NLMSG_DONE:
        return take_end(payload);
    case NLMSG_OVERRUN:
        return (ApNetlinkResult){AP_NETLINK_INTERRUPTED, 0};
    default:
        return take != NULL && take(head->nlmsg_type, payload.data, payload.left, user_data)
                   ? more
                   : refused(EBADMSG);
    }
}

/**
 * Goes through the messages of one datagram from the kernel.
 *
 * @bytes: (array length=n)
 * @seq: what the request said; messages with another belong to somebody else's question and
 *     are passed over
 * @portid: the port of our socket; the same applies
 * @take: (nullable): gets each message that is neither an error nor the end; NULL when only
 *     an acknowledgement is expected
 *
 * An answer is complete with NLMSG_DONE, or with NLMSG_ERROR 0; until then the caller must go
 * on. What @take has collected is of use only after AP_NETLINK_DONE.
 *
 * Returns: AP_NETLINK_MORE, or how the answer ended
 */
ApNetlinkResult
ap_netlink_walk(const guint8 *bytes,
                gsize n,
                guint32 seq,
                guint32 portid,
                ApNetlinkTaker take,
                gpointer user_data)
{
    ApReader in = {bytes, n};
    ApNetlinkResult result = {AP_NETLINK_MORE, 0};

    while (in.left > 0 && result.verdict == AP_NETLINK_MORE) {
        struct nlmsghdr head;
        ApReader payload;

        if (!ap_reader_copy(&in, sizeof(head), &head) || head.nlmsg_len < sizeof(head))
            return refused(EBADMSG);

        payload.left = head.nlmsg_len - sizeof(head);
        if (!ap_reader_take(&in, payload.left, &payload.data))
            return refused(EBADMSG);

        if (head.nlmsg_seq == seq && head.nlmsg_pid == portid)
            result = take_message(&head, payload, take, user_data);
        skip_padding(&in, head.nlmsg_len);
    }
    return result;
}
