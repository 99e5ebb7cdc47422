/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/glance.h"

/** What woke us wakes us again within this time, and one glance is enough: 1 s, in microseconds. */
#define PAUSE_USEC AP_USEC_PER_SEC

/**
 * A turn that is due within this time comes along with a wake-up: 5 s, in microseconds. Where
 * nothing happens but BFD, which comes each 11 to 15 s on a quiet path, hardly any turn then needs a
 * wake-up of its own.
 */
#define EARLY_USEC (5 * AP_USEC_PER_SEC)

/**
 * @tunnels: (owned) (element-type guint32): the interfaces, by index
 * @at_usec: when to look; AP_NEVER: not at all, the next turn comes soon enough
 * @before_usec: when it was last looked
 * @turn_usec: when the next turn is due in any case
 * @passed: what had gone through, then
 * @own: what of it was ours
 * @n_under_way: of those, what the kernel may not have counted yet
 * @settled: our own when we last fell asleep, which has been counted since
 */
struct _ApGlance {
    ApPassage *passage; /* (owned) */
    GArray *tunnels;
    gint64 at_usec;
    gint64 before_usec;
    gint64 turn_usec;
    ApPassed passed;
    ApPassed own;
    guint64 n_under_way;
    ApPassed settled;
};

/** Returns: (transfer full): one that is not to be looked through yet */
ApGlance *
ap_glance_new(void)
{
    ApGlance *self = g_new0(ApGlance, 1);

    self->passage = ap_passage_new();
    self->tunnels = g_array_new(FALSE, FALSE, sizeof(guint32));
    self->at_usec = AP_NEVER;
    return self;
}

void
ap_glance_free(ApGlance *self)
{
    if (self == NULL)
        return;

    ap_passage_free(self->passage);
    g_array_unref(self->tunnels);
    g_free(self);
}

static gboolean
read_all(const ApGlance *self, ApPassed *out)
{
    ApPassed sum = {0};

    for (guint i = 0; i < self->tunnels->len; i++) {
        ApPassed one;

        if (!ap_passage_read(self->passage, g_array_index(self->tunnels, guint32, i), &one))
            return FALSE;
        sum.n_out += one.n_out;
        sum.n_in += one.n_in;
    }
    *out = sum;
    return TRUE;
}

/**
 * Begins anew after a turn.
 *
 * @turn_at_boot_usec: when the next turn is due in any case
 * @own: what of all that went through the tunnels was ours, since the start
 */
void
ap_glance_begin(ApGlance *self,
                const ApPlan *plan,
                gint64 turn_at_boot_usec,
                const ApPassed *own,
                ApInstant now)
{
    self->at_usec = AP_NEVER;
    if (plan->glance_at_boot_usec >= turn_at_boot_usec)
        return;

    g_array_set_size(self->tunnels, 0);
    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);

        if (tunnel->managed || tunnel->gossips)
            g_array_append_val(self->tunnels, tunnel->ifindex);
    }

    /* Without a number to compare with, any later one shows that something went through. */
    if (!read_all(self, &self->passed))
        self->passed = (ApPassed){0};
    self->own = *own;
    self->n_under_way = own->n_out - self->settled.n_out;
    self->at_usec = plan->glance_at_boot_usec;
    self->before_usec = now.boot_usec;
    self->turn_usec = turn_at_boot_usec;
}

/* What is under way hides as many packets of others until the next turn: one lone packet at most
 * goes unnoticed until then, and nobody waits on the answer to one that is never repeated. */
static gboolean
has_passed(const ApGlance *self, const ApPassed *own)
{
    ApPassed passed;

    return !read_all(self, &passed)
           || passed.n_out - self->passed.n_out > own->n_out - self->own.n_out + self->n_under_way
           || passed.n_in - self->passed.n_in > own->n_in - self->own.n_in;
}

/**
 * Takes a glance. To be called on every wake-up, whatever caused it: the next one is then not
 * needed before AP_PLAN_GLANCE_USEC.
 *
 * @own: as of ap_glance_begin()
 *
 * Returns: TRUE when a turn should follow: there was traffic, or one is due soon
 */
gboolean
ap_glance_look(ApGlance *self, const ApPassed *own, ApInstant now)
{
    if (self->at_usec == AP_NEVER || now.boot_usec < self->before_usec + PAUSE_USEC)
        return FALSE;

    self->before_usec = now.boot_usec;
    self->at_usec = now.boot_usec + AP_PLAN_GLANCE_USEC;
    return now.boot_usec + EARLY_USEC >= self->turn_usec || has_passed(self, own);
}

/**
 * Notes that nothing more is done until the next wake-up: what we sent will have gone by then.
 */
void
ap_glance_settle(ApGlance *self, const ApPassed *own)
{
    self->settled = *own;
}

/** Returns: when ap_glance_look() has to be called, on the boot clock */
gint64
ap_glance_deadline(const ApGlance *self)
{
    return self->at_usec;
}
