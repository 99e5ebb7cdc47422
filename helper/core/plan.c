/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/plan.h"

#include "helper/core/edit.h"
#include "helper/core/guard.h"
#include "helper/core/path.h"
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

/** One candidate, owned peer or both, on its way through the plan. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    const ApDevice *device;       /* (nullable) */
    const ApTunnel *tunnel;       /* (nullable) with @device */
    const ApOwned *owned;         /* (nullable) what the ledger says, if that device is meant */
    const ApCandidate *candidate; /* (nullable) */
    const ApDevicePeer *peer;     /* (nullable) ours, as the device has it */
    ApAdmission admission;
    ApReason refusal; /* why it may not be used; AP_REASON_NONE: it may */
    ApPath path;
} Subject;

/** Everything that one call works on. */
typedef struct {
    ApWorld world;          /* (owned) sorted */
    const ApPolicy *policy; /* (not owned) outlives us: lives for one call */
    ApInstant now;
    guint64 network;  /* fingerprint of the uplinks; 0: none */
    ApGuard *guard;   /* (owned) */
    GArray *subjects; /* (owned) (element-type Subject) by index, key */
    guint n_starts;   /* tries that may still be started */
    ApPlan *plan;     /* (not owned) outlives us: it is what the call returns */
} Turn;

static void
turn_clear(Turn *self)
{
    ap_world_clear_sorted(&self->world);
    g_clear_pointer(&self->guard, ap_guard_free);
    g_clear_pointer(&self->subjects, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Turn, turn_clear)

static ApPlan *
plan_new(void)
{
    ApPlan *self = g_new0(ApPlan, 1);

    self->changes = g_array_new(FALSE, TRUE, sizeof(ApChange));
    self->addresses = g_array_new(FALSE, TRUE, sizeof(ApAddressChange));
    self->sessions = g_array_new(FALSE, TRUE, sizeof(ApSessionWish));
    self->verdicts = g_array_new(FALSE, TRUE, sizeof(ApVerdict));
    self->refusals = g_array_new(FALSE, TRUE, sizeof(ApRefusal));
    self->tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnel));
    self->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    self->wake_at_boot_usec = AP_NEVER;
    return self;
}

void
ap_plan_free(ApPlan *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->changes, g_array_unref);
    g_clear_pointer(&self->addresses, g_array_unref);
    g_clear_pointer(&self->sessions, g_array_unref);
    g_clear_pointer(&self->verdicts, g_array_unref);
    g_clear_pointer(&self->refusals, g_array_unref);
    g_clear_pointer(&self->tunnels, g_array_unref);
    g_clear_pointer(&self->paths, g_array_unref);
    g_free(self);
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
judge_tunnels(Turn *self)
{
    guint n_managed = 0;

    for (guint i = 0; i < self->world.devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(self->world.devices, i);
        const ApLink *link = ap_world_find_link(&self->world, device->id.ifindex);
        g_autoptr(GArray) ours = ours_on(&self->world, device);
        ApTunnel tunnel = ap_tunnel_judge(device, link, ours, self->policy);

        if (tunnel.managed && ++n_managed > self->policy->max_tunnels) {
            tunnel.managed = FALSE;
            tunnel.reason = AP_REASON_TOO_MANY_TUNNELS;
        } else if (tunnel.managed && self->network == 0) {
            tunnel.reason = AP_REASON_NO_UPLINK;
        }
        g_array_append_val(self->plan->tunnels, tunnel);
    }
}

static const ApTunnel *
find_tunnel(const ApPlan *plan, guint32 ifindex)
{
    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);

        if (tunnel->ifindex == ifindex)
            return tunnel;
    }
    return NULL;
}

static int
compare_subjects(gconstpointer a, gconstpointer b)
{
    const Subject *x = a;
    const Subject *y = b;

    if (x->ifindex != y->ifindex)
        return x->ifindex < y->ifindex ? -1 : 1;
    return ap_key_compare(&x->key, &y->key);
}

static void
add_subject(Turn *self, guint32 ifindex, const ApKey *key)
{
    const ApPath *path = ap_world_find_path(&self->world, ifindex, key);
    Subject subject = {
        .ifindex = ifindex,
        .key = *key,
        .candidate = ap_world_find_candidate(&self->world, ifindex, key),
        .device = ap_world_find_device(&self->world, ifindex),
        .tunnel = find_tunnel(self->plan, ifindex),
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

/* One for each key that is a candidate, owned, or both. */
static void
gather_subjects(Turn *self)
{
    const ApWorld *world = &self->world;
    guint n = 0;

    self->subjects = g_array_new(FALSE, TRUE, sizeof(Subject));
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
        const Subject *subject = &g_array_index(self->subjects, Subject, i);

        if (n == 0
            || compare_subjects(&g_array_index(self->subjects, Subject, n - 1), subject) != 0)
            g_array_index(self->subjects, Subject, n++) = *subject;
    }
    g_array_set_size(self->subjects, n);
}

/* Why @subject may not be used, before anybody looks at its path. */
static ApReason
judge_subject(const Turn *self, Subject *subject)
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
    return subject->admission.reason;
}

/** Who goes first where there is not room for all; later ones go by their keys. */
typedef enum {
    PLACE_DIRECT,
    PLACE_OWNED,
    PLACE_HELD, /* was direct, and is kept off the device for a while */
    PLACE_NEW,
    N_PLACES,
} Place;

static Place
place_of(const Subject *subject)
{
    if (subject->path.state == AP_PATH_DIRECT)
        return PLACE_DIRECT;
    if (subject->owned != NULL)
        return PLACE_OWNED;
    return subject->path.held ? PLACE_HELD : PLACE_NEW;
}

/* Rule A7: no more than so many peers on one tunnel. */
static void
limit_tunnel(Turn *self, guint32 ifindex)
{
    guint left = self->policy->max_peers;

    for (Place place = PLACE_DIRECT; place < N_PLACES; place++) {
        for (guint i = 0; i < self->subjects->len; i++) {
            Subject *subject = &g_array_index(self->subjects, Subject, i);

            if (subject->ifindex != ifindex || subject->refusal != AP_REASON_NONE
                || place_of(subject) != place)
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
sweep_left_over(Turn *self, Subject *subject)
{
    if (subject->owned == NULL || !ap_world_is_left_over(subject->owned, subject->device))
        return;

    ap_edit_remove(self->plan->changes, subject->device, &subject->key, AP_REASON_NETWORK_CHANGED);
    ap_path_leave(&subject->path, subject->peer, AP_REASON_NETWORK_CHANGED, self->now);
    subject->owned = NULL;
    subject->peer = NULL;
}

static void
judge_subjects(Turn *self)
{
    for (guint i = 0; i < self->subjects->len; i++) {
        Subject *subject = &g_array_index(self->subjects, Subject, i);

        sweep_left_over(self, subject);
        subject->refusal = judge_subject(self, subject);
    }
    for (guint i = 0; i < self->plan->tunnels->len; i++)
        limit_tunnel(self, g_array_index(self->plan->tunnels, ApTunnel, i).ifindex);
}

/* How many tries rule S4 still allows at this instant. */
static guint
count_starts_left(const Turn *self)
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
wake_at(Turn *self, gint64 boot_usec)
{
    if (boot_usec > self->now.boot_usec)
        self->plan->wake_at_boot_usec = MIN(self->plan->wake_at_boot_usec, boot_usec);
}

static void
add_verdict(Turn *self, const Subject *subject, ApReason reason, gint64 next_boot_usec)
{
    ApVerdict verdict = {
        .ifindex = subject->ifindex,
        .key = subject->key,
        .state = subject->path.state,
        .reason = reason,
        .since_boot_usec = subject->path.since_boot_usec,
        .next_boot_usec = next_boot_usec,
        .n_addresses = subject->admission.n_addresses,
        .sources = subject->candidate != NULL ? subject->candidate->sources : 0,
    };

    if (subject->path.state != AP_PATH_WAITING)
        verdict.endpoint = subject->path.endpoint;
    memcpy(verdict.addresses, subject->admission.addresses, sizeof(verdict.addresses));
    g_array_append_val(self->plan->verdicts, verdict);
}

/* A peer that may not be used leaves the device, unless it is not ours to remove. */
static void
turn_away(Turn *self, Subject *subject)
{
    const gboolean hands_off = subject->refusal == AP_REASON_TAKEN_OVER;
    gint64 next_boot_usec = subject->admission.retry_boot_usec;

    if (hands_off) {
        next_boot_usec = subject->path.not_before_boot_usec;
    } else {
        ap_path_leave(&subject->path, subject->peer, subject->refusal, self->now);
        if (subject->admission.reason == AP_REASON_NONE)
            next_boot_usec = AP_NEVER;
    }

    if (!hands_off && subject->owned != NULL)
        ap_edit_remove(self->plan->changes, subject->device, &subject->key, subject->refusal);
    wake_at(self, next_boot_usec);
    add_verdict(self, subject, subject->refusal, next_boot_usec);
}

static gboolean
endpoint_is_good(const Turn *self, const Subject *subject)
{
    return subject->peer != NULL && ap_endpoint_is_set(&subject->peer->endpoint)
           && ap_guard_judge_endpoint(self->guard, subject->tunnel, &subject->peer->endpoint, NULL)
                  == AP_REASON_NONE;
}

static void
step_subject(Turn *self, Subject *subject)
{
    const ApPathInput input = {
        .peer = subject->peer,
        .admission = &subject->admission,
        .own_key = &subject->device->public_key,
        .endpoint_is_good = endpoint_is_good(self, subject),
        .may_start = self->n_starts > 0,
        .network = self->network,
        .keepalive_sec = self->policy->keepalive_sec,
        .now = self->now,
    };
    const gint64 attempt_boot_usec = subject->path.attempt_boot_usec;
    const ApPathStep step = ap_path_step(&subject->path, &input);

    if (subject->path.attempt_boot_usec != attempt_boot_usec)
        self->n_starts--;
    ap_edit_peer(self->plan->changes,
                 &(ApEdit){
                     .device = subject->device,
                     .peer = subject->peer,
                     .owned = subject->owned,
                     .admission = &subject->admission,
                     .step = &step,
                     .key = subject->key,
                     .reason = subject->path.reason,
                 });
    wake_at(self, step.wake_boot_usec);
    wake_at(self, subject->admission.retry_boot_usec);
    add_verdict(self, subject, subject->path.reason, step.next_boot_usec);
}

static void
step_subjects(Turn *self)
{
    self->n_starts = count_starts_left(self);
    for (guint i = 0; i < self->subjects->len; i++) {
        Subject *subject = &g_array_index(self->subjects, Subject, i);

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

    if (x->ifindex != y->ifindex)
        return x->ifindex < y->ifindex ? -1 : 1;
    return ap_key_compare(&x->key, &y->key);
}

/* Keeps the memory of peers that nobody names any more, as long as it matters. */
static void
keep_paths(Turn *self)
{
    for (guint i = 0; i < self->world.paths->len; i++) {
        const ApPath *path = &g_array_index(self->world.paths, ApPath, i);
        const Subject wanted = {.ifindex = path->ifindex, .key = path->key};

        if (!g_array_binary_search(self->subjects, &wanted, compare_subjects, NULL)
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
    if (x->ifindex != y->ifindex)
        return x->ifindex < y->ifindex ? -1 : 1;
    return ap_key_compare(&x->peer.key, &y->peer.key);
}

static int
compare_refusals(gconstpointer a, gconstpointer b)
{
    const ApRefusal *x = a;
    const ApRefusal *y = b;
    const int by_key = ap_key_compare(&x->key, &y->key);

    if (x->ifindex != y->ifindex)
        return x->ifindex < y->ifindex ? -1 : 1;
    return by_key != 0 ? by_key : (int) x->reason - (int) y->reason;
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
    g_auto(Turn) turn = {.policy = policy, .now = now, .plan = plan};

    ap_world_sort(world, &turn.world);
    turn.network = ap_uplink_fingerprint(turn.world.links, policy);
    judge_tunnels(&turn);
    turn.guard = ap_guard_new(&turn.world, plan->tunnels, policy, now);

    gather_subjects(&turn);
    judge_subjects(&turn);
    step_subjects(&turn);
    keep_paths(&turn);

    /* The sort is stable: two changes of one kind for one peer keep their order. */
    g_array_sort(plan->changes, compare_changes);
    g_array_sort(plan->refusals, compare_refusals);
    return g_steal_pointer(&plan);
}
