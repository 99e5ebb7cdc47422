/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The structs that go into a record: the world and the policy, and the plan.
 */

#pragma once

#include "helper/record/fields.h"

G_BEGIN_DECLS

typedef enum {
    /* the world */
    AP_TABLE_LINK,
    AP_TABLE_DEVICE,
    AP_TABLE_PEER, /* of a device */
    AP_TABLE_OWNED,
    AP_TABLE_ADDRESS,
    AP_TABLE_LOAN,
    AP_TABLE_CANDIDATE,
    AP_TABLE_PROOF,
    AP_TABLE_MUTE,
    AP_TABLE_HOST,
    AP_TABLE_PATH, /* also of the plan */

    AP_TABLE_POLICY,
    AP_TABLE_POLICY_TUNNEL,
    AP_TABLE_POLICY_PEER, /* of a tunnel's policy */

    AP_TABLE_TURN,

    /* the plan */
    AP_TABLE_PLAN,
    AP_TABLE_CHANGE,
    AP_TABLE_ADDRESS_CHANGE,
    AP_TABLE_LOAN_CHANGE,
    AP_TABLE_SESSION,
    AP_TABLE_VERDICT,
    AP_TABLE_REFUSAL,
    AP_TABLE_TUNNEL,

    AP_N_TABLES,
} ApTableId;

/** What begins a turn. */
typedef struct {
    gint64 boot_usec, real_usec; /* of the instant that the planner was told */
    guint64 network;             /* fingerprint of the uplinks; left out while it is the same */
} ApTurnHead;

/** A list of items, a member of ApWorld or ApPlan. */
typedef struct {
    ApTableId table;
    guint offset;         /* in the world or plan, in bytes */
    gboolean of_pointers; /* GPtrArray; otherwise GArray */
} ApListPlace;

#define AP_N_WORLD_LISTS 10
#define AP_N_PLAN_LISTS 8

extern const ApListPlace ap_world_lists[AP_N_WORLD_LISTS];
extern const ApListPlace ap_plan_lists[AP_N_PLAN_LISTS];

const ApTable *ap_table_get(ApTableId id) G_GNUC_CONST;

G_END_DECLS
