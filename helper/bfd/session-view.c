/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a session tells whoever runs it.
 */

#include "helper/bfd/session-private.h"
#include "helper/bfd/session.h"

static const char *const cause_names[AP_N_BFD_CAUSES] = {
    [AP_BFD_CAUSE_NONE] = "none",
    [AP_BFD_CAUSE_SILENT] = "silent",
    [AP_BFD_CAUSE_NO_FINAL] = "no-final",
    [AP_BFD_CAUSE_MTU] = "mtu",
    [AP_BFD_CAUSE_REMOTE_DOWN] = "remote-down",
    [AP_BFD_CAUSE_REMOTE_ADMIN] = "remote-admin",
    [AP_BFD_CAUSE_LOCAL_ADMIN] = "local-admin",
};

/** Returns: the word for @cause in logs and on the bus; static */
const char *
ap_bfd_cause_name(ApBfdCause cause)
{
    g_return_val_if_fail((guint) cause < AP_N_BFD_CAUSES, NULL);

    return cause_names[cause];
}

/** Returns: the state of our end */
ApBfdState
ap_bfd_session_state(const ApBfdSession *self)
{
    return self->state;
}

/** Returns: the state of the far end as far as we know; Down after a silence */
ApBfdState
ap_bfd_session_remote_state(const ApBfdSession *self)
{
    return self->remote_state;
}

/** Returns: TRUE when the far end is Up and does not say that the path behind it is down */
gboolean
ap_bfd_session_remote_usable(const ApBfdSession *self)
{
    return self->remote_state == AP_BFD_STATE_UP
           && self->remote_diag != AP_BFD_DIAG_CONCATENATED_PATH_DOWN
           && self->remote_diag != AP_BFD_DIAG_REVERSE_CONCATENATED_PATH_DOWN;
}

/** Returns: TRUE when the far end was heard within the detection time */
gboolean
ap_bfd_session_is_heard(const ApBfdSession *self)
{
    return self->remote_discriminator != 0;
}

/** Returns: what keeps the session from being Up; a narrow path as soon as it shows */
ApBfdCause
ap_bfd_session_cause(const ApBfdSession *self)
{
    const gboolean rising = self->state == AP_BFD_STATE_DOWN || self->state == AP_BFD_STATE_INIT;

    if (ap_bfd_session_pads(self) && rising
        && (self->n_small_in_row == AP_BFD_SESSION_N_NARROW
            || self->n_ignored == AP_BFD_SESSION_N_NARROW))
        return AP_BFD_CAUSE_MTU;
    return self->cause;
}

/**
 * Returns: when the latest packet of the peer was taken, in microseconds of the boot clock; 0
 *     when none ever was: it does not speak BFD, or something between us drops it
 */
gint64
ap_bfd_session_heard_usec(const ApBfdSession *self)
{
    return self->heard_usec;
}

/** Returns: the smoothed round-trip time in microseconds; 0 when it is not known yet */
gint64
ap_bfd_session_rtt_usec(const ApBfdSession *self)
{
    return self->poll.rtt_usec;
}
