/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The coordination of one tunnel: asks its server when it is time, keeps what the answers
 * add up to, says good-bye.
 */

#pragma once

#include "common/device.h"
#include "helper/core/book.h"
#include "helper/core/tunnel.h"
#include "helper/core/view.h"
#include "helper/engine/metrics.h"

G_BEGIN_DECLS

typedef struct _ApAsker ApAsker;

/** Called when an exchange ended: the candidates may be others now. */
typedef void (*ApAskerFunc)(gpointer user_data);

/** What a request is made of; all borrowed. */
typedef struct {
    const ApTunnel *tunnel;
    const ApDevice *device;
    const GPtrArray *links; /* (element-type ApLink) */
    const ApPolicy *policy;
    const GArray *direct; /* (element-type ApKey) peers on a direct path now */
    gboolean bfd;         /* we can speak it on this tunnel */
    guint64 network;      /* fingerprint of the uplinks */
} ApAskerInput;

ApAsker *ap_asker_new(guint32 ifindex,
                      const char *fetch_program,
                      ApMetrics *metrics,
                      ApAskerFunc ended,
                      gpointer user_data);
void ap_asker_unref(ApAsker *self);

guint32 ap_asker_get_ifindex(const ApAsker *self);
void ap_asker_list(const ApAsker *self, GArray *candidates, ApInstant now);
void ap_asker_set_network(ApAsker *self, guint64 network, ApInstant now);
gint64 ap_asker_update(ApAsker *self, const ApAskerInput *input, ApInstant now);
void ap_asker_resync(ApAsker *self, ApInstant now);
void ap_asker_stop(ApAsker *self);
gboolean ap_asker_is_resyncing(const ApAsker *self);
gboolean ap_asker_is_busy(const ApAsker *self);
ApServerNews ap_asker_get_news(const ApAsker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApAsker, ap_asker_unref)

G_END_DECLS
