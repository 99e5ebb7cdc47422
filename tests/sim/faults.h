/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What goes wrong, drawn from a seed: a list, so that it can be printed, replayed and shortened.
 */

#pragma once

#include "tests/sim/stage.h"

G_BEGIN_DECLS

typedef enum {
    FAULT_TALK,         /* a sends to b each value ms; 0: no more */
    FAULT_CUT,          /* the LAN from a to b, for value ms; 0: for good */
    FAULT_CUT_BOTH,     /* both ways */
    FAULT_HEAL,         /* both ways are as good as new */
    FAULT_LOSE,         /* the LAN from a to b loses value percent */
    FAULT_DELAY,        /* the LAN from a to b takes value ms, and as much again at random */
    FAULT_NARROW,       /* the LAN from a to b takes packets of value bytes */
    FAULT_HUB_CUT,      /* a does not reach the hub for value ms */
    FAULT_HUB_LOSE,     /* the way between a and the hub loses value percent */
    FAULT_HUB_DELAY,    /* and takes value ms */
    FAULT_MOVE,         /* a goes to LAN number value; STAGE_N_SITES: to none */
    FAULT_REBIND,       /* the NAT forgets a */
    FAULT_SLEEP,        /* a sleeps for value ms and is told before */
    FAULT_FREEZE,       /* the machine stands still for value ms */
    FAULT_STALL,        /* the helper does not run for value ms */
    FAULT_CLOCK,        /* the wall clock of a is set by value s */
    FAULT_KILL,         /* the helper of a is killed; undone and started value ms later */
    FAULT_KILL_HARD,    /* and nobody undoes anything before the start */
    FAULT_KILL_AT_EDIT, /* it is killed at its edit number value from here */
    FAULT_REBOOT,       /* the machine of a */
    FAULT_STOP,         /* the helper of a, in good order */
    FAULT_START,        /* again */
    FAULT_SWITCH,       /* a person switches a off (0) or on */
    FAULT_RESYNC,       /* a person asks for it at a */
    FAULT_WIPE,         /* the administrator of a makes the list of peers anew */
    FAULT_TAKE,         /* the administrator of a configures b as a peer */
    FAULT_GIVE_BACK,    /* and takes that back */
    FAULT_EDIT_FAILS,   /* an edit of a's device fails after value others */
    FAULT_READ_FAILS,   /* a's device cannot be read once */
    FAULT_IPV6,         /* a has no IPv6 on its tunnel (0), or has it */
    FAULT_SERVER,       /* the server goes (0) or comes; either way it knows nobody */
    FAULT_DEAFEN,       /* the helper of a does nothing any more; never drawn: it is a bug */
    FAULT_TAMPER,       /* the helper of a edits the hub; never drawn, as before */
    N_FAULTS,
} FaultKind;

typedef struct {
    guint step;
    FaultKind kind;
    guint a, b;
    gint value;
} Fault;

GArray *faults_draw(guint32 seed, guint n_nodes, guint n_steps);
void faults_print(const GArray *faults, GString *out);
GArray *faults_parse(const char *text);
void fault_happen(Stage *stage, const Fault *fault);
void faults_end(Stage *stage);
void faults_mend(Stage *stage);

G_END_DECLS
