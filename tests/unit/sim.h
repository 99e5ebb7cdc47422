/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One host in memory: fake devices, links, a ledger that keeps itself, and the planner's memory.
 * What the engine does between two turns, and nothing else.
 */

#pragma once

#include "common/wireguard/fake.h"
#include "helper/core/plan.h"

G_BEGIN_DECLS

typedef struct {
    ApWireguard *wireguard; /* (owned) */
    ApPolicy *policy;       /* (owned) */
    GPtrArray *links;       /* (owned) (element-type ApLink) */
    GPtrArray *devices;     /* (owned) (element-type ApDevice) as last read */
    GArray *owned;          /* (owned) (element-type ApOwned) */
    GArray *loans;          /* (owned) (element-type ApLoan) */
    GArray *addresses;      /* (owned) (element-type ApOwnedAddress) */
    GArray *candidates;     /* (owned) (element-type ApCandidate) */
    GArray *proofs;         /* (owned) (element-type ApProof) what BFD says; set by the test */
    GArray *mute;           /* (owned) (element-type guint32) */
    GArray *hosts;          /* (owned) (element-type ApLanHost) set by the test */
    GArray *paths;          /* (owned) (element-type ApPath) */
} Sim;

Sim *sim_new(void);
void sim_free(Sim *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sim, sim_free)

ApLink *sim_add_link(Sim *self, guint32 ifindex, ApLinkKind kind, const char *address);
void sim_add_address(ApLink *link, const char *address);
ApLink *sim_add_lan(Sim *self, guint32 ifindex, const char *address, const char *gateway);
void sim_add_tunnel(Sim *self, guint32 ifindex, const ApKey *key, const char *address);
void sim_add_peer(Sim *self, guint32 ifindex, const ApKey *key, const char *allowed);
ApCandidate *
sim_offer(Sim *self, guint32 ifindex, const ApKey *key, const char *address, const char *endpoint);

void sim_set_mute(Sim *self, guint32 ifindex);
ApProof *sim_proof(Sim *self, guint32 ifindex, const ApKey *key);

ApWorld sim_read(Sim *self);
ApPlan *sim_plan(Sim *self, ApInstant now);
void sim_apply(Sim *self, const ApPlan *plan, ApInstant now);

/** Called right before and right after each change of a device. */
typedef void (*SimFeelFunc)(const ApChange *change, gboolean is_done, gpointer user_data);
void sim_apply_feeling(Sim *self,
                       const ApPlan *plan,
                       SimFeelFunc feel,
                       gpointer user_data,
                       ApInstant now);

const ApVerdict *sim_verdict(const ApPlan *plan, guint32 ifindex, const ApKey *key);
const ApSessionWish *sim_wish(const ApPlan *plan, guint32 ifindex, const ApKey *key);
gboolean sim_has_address(const Sim *self, guint32 ifindex, const ApAddr *addr);
gboolean sim_holds(Sim *self, guint32 ifindex, const ApKey *key, const char *allowed);
char *sim_describe(const ApPlan *plan);

ApKey sim_key(guint n);
ApAddr sim_addr(const char *text);
ApCidr sim_cidr(const char *text);
ApEndpoint sim_endpoint(const char *text);

G_END_DECLS
