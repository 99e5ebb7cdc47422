/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * BFD as far as the planner can feel it: three states, a detection time, and an end that says
 * whether it would route by the path. helper/bfd has the real one.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

typedef enum {
    SIM_BFD_ADMIN_DOWN,
    SIM_BFD_DOWN,
    SIM_BFD_INIT,
    SIM_BFD_UP,
} SimBfdState;

/** What one packet says. */
typedef struct {
    SimBfdState state;
    gboolean usable;
} SimBfdPacket;

/** One end. Times in microseconds, 0: never. */
typedef struct {
    gboolean exists;
    gboolean active;
    gboolean usable;
    guint n_goodbyes; /* still to be sent */
    SimBfdState state;
    SimBfdState remote_state;
    gboolean remote_usable;
    ApReason why;
    gint64 heard_usec;
    gint64 due_usec; /* of the next packet */
    ApProof proof;
} SimBfd;

void sim_bfd_wish(SimBfd *self, const ApSessionWish *wish, ApInstant now);
void sim_bfd_receive(SimBfd *self, const SimBfdPacket *packet, ApInstant now);
void sim_bfd_advance(SimBfd *self, ApInstant now);
gboolean sim_bfd_take(SimBfd *self, SimBfdPacket *out, ApInstant now);
gboolean sim_bfd_prove(SimBfd *self, ApInstant now);

G_END_DECLS
