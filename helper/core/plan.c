/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/plan.h"

#include "helper/core/edit.h"
#include "helper/core/order.h"
#include "helper/core/plan-private.h"
#include "helper/core/uplink.h"

#include <string.h>

/**
 * Most tries that one host starts in AP_PATH_RECENT_USEC (security rule S4): whoever feeds us
 * lies about endpoints can make us send no more than this to a victim.
 */
#define MAX_STARTS 64

/** Most tries started within BURST_USEC, so that a long list does not go out as one salvo. */
#define MAX_BURST 10
#define BURST_USEC (100 * AP_USEC_PER_MSEC)

static void
turn_clear(ApTurn *self)
{
    ap_world_clear_sorted(&self->world);
    g_clear_pointer(&self->guard, ap_guard_free);
    g_clear_pointer(&self->subjects, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApTurn, turn_clear)

static ApPlan *
plan_new(void)
{
    ApPlan *self = g_new0(ApPlan, 1);

    self->changes = g_array_new(FALSE, TRUE, sizeof(ApChange));
    self->addresses = g_array_new(FALSE, TRUE, sizeof(ApAddressChange));
    self->loans = g_array_new(FALSE, TRUE, sizeof(ApLoanChange));
    self->sessions = g_array_new(FALSE, TRUE, sizeof(ApSessionWish));
    self->verdicts = g_array_new(FALSE, TRUE, sizeof(ApVerdict));
    self->refusals = g_array_new(FALSE, TRUE, sizeof(ApRefusal));
    self->tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnel));
    self->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    self->wake_at_boot_usec = AP_NEVER;
    self->glance_at_boot_usec = AP_NEVER;
    return self;
}

void
ap_plan_free(ApPlan *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->changes, g_array_unref);
    g_clear_pointer(&self->addresses, g_array_unref);
    g_clear_pointer(&self->loans, g_array_unref);
    g_clear_pointer(&self->sessions, g_array_unref);
    g_clear_pointer(&self->verdicts, g_array_unref);
    g_clear_pointer(&self->refusals, g_array_unref);
    g_clear_pointer(&self->tunnels, g_array_unref);
    g_clear_pointer(&self->paths, g_array_unref);
    g_free(self);
}

/**
 * Finds what a plan says of a tunnel.
 *
 * Returns: (transfer none) (nullable): NULL when there is no such tunnel
 */
const ApTunnel *
ap_plan_find_tunnel(const ApPlan *self, guint32 ifindex)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(self->tunnels, ApTunnel, i);

        if (tunnel->ifindex == ifindex)
            return tunnel;
    }
    return NULL;
}

/**
 * Lists who is on a direct path, in the order of @self's paths.
 *
 * Returns: (transfer full) (element-type ApKey)
 */
GArray *
ap_plan_list_direct(const ApPlan *self, guint32 ifindex)
{
    GArray *direct = g_array_new(FALSE, TRUE, sizeof(ApKey));

    for (guint i = 0; i < self->paths->len; i++) {
        const ApPath *path = &g_array_index(self->paths, ApPath, i);

        if (path->ifindex == ifindex && path->state == AP_PATH_DIRECT)
            g_array_append_val(direct, path->key);
    }
    return direct;
}

/* The ledger's entries that are still about @device: whoever else is on it was configured. */
static GArray *
ours_on(const ApWorld *world, const ApDevice *device)
{
    GArray *ours = g_array_new(FALSE, TRUE, sizeof(ApOwned));

    for (guint i = 0; i < world->owned->len; i++) {
        const ApOwned *owned = &g_array_index(world->owned, ApOwned, i);

        if (ap_world_find_ours(world, device, &owned->key) == owned)
            g_array_append_val(ours, *owned);
    }
    return ours;
}

static void
judge_tunnels(ApTurn *self)
{
    guint n_managed = 0;

    for (guint i = 0; i < self->world.devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(self->world.devices, i);
        const ApLink *link = ap_world_find_link(&self->world, device->id.ifindex);
        g_autoptr(GArray) ours = ours_on(&self->world, device);
        ApTunnel tunnel = ap_tunnel_judge(device, link, ours, self->policy);

        if ((tunnel.managed || tunnel.gossips) && ++n_managed > self->policy->max_tunnels) {
            tunnel.managed = FALSE;
            tunnel.gossips = FALSE;
            tunnel.reason = AP_REASON_TOO_MANY_TUNNELS;
        } else if (tunnel.managed && self->network == 0) {
            tunnel.reason = AP_REASON_NO_UPLINK;
        }
        g_array_append_val(self->plan->tunnels, tunnel);
    }
}

/* How many tries rule S4 still allows at this instant. */
static guint
count_starts_left(const ApTurn *self)
{
    const GArray *paths = self->world.paths;
    guint n_recent = 0, n_burst = 0;

    for (guint i = 0; i < paths->len; i++) {
        const ApPath *path = &g_array_index(paths, ApPath, i);
        const gint64 age = self->now.boot_usec - path->attempt_boot_usec;

        if (path->attempt_boot_usec == 0)
            continue;
        if (age < AP_PATH_RECENT_USEC)
            n_recent += path->n_recent;
        if (age < BURST_USEC)
            n_burst++;
    }
    return MIN(MAX_STARTS - MIN(n_recent, MAX_STARTS), MAX_BURST - MIN(n_burst, MAX_BURST));
}

static void
wake_at(ApTurn *self, gint64 boot_usec)
{
    if (boot_usec > self->now.boot_usec)
        self->plan->wake_at_boot_usec = MIN(self->plan->wake_at_boot_usec, boot_usec);
}

/* What its source says of the peer. Of one that is refused even the addresses: they tell a person
 * who is meant. */
static void
add_offer(ApVerdict *verdict, const ApCandidate *candidate)
{
    verdict->sources = candidate->sources;
    verdict->seen_boot_usec = candidate->seen_boot_usec;
    verdict->relay_rtt_usec = candidate->relay_rtt_usec;
    if (verdict->n_addresses > 0)
        return;

    verdict->n_addresses = candidate->n_addresses;
    memcpy(verdict->addresses, candidate->addresses, sizeof(verdict->addresses));
}

static void
add_verdict(ApTurn *self, const ApSubject *subject, ApReason reason, gint64 next_boot_usec)
{
    ApVerdict verdict = {
        .ifindex = subject->ifindex,
        .key = subject->key,
        .state = subject->path.state,
        .reason = reason,
        .since_boot_usec = subject->path.since_boot_usec,
        .next_boot_usec = next_boot_usec,
        .trial = subject->path.trial,
        .n_breaks = subject->path.n_flaps,
        .n_addresses = subject->admission.n_addresses,
    };

    if (subject->path.state != AP_PATH_WAITING)
        verdict.endpoint = subject->path.endpoint;
    memcpy(verdict.addresses, subject->admission.addresses, sizeof(verdict.addresses));
    if (subject->candidate != NULL)
        add_offer(&verdict, subject->candidate);
    g_array_append_val(self->plan->verdicts, verdict);
}

static void
glance_at(ApTurn *self, gint64 boot_usec)
{
    if (boot_usec > self->now.boot_usec)
        self->plan->glance_at_boot_usec = MIN(self->plan->glance_at_boot_usec, boot_usec);
}

static ApEdit
edit_of(const ApSubject *subject)
{
    return (ApEdit){
        .device = subject->device,
        .peer = subject->peer,
        .owned = subject->owned,
        .admission = &subject->admission,
        .step = &subject->step,
        .key = subject->key,
        .reason = subject->path.reason,
    };
}

static void
make_edits(ApTurn *self, const ApSubject *subject)
{
    const ApEdit edit = edit_of(subject);

    if (subject->step.leaving)
        ap_edit_demote(self->plan->changes, &edit);
    else
        ap_edit_peer(self->plan->changes, &edit);
}

/* A peer that may not be used leaves the device, unless it is not ours to remove. */
static void
turn_away(ApTurn *self, ApSubject *subject)
{
    gint64 next_boot_usec = subject->admission.retry_boot_usec;

    if (subject->refusal == AP_REASON_TAKEN_OVER) {
        next_boot_usec = subject->path.not_before_boot_usec;
    } else {
        subject->step = ap_path_leave(&subject->path,
                                      subject->peer,
                                      subject->proof,
                                      subject->refusal,
                                      self->now);
        if (subject->admission.reason == AP_REASON_NONE)
            next_boot_usec = subject->step.next_boot_usec;
        make_edits(self, subject);
    }
    wake_at(self, next_boot_usec);
    wake_at(self, subject->step.wake_boot_usec);
    add_verdict(self, subject, subject->refusal, next_boot_usec);
}

static gboolean
endpoint_is_good(const ApTurn *self, const ApSubject *subject)
{
    return subject->peer != NULL && ap_endpoint_is_set(&subject->peer->endpoint)
           && ap_guard_judge_endpoint(self->guard, subject->tunnel, &subject->peer->endpoint, NULL)
                  == AP_REASON_NONE;
}

static void
step_subject(ApTurn *self, ApSubject *subject)
{
    const ApPathInput input = {
        .peer = subject->peer,
        .admission = &subject->admission,
        .proof = subject->proof,
        .own_key = &subject->device->public_key,
        .endpoint_is_good = endpoint_is_good(self, subject),
        .speaks_bfd = subject->candidate->speaks_bfd,
        .is_unsaid = subject->candidate->gossips
                     && subject->candidate->alive_until_boot_usec <= self->now.boot_usec,
        .seen_boot_usec = subject->candidate->seen_boot_usec,
        .relay_rtt_usec = subject->candidate->relay_rtt_usec,
        .slower_usec = self->policy->slower_sec * AP_USEC_PER_SEC,
        .presence = ap_world_presence(&self->world, &subject->path.endpoint.addr),
        .mute = ap_world_is_mute(&self->world, subject->ifindex),
        .may_start = self->n_starts > 0,
        .network = self->network,
        .keepalive_sec = self->policy->keepalive_sec,
        .now = self->now,
    };
    const gint64 attempt_boot_usec = subject->path.attempt_boot_usec;

    subject->step = ap_path_step(&subject->path, &input);
    if (subject->path.attempt_boot_usec != attempt_boot_usec)
        self->n_starts--;
    make_edits(self, subject);
    wake_at(self, subject->step.wake_boot_usec);
    glance_at(self, subject->step.glance_boot_usec);
    wake_at(self, subject->admission.retry_boot_usec);
    add_verdict(self, subject, subject->path.reason, subject->step.next_boot_usec);
}

static void
step_subjects(ApTurn *self)
{
    self->n_starts = count_starts_left(self);
    for (guint i = 0; i < self->subjects->len; i++) {
        ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);

        if (subject->refusal == AP_REASON_NONE)
            step_subject(self, subject);
        else
            turn_away(self, subject);
        g_array_append_val(self->plan->paths, subject->path);
    }
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    const ApPath *x = a;
    const ApPath *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

/* Keeps the memory of peers that nobody names any more, as long as it matters. */
static void
keep_paths(ApTurn *self)
{
    for (guint i = 0; i < self->world.paths->len; i++) {
        const ApPath *path = &g_array_index(self->world.paths, ApPath, i);

        if (!ap_subjects_name(self, path->ifindex, &path->key)
            && ap_path_is_worth_keeping(path, self->now))
            g_array_append_val(self->plan->paths, *path);
    }
    g_array_sort(self->plan->paths, compare_paths);
}

static int
compare_changes(gconstpointer a, gconstpointer b)
{
    const ApChange *x = a;
    const ApChange *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return ap_order_peers(x->ifindex, &x->peer.key, y->ifindex, &y->peer.key);
}

/** The order of @refusals in a plan: by tunnel, key and reason. Returns: as strcmp() */
int
ap_refusal_compare(gconstpointer a, gconstpointer b)
{
    const ApRefusal *x = a;
    const ApRefusal *y = b;
    const int by_peer = ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);

    return by_peer != 0 ? by_peer : (int) x->reason - (int) y->reason;
}

/**
 * Decides what to change on all devices, and why.
 *
 * Pure: the same world, policy and instant give the same plan, in whatever order the lists of
 * the world are. Changes nothing; whoever carries the plan out makes the changes in the order
 * of the list, and hands @paths back with the next world whether or not they all succeeded.
 *
 * @world: borrowed for the call
 *
 * Returns: (transfer full)
 */
ApPlan *
ap_plan_make(const ApWorld *world, const ApPolicy *policy, ApInstant now)
{
    g_autoptr(ApPlan) plan = plan_new();
    g_auto(ApTurn) turn = {.policy = policy, .now = now, .plan = plan};

    ap_world_borrow_sorted(world, &turn.world);
    turn.network = ap_uplink_fingerprint(turn.world.links, policy);
    judge_tunnels(&turn);
    turn.guard = ap_guard_new(&turn.world, plan->tunnels, policy, now);

    ap_subjects_gather(&turn);
    ap_subjects_judge(&turn);
    step_subjects(&turn);
    ap_speech_plan(&turn);
    ap_loans_plan(&turn);
    keep_paths(&turn);

    /* The sort is stable: two changes of one kind for one peer keep their order. */
    g_array_sort(plan->changes, compare_changes);
    g_array_sort(plan->refusals, ap_refusal_compare);
    return g_steal_pointer(&plan);
}
