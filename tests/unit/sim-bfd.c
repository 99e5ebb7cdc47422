/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim-bfd.h"

/* Between two packets, and the silence that means Down: decisions.md 9. */
#define INTERVAL_USEC (300 * AP_USEC_PER_MSEC)
#define DETECTION_USEC (3 * INTERVAL_USEC)

/* Good-byes, and the time between two of them: decisions.md 10. */
#define N_GOODBYES 3
#define GOODBYE_USEC (20 * AP_USEC_PER_MSEC)

static void
go(SimBfd *self, SimBfdState state, ApReason why, ApInstant now)
{
    self->state = state;
    self->why = why;
    self->due_usec = now.boot_usec;
}

/* Makes the session what the plan wishes it to be; @wish NULL: there is none. */
void
sim_bfd_wish(SimBfd *self, const ApSessionWish *wish, ApInstant now)
{
    if (wish == NULL) {
        *self = (SimBfd){.exists = FALSE};
        return;
    }

    if (!self->exists || (self->active && !wish->active && self->state != SIM_BFD_UP))
        *self = (SimBfd){
            .exists = TRUE,
            .state = SIM_BFD_DOWN,
            .remote_state = SIM_BFD_DOWN,
            .proof = self->exists ? self->proof : (ApProof){.state = AP_PROOF_NONE},
        };
    if ((wish->active && !self->active)
        || (wish->usable != self->usable && self->state == SIM_BFD_UP))
        self->due_usec = now.boot_usec;
    self->active = wish->active;
    self->usable = wish->usable;
    if (wish->leaving && self->state != SIM_BFD_ADMIN_DOWN) {
        go(self, SIM_BFD_ADMIN_DOWN, AP_REASON_NONE, now);
        self->n_goodbyes = N_GOODBYES;
    }
}

/* The state machine of RFC 5880 section 6.8.6. */
void
sim_bfd_receive(SimBfd *self, const SimBfdPacket *packet, ApInstant now)
{
    if (!self->exists || self->state == SIM_BFD_ADMIN_DOWN)
        return;

    self->heard_usec = now.boot_usec;
    self->remote_state = packet->state;
    self->remote_usable = packet->usable;
    switch (packet->state) {
    case SIM_BFD_ADMIN_DOWN:
        go(self, SIM_BFD_DOWN, AP_REASON_FAR_END_LEFT, now);
        break;
    case SIM_BFD_DOWN:
        if (self->state == SIM_BFD_UP)
            go(self, SIM_BFD_DOWN, AP_REASON_FAR_END_DOWN, now);
        else if (self->state == SIM_BFD_DOWN)
            go(self, SIM_BFD_INIT, self->why, now);
        break;
    case SIM_BFD_INIT:
        if (self->state != SIM_BFD_UP)
            go(self, SIM_BFD_UP, AP_REASON_NONE, now);
        break;
    case SIM_BFD_UP:
        if (self->state == SIM_BFD_INIT)
            go(self, SIM_BFD_UP, AP_REASON_NONE, now);
        break;
    }
}

static gboolean
is_heard(const SimBfd *self, ApInstant now)
{
    return self->heard_usec != 0 && now.boot_usec - self->heard_usec < DETECTION_USEC;
}

/* The time goes on. */
void
sim_bfd_advance(SimBfd *self, ApInstant now)
{
    if (!self->exists || is_heard(self, now))
        return;

    self->remote_state = SIM_BFD_DOWN;
    if (self->state == SIM_BFD_INIT || self->state == SIM_BFD_UP)
        go(self, SIM_BFD_DOWN, AP_REASON_SILENT, now);
}

/* TRUE: @out is to be sent. A passive end speaks only when it was spoken to. */
gboolean
sim_bfd_take(SimBfd *self, SimBfdPacket *out, ApInstant now)
{
    const gboolean is_leaving = self->state == SIM_BFD_ADMIN_DOWN;

    if (!self->exists || now.boot_usec < self->due_usec
        || (is_leaving ? self->n_goodbyes == 0 : !self->active && !is_heard(self, now)))
        return FALSE;

    self->n_goodbyes -= is_leaving ? 1 : 0;
    self->due_usec = now.boot_usec + (is_leaving ? GOODBYE_USEC : INTERVAL_USEC);
    *out = (SimBfdPacket){.state = self->state, .usable = self->usable};
    return TRUE;
}

/* Brings the proof up to date; TRUE when the plan has to be made anew. */
gboolean
sim_bfd_prove(SimBfd *self, ApInstant now)
{
    const ApProof before = self->proof;
    ApProof *proof = &self->proof;

    proof->state = AP_PROOF_NONE;
    if (self->exists && is_heard(self, now) && self->remote_state != SIM_BFD_ADMIN_DOWN
        && self->state != SIM_BFD_ADMIN_DOWN)
        proof->state = self->state == SIM_BFD_UP && self->remote_state == SIM_BFD_UP
                           ? AP_PROOF_PROVEN
                           : AP_PROOF_HEARD;
    if (proof->state != before.state)
        proof->since_boot_usec = now.boot_usec;
    proof->remote_usable = self->remote_usable;
    proof->why = self->why;
    proof->heard_boot_usec = self->heard_usec;
    return proof->state != before.state || proof->why != before.why
           || proof->remote_usable != before.remote_usable;
}
