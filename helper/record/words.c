/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/link.h"
#include "helper/core/peer-policy.h"
#include "helper/core/plan.h"
#include "helper/record/fields.h"

/* Words of enums that have none in helper/core/: nobody but the reader of a record sees them. */
static const char *const path_states[] = {
    [AP_PATH_WAITING] = "waiting",
    [AP_PATH_PROBING] = "probing",
    [AP_PATH_DIRECT] = "direct",
};
static const char *const evidences[] = {
    [AP_EVIDENCE_HANDSHAKE] = "handshake",
    [AP_EVIDENCE_BFD] = "bfd",
};
static const char *const presences[] = {
    [AP_PRESENCE_UNKNOWN] = "unknown",
    [AP_PRESENCE_ABSENT] = "absent",
    [AP_PRESENCE_THERE] = "there",
};
static const char *const proofs[] = {
    [AP_PROOF_NONE] = "none",
    [AP_PROOF_HEARD] = "heard",
    [AP_PROOF_PROVEN] = "proven",
};
static const char *const changes[] = {
    [AP_CHANGE_REMOVE_PEER] = "remove",
    [AP_CHANGE_DEMOTE] = "demote",
    [AP_CHANGE_ADD_PEER] = "add",
    [AP_CHANGE_PROBE] = "probe",
    [AP_CHANGE_PROMOTE] = "promote",
};
static const char *const backends[] = {
    [AP_BACKEND_KERNEL] = "kernel",
    [AP_BACKEND_USERSPACE] = "userspace",
    [AP_BACKEND_FAKE] = "fake",
};
static const char *const manages[] = {
    [AP_MANAGE_AUTO] = "auto",
    [AP_MANAGE_YES] = "yes",
    [AP_MANAGE_NO] = "no",
};
static const char *const scopes[] = {
    [AP_SCOPE_LAN] = "lan",
    [AP_SCOPE_ANY] = "any",
};
static const char *const trusts[AP_N_TRUSTS] = {
    [AP_TRUST_AUTO] = "auto",
    [AP_TRUST_NOTHING] = "nothing",
    [AP_TRUST_ENDPOINTS] = "endpoints",
    [AP_TRUST_ALLOWED_IPS] = "allowed-ips",
    [AP_TRUST_MEMBERSHIP] = "membership",
};
static const char *const pauses[] = {
    [AP_PAUSE_NONE] = "none",
    [AP_PAUSE_NETWORK] = "network",
    [AP_PAUSE_TIME] = "time",
    [AP_PAUSE_RESUME] = "resume",
};

static const struct {
    const char *const *words;
    guint n;
} sets[AP_N_WORDS] = {
    [AP_WORDS_PATH_STATE] = {path_states, G_N_ELEMENTS(path_states)},
    [AP_WORDS_EVIDENCE] = {evidences, G_N_ELEMENTS(evidences)},
    [AP_WORDS_PRESENCE] = {presences, G_N_ELEMENTS(presences)},
    [AP_WORDS_PROOF] = {proofs, G_N_ELEMENTS(proofs)},
    [AP_WORDS_CHANGE] = {changes, G_N_ELEMENTS(changes)},
    [AP_WORDS_BACKEND] = {backends, G_N_ELEMENTS(backends)},
    [AP_WORDS_MANAGE] = {manages, G_N_ELEMENTS(manages)},
    [AP_WORDS_SCOPE] = {scopes, G_N_ELEMENTS(scopes)},
    [AP_WORDS_TRUST] = {trusts, G_N_ELEMENTS(trusts)},
    [AP_WORDS_PAUSE] = {pauses, G_N_ELEMENTS(pauses)},
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
    return value < sets[words].n ? sets[words].words[value] : NULL;
}
