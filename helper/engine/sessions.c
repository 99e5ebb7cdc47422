/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/sessions.h"

#include "helper/core/order.h"

struct _ApSessions {
    ApVoiceSetup setup;
    GPtrArray *voices; /* (owned) (element-type ApVoice) one for each device */
    ApBfdStats stats;
    gboolean is_looked; /* every voice has been checked since the last network event */
};

/**
 * Makes an empty set; ap_sessions_look() fills it.
 *
 * @ops: &ap_voice_system
 * @heard: see ApVoiceFunc
 *
 * Returns: (transfer full)
 */
ApSessions *
ap_sessions_new(const ApVoiceOps *ops, ApVoiceFunc heard, gpointer user_data)
{
    ApSessions *self = g_new0(ApSessions, 1);

    self->setup = (ApVoiceSetup){
        .ops = ops,
        .heard = heard,
        .user_data = user_data,
        .stats = &self->stats,
    };
    self->voices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_voice_free);
    return self;
}

/** Ends all sessions without a word; a plan that wishes them to leave comes before. */
void
ap_sessions_free(ApSessions *self)
{
    if (self == NULL)
        return;

    g_ptr_array_unref(self->voices);
    g_free(self);
}

static ApVoice *
find(const ApSessions *self, guint32 ifindex)
{
    for (guint i = 0; i < self->voices->len; i++) {
        ApVoice *voice = g_ptr_array_index(self->voices, i);

        if (ap_voice_get_ifindex(voice) == ifindex)
            return voice;
    }
    return NULL;
}

static gboolean
is_among(const GPtrArray *devices, guint32 ifindex)
{
    for (guint i = 0; i < devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(devices, i);

        if (device->id.ifindex == ifindex)
            return TRUE;
    }
    return FALSE;
}

/**
 * Learns which devices there are, and looks on which BFD can be spoken. To be called before a
 * plan is made, so that no peer is tried with words that cannot be said.
 *
 * @devices: (element-type ApDevice)
 */
void
ap_sessions_look(ApSessions *self, const GPtrArray *devices, ApInstant now)
{
    for (guint i = self->voices->len; i > 0; i--) {
        ApVoice *voice = g_ptr_array_index(self->voices, i - 1);

        if (!is_among(devices, ap_voice_get_ifindex(voice)))
            g_ptr_array_remove_index(self->voices, i - 1);
        else if (!self->is_looked)
            ap_voice_check(voice, now);
    }
    self->is_looked = TRUE;

    for (guint i = 0; i < devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(devices, i);
        ApVoice *voice;

        if (find(self, device->id.ifindex) != NULL)
            continue;
        voice = ap_voice_new(device->id.ifindex, &self->setup);
        ap_voice_check(voice, now);
        g_ptr_array_add(self->voices, voice);
    }
}

/** Makes the next ap_sessions_look() look anew, because something happened on the network. */
void
ap_sessions_forget_looks(ApSessions *self)
{
    self->is_looked = FALSE;
}

static guint
count_mute(const ApSessions *self)
{
    guint n = 0;

    for (guint i = 0; i < self->voices->len; i++)
        n += ap_voice_is_mute(g_ptr_array_index(self->voices, i));
    return n;
}

/**
 * Makes sessions and sockets what @plan wishes, and sends what is due. To be called when the plan
 * has been carried out: a peer that was added is spoken to at once, which makes the device begin
 * the handshake.
 *
 * Returns: TRUE when a tunnel turned out to be mute, so that another turn should follow
 */
gboolean
ap_sessions_match(ApSessions *self, const ApPlan *plan, ApInstant now)
{
    const guint n_mute = count_mute(self);

    for (guint i = 0; i < self->voices->len; i++)
        ap_voice_match(g_ptr_array_index(self->voices, i), plan, now);
    return ap_sessions_run(self, now) || count_mute(self) != n_mute;
}

/**
 * Hears what has come already. To be called when the devices have been read: a packet that they have
 * counted, and we have not, would pass for traffic.
 */
void
ap_sessions_drain(ApSessions *self)
{
    for (guint i = 0; i < self->voices->len; i++)
        ap_voice_drain(g_ptr_array_index(self->voices, i));
}

/**
 * Does what is due on all tunnels: see ap_voice_run().
 *
 * Returns: TRUE when a turn should follow
 */
gboolean
ap_sessions_run(ApSessions *self, ApInstant now)
{
    gboolean decide = FALSE;

    for (guint i = 0; i < self->voices->len; i++)
        decide |= ap_voice_run(g_ptr_array_index(self->voices, i), now);
    return decide;
}

/** Returns: when to call ap_sessions_run() next, on the boot clock */
gint64
ap_sessions_deadline(const ApSessions *self)
{
    gint64 next = AP_NEVER;

    for (guint i = 0; i < self->voices->len; i++) {
        const gint64 deadline = ap_voice_deadline(g_ptr_array_index(self->voices, i));

        next = MIN(next, deadline);
    }
    return next;
}

/** Returns: (transfer full) (element-type ApProof): one for each session, in no order */
GArray *
ap_sessions_list_proofs(const ApSessions *self)
{
    GArray *proofs = g_array_new(FALSE, TRUE, sizeof(ApProof));

    for (guint i = 0; i < self->voices->len; i++)
        ap_voice_list_proofs(g_ptr_array_index(self->voices, i), proofs);
    return proofs;
}

static int
compare_indexes(gconstpointer a, gconstpointer b)
{
    return ap_order_tunnels(*(const guint32 *) a, *(const guint32 *) b);
}

/** Returns: (transfer full) (element-type guint32): tunnels where BFD fails, by index */
GArray *
ap_sessions_list_mute(const ApSessions *self)
{
    GArray *mute = g_array_new(FALSE, TRUE, sizeof(guint32));

    for (guint i = 0; i < self->voices->len; i++) {
        const ApVoice *voice = g_ptr_array_index(self->voices, i);
        const guint32 ifindex = ap_voice_get_ifindex(voice);

        if (ap_voice_is_mute(voice))
            g_array_append_val(mute, ifindex);
    }
    g_array_sort(mute, compare_indexes);
    return mute;
}

/** Counts everything since the start: @out: (out caller-allocates). */
void
ap_sessions_count(const ApSessions *self, ApBfdStats *out)
{
    *out = self->stats;
    for (guint i = 0; i < self->voices->len; i++)
        ap_voice_count(g_ptr_array_index(self->voices, i), out);
}
