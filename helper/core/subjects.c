/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/edit.h"
#include "helper/core/order.h"
#include "helper/core/plan-private.h"

static int
compare_subjects(gconstpointer a, gconstpointer b)
{
    const ApSubject *x = a;
    const ApSubject *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static void
add_subject(ApTurn *self, guint32 ifindex, const ApKey *key)
{
    const ApPath *path = ap_world_find_path(&self->world, ifindex, key);
    ApSubject subject = {
        .ifindex = ifindex,
        .key = *key,
        .candidate = ap_world_find_candidate(&self->world, ifindex, key),
        .device = ap_world_find_device(&self->world, ifindex),
        .tunnel = ap_plan_find_tunnel(self->plan, ifindex),
        .proof = ap_world_find_proof(&self->world, ifindex, key),
        .path = {.ifindex = ifindex, .key = *key},
    };

    if (path != NULL)
        subject.path = *path;
    if (subject.device != NULL)
        subject.owned = ap_world_find_ours(&self->world, subject.device, key);
    if (subject.owned != NULL)
        subject.peer = ap_device_find(subject.device, key);
    g_array_append_val(self->subjects, subject);
}

/**
 * Lists the subjects of @self, one for each key that is a candidate, owned, or both.
 */
void
ap_subjects_gather(ApTurn *self)
{
    const ApWorld *world = &self->world;
    guint n = 0;

    self->subjects = g_array_new(FALSE, TRUE, sizeof(ApSubject));
    for (guint i = 0; i < world->candidates->len; i++) {
        const ApCandidate *candidate = &g_array_index(world->candidates, ApCandidate, i);

        add_subject(self, candidate->ifindex, &candidate->key);
    }
    for (guint i = 0; i < world->owned->len; i++) {
        const ApOwned *owned = &g_array_index(world->owned, ApOwned, i);

        add_subject(self, owned->ifindex, &owned->key);
    }

    g_array_sort(self->subjects, compare_subjects);
    for (guint i = 0; i < self->subjects->len; i++) {
        const ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);

        if (n == 0
            || compare_subjects(&g_array_index(self->subjects, ApSubject, n - 1), subject) != 0)
            g_array_index(self->subjects, ApSubject, n++) = *subject;
    }
    g_array_set_size(self->subjects, n);
}

/**
 * Tells whether the peer is one of the subjects.
 */
gboolean
ap_subjects_name(const ApTurn *self, guint32 ifindex, const ApKey *key)
{
    const ApSubject wanted = {.ifindex = ifindex, .key = *key};

    return g_array_binary_search(self->subjects, &wanted, compare_subjects, NULL);
}

/* Direct already, here, on what handshakes proved at both ends. */
static gboolean
is_proven_without_bfd(const ApTurn *self, const ApSubject *subject)
{
    const ApPath *path = &subject->path;

    return path->state == AP_PATH_DIRECT && path->evidence == AP_EVIDENCE_HANDSHAKE
           && subject->peer != NULL && subject->peer->handshake_real_usec != 0
           && (path->network == self->network || self->network == 0);
}

/*
 * A peer that insists on BFD, and we cannot speak it. It does not even stay on the device: it
 * would answer, and a far end that does not know that we insist could take the handshake for
 * proof.
 */
static gboolean
is_unprovable(const ApTurn *self, const ApSubject *subject)
{
    const ApPath *path = &subject->path;
    const gboolean is_off = path->state == AP_PATH_WAITING && path->held
                            && path->network == self->network
                            && self->now.boot_usec < path->not_before_boot_usec;

    return (subject->candidate->speaks_bfd || path->speaks_bfd) && !is_off
           && ap_world_is_mute(&self->world, subject->ifindex)
           && !is_proven_without_bfd(self, subject);
}

/* Why @subject may not be used, before anybody looks at its path. */
static ApReason
judge_subject(const ApTurn *self, ApSubject *subject)
{
    const ApCandidate *candidate = subject->candidate;

    if (subject->device == NULL || subject->tunnel == NULL)
        return candidate != NULL ? AP_REASON_DOWN : AP_REASON_NETWORK_CHANGED;
    if (ap_world_is_taken_over(&self->world, subject->device, &subject->key)) {
        ap_path_hand_over(&subject->path, self->now);
        return AP_REASON_TAKEN_OVER;
    }
    if (subject->peer == NULL && ap_path_is_handed_over(&subject->path, self->now))
        return AP_REASON_TAKEN_OVER;
    if (candidate == NULL && subject->owned == NULL)
        return AP_REASON_NETWORK_CHANGED;
    if (!subject->tunnel->managed)
        return subject->tunnel->reason;
    if (candidate == NULL)
        return AP_REASON_NOT_OFFERED;
    if (candidate->withdrawn)
        return candidate->why != AP_REASON_NONE ? candidate->why : AP_REASON_NOT_OFFERED;

    subject->admission =
        ap_guard_admit(self->guard, subject->tunnel, candidate, self->plan->refusals);
    if (subject->admission.reason == AP_REASON_NONE && is_unprovable(self, subject))
        return AP_REASON_NO_IPV6;
    return subject->admission.reason;
}

/** Who goes first where there is not room for all; later ones go by their keys. */
typedef enum {
    PLACE_DIRECT,
    PLACE_OWNED,
    PLACE_HELD, /* was direct, and is kept off the device for a while */
    PLACE_NEW,
    PLACE_TURNED_AWAY, /* had no room before: after those that had */
    N_PLACES,
} Place;

static Place
place_of(const ApSubject *subject)
{
    if (subject->path.leaving_until_boot_usec != 0)
        return PLACE_NEW;
    if (subject->path.state == AP_PATH_DIRECT)
        return PLACE_DIRECT;
    if (subject->owned != NULL)
        return PLACE_OWNED;
    if (subject->path.reason == AP_REASON_LIMIT)
        return PLACE_TURNED_AWAY;
    return subject->path.held ? PLACE_HELD : PLACE_NEW;
}

/* On its way out, whatever may become of it after that. */
static gboolean
is_leaving(const ApTurn *self, const ApSubject *subject)
{
    return subject->peer != NULL && subject->path.leaving_until_boot_usec > self->now.boot_usec;
}

/* Rule A7: no more than so many peers on one tunnel, but for those that are on their way out. */
static void
limit_tunnel(ApTurn *self, guint32 ifindex)
{
    guint left = self->policy->max_peers;

    for (Place place = PLACE_DIRECT; place < N_PLACES; place++) {
        for (guint i = 0; i < self->subjects->len; i++) {
            ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);

            if (subject->ifindex != ifindex || subject->refusal != AP_REASON_NONE
                || place_of(subject) != place || is_leaving(self, subject))
                continue;
            if (left > 0)
                left--;
            else
                subject->refusal = AP_REASON_LIMIT;
        }
    }
}

/* What a former identity of the device left on it goes; the peer then starts as a new one. */
static void
sweep_left_over(ApTurn *self, ApSubject *subject)
{
    /* Its sessions died with the key. */
    static const ApProof nothing = {.state = AP_PROOF_NONE};

    if (subject->owned == NULL || !ap_world_is_left_over(subject->owned, subject->device))
        return;

    ap_edit_remove(self->plan->changes, subject->device, &subject->key, AP_REASON_NETWORK_CHANGED);
    subject->path.leaving_until_boot_usec = 0;
    (void) ap_path_leave(&subject->path,
                         subject->peer,
                         &nothing,
                         AP_REASON_NETWORK_CHANGED,
                         self->now);
    subject->owned = NULL;
    subject->peer = NULL;
}

/**
 * Decides for each subject whether it may be used at all. Removes what is left of a former
 * identity of a device.
 */
void
ap_subjects_judge(ApTurn *self)
{
    for (guint i = 0; i < self->subjects->len; i++) {
        ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);

        sweep_left_over(self, subject);
        subject->refusal = judge_subject(self, subject);
    }
    for (guint i = 0; i < self->plan->tunnels->len; i++)
        limit_tunnel(self, g_array_index(self->plan->tunnels, ApTunnel, i).ifindex);
}
