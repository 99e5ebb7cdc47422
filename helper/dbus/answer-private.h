/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of an answer share: answer.c, which says what there is, explain.c, why, and
 * view-text.c, both as text.
 */

#pragma once

#include "helper/dbus/answer.h"

G_BEGIN_DECLS

const ApTunnelView *ap_answer_find_tunnel(const ApView *view, guint32 ifindex);
void ap_answer_add_endpoint(GVariantDict *dict, const char *name, const ApEndpoint *endpoint);
void ap_answer_add_peer(GVariantDict *dict,
                        const ApView *view,
                        const ApPeerView *peer,
                        ApFirewall firewall);
GVariant *ap_answer_tunnel(const ApTunnelView *tunnel);
GVariant *ap_answer_explain_peer(const ApView *view, const ApPeerView *peer, ApFirewall firewall);

G_END_DECLS
