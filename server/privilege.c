/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/privilege.h"

#include "common/error.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

/**
 * Tells whether this process may read a WireGuard device at all.
 *
 * @error: AP_ERROR_DENIED: what is missing and how to get it
 */
gboolean
ap_privilege_check(GError **error)
{
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
        return TRUE;

    g_set_error_literal(
        error,
        AP_ERROR,
        AP_ERROR_DENIED,
        "could not read the WireGuard interface: CAP_NET_ADMIN is missing; start the server as "
        "root (sudo wg-autopeer-server) or by its systemd unit (systemctl start "
        "wg-autopeer-server)");
    return FALSE;
}

static gboolean
fail(GError **error, const char *what)
{
    g_set_error(error, AP_ERROR, AP_ERROR_DENIED, "could not %s: %s", what, g_strerror(errno));
    return FALSE;
}

/* Both processes die with the one that started them, whatever happened to it. */
static gboolean
lock(GError **error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(error, "give up new privileges");
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
        return fail(error, "be told of the end of the first process");
    return TRUE;
}

static gboolean
is_readers(guint capability)
{
    return capability == CAP_NET_ADMIN || capability == CAP_NET_BIND_SERVICE;
}

/* Whether this process has, or could get, what the reader does not need. */
static gboolean
has_others(void)
{
    for (guint i = 0; i <= CAP_LAST_CAP; i++) {
        if (!is_readers(i)
            && (capng_have_capability(CAPNG_PERMITTED, i)
                || capng_have_capability(CAPNG_BOUNDING_SET, i)))
            return TRUE;
    }
    return FALSE;
}

static gboolean
keep_readers(GError **error)
{
    gboolean has[CAP_LAST_CAP + 1];

    for (guint i = 0; i <= CAP_LAST_CAP; i++)
        has[i] = is_readers(i) && capng_have_capability(CAPNG_PERMITTED, i);
    capng_clear(CAPNG_SELECT_ALL);
    for (guint i = 0; i <= CAP_LAST_CAP; i++) {
        if (has[i])
            (void) capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, i);
    }
    return capng_apply(CAPNG_SELECT_ALL) == 0 || fail(error, "keep CAP_NET_ADMIN alone");
}

/**
 * Leaves this process CAP_NET_ADMIN and, if it has it, CAP_NET_BIND_SERVICE for the sockets of
 * addresses that come later; nothing else, and no core file, which could have the device's key.
 *
 * The user stays: the control socket of a userspace WireGuard device belongs to root.
 *
 * @error: AP_ERROR_DENIED
 */
gboolean
ap_privilege_keep_reader(GError **error)
{
    /* a filter may forbid to change what need not be changed */
    if (has_others() && !keep_readers(error))
        return FALSE;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(error, "forbid core files");
    return lock(error);
}

/**
 * Leaves this process a network of its own, without any interface, where the system lets it. It
 * serves the sockets that it is given, and can open none of its own.
 */
void
ap_privilege_leave_network(void)
{
    (void) unshare(CLONE_NEWNET);
}

static gboolean
change_user(GError **error)
{
    const struct passwd *account = getpwnam(AP_SERVER_USER);

    if (account == NULL)
        account = getpwnam(AP_SERVER_FALLBACK_USER);
    if (account == NULL) {
        errno = ENOENT;
        return fail(error, "find the user " AP_SERVER_FALLBACK_USER);
    }
    if (capng_change_id((int) account->pw_uid,
                        (int) account->pw_gid,
                        CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING)
        != 0)
        return fail(error, "become another user");
    return TRUE;
}

/* Whether this process has no capability at all, nor a way to one. */
static gboolean
has_nothing(void)
{
    return geteuid() != 0 && capng_get_caps_process() == 0
           && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE
           && capng_have_capabilities(CAPNG_SELECT_AMBIENT) == CAPNG_NONE;
}

static gboolean
drop_all(GError **error)
{
    capng_clear(CAPNG_SELECT_ALL);
    if (geteuid() == 0)
        return change_user(error);
    return capng_apply(CAPNG_SELECT_ALL) == 0 || fail(error, "drop the capabilities");
}

/**
 * Leaves this process no capability and, when it was root, another user.
 *
 * @error: AP_ERROR_DENIED when anything is left; the process must then end
 */
gboolean
ap_privilege_drop_all(GError **error)
{
    /* a filter may forbid to change what need not be changed */
    if (!has_nothing() && !drop_all(error))
        return FALSE;

    if (!has_nothing()) {
        errno = EPERM;
        return fail(error, "drop the capabilities");
    }
    return lock(error);
}
