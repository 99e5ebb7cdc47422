/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/link.h"
#include "helper/core/peer-policy.h"
#include "helper/core/plan.h"
#include "helper/record/fields.h"

/* Words of enums that have none in helper/core/: nobody but the reader of a record sees them. */
static const char *const evidences[] = {
    [AP_EVIDENCE_HANDSHAKE] = "handshake",
    [AP_EVIDENCE_BFD] = "bfd",
    NULL,
};
static const char *const presences[] = {
    [AP_PRESENCE_UNKNOWN] = "unknown",
    [AP_PRESENCE_ABSENT] = "absent",
    [AP_PRESENCE_THERE] = "there",
    NULL,
};
static const char *const proofs[] = {
    [AP_PROOF_NONE] = "none",
    [AP_PROOF_HEARD] = "heard",
    [AP_PROOF_PROVEN] = "proven",
    NULL,
};
static const char *const changes[] = {
    [AP_CHANGE_REMOVE_PEER] = "remove",
    [AP_CHANGE_DEMOTE] = "demote",
    [AP_CHANGE_ADD_PEER] = "add",
    [AP_CHANGE_PROBE] = "probe",
    [AP_CHANGE_PROMOTE] = "promote",
    NULL,
};
static const char *const pauses[] = {
    [AP_PAUSE_NONE] = "none",
    [AP_PAUSE_NETWORK] = "network",
    [AP_PAUSE_TIME] = "time",
    [AP_PAUSE_RESUME] = "resume",
    NULL,
};

/* NULL ends each. */
static const char *const *const sets[AP_N_WORDS] = {
    [AP_WORDS_PATH_STATE] = ap_path_state_names,
    [AP_WORDS_EVIDENCE] = evidences,
    [AP_WORDS_PRESENCE] = presences,
    [AP_WORDS_PROOF] = proofs,
    [AP_WORDS_CHANGE] = changes,
    [AP_WORDS_BACKEND] = ap_backend_names,
    [AP_WORDS_MANAGE] = ap_manage_names,
    [AP_WORDS_SCOPE] = ap_scope_names,
    [AP_WORDS_TRUST] = ap_trust_names,
    [AP_WORDS_PAUSE] = pauses,
};

/**
 * Tells the word of one value of an enum.
 *
 * Returns: (transfer none) (nullable): NULL when the enum has no such value
 */
const char *
ap_word(ApWords words, guint value)
{
    if (words == AP_WORDS_REASON)
        return value < AP_N_REASONS ? ap_reason_name(value) : NULL;
    if (words == AP_WORDS_LINK_KIND)
        return value < AP_N_LINK_KINDS ? ap_link_kind_name(value) : NULL;
    return value < g_strv_length((char **) sets[words]) ? sets[words][value] : NULL;
}
