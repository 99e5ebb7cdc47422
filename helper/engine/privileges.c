/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/privileges.h"

#include "common/error.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * No capability comes back by being root: neither when a program is started nor when the user
 * changes, and none of this can be undone. Source: capabilities(7), "The securebits flags".
 */
#define LOCKED_SECUREBITS                                                                          \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED \
     | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static gboolean
set_denied(GError **error, const char *what)
{
    g_set_error(error, AP_ERROR, AP_ERROR_DENIED, "could not %s: %s", what, g_strerror(errno));
    return FALSE;
}

/* "root" and a user that does not exist mean: stay who we are. */
static const struct passwd *
find_user(const char *user)
{
    const struct passwd *entry = geteuid() == 0 ? getpwnam(user) : NULL;

    return entry != NULL && entry->pw_uid != 0 ? entry : NULL;
}

static gboolean
has_net_admin(void)
{
    return capng_get_caps_process() == 0
           && capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN) != 0;
}

/**
 * Tells whether we have the one capability that everything needs.
 *
 * @error: AP_ERROR_DENIED; the message says what is missing and how to get it
 */
gboolean
ap_privileges_check(GError **error)
{
    if (has_net_admin())
        return TRUE;

    g_set_error_literal(error,
                        AP_ERROR,
                        AP_ERROR_DENIED,
                        "the capability CAP_NET_ADMIN is missing: without it no WireGuard device "
                        "can be read or changed; start the helper with "
                        "'systemctl start wg-autopeer', or as root");
    return FALSE;
}

/**
 * Makes a directory that only @user can enter, or corrects the owner of one that is there.
 *
 * To be called before ap_privileges_reduce(), which takes the right to do so away.
 *
 * @path: absolute; its parent must exist
 * @user: as in ap_privileges_reduce()
 * @error: AP_ERROR_DENIED, also when @path is not a directory of ours
 */
gboolean
ap_privileges_prepare_directory(const char *path, const char *user, GError **error)
{
    g_autofree char *what = g_strdup_printf("make the directory %s", path);
    const struct passwd *entry = find_user(user);
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return set_denied(error, what);

    if (lstat(path, &st) != 0)
        return set_denied(error, what);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return set_denied(error, what);
    }

    if (entry != NULL && st.st_uid != entry->pw_uid
        && lchown(path, entry->pw_uid, entry->pw_gid) != 0)
        return set_denied(error, what);
    return TRUE;
}

/* Leaves CAP_NET_ADMIN alone in the permitted and effective sets and nothing in the others. */
static gboolean
keep_net_admin(const struct passwd *entry, GError **error)
{
    const gboolean may_bound =
        capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;

    capng_clear(CAPNG_SELECT_ALL);
    if (capng_update(CAPNG_ADD,
                     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
                     CAP_NET_ADMIN)
        != 0)
        return set_denied(error, "choose the capability CAP_NET_ADMIN");

    if (entry != NULL) {
        if (capng_change_id((int) entry->pw_uid,
                            (int) entry->pw_gid,
                            CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)
            != 0)
            return set_denied(error, "become an ordinary user");
        return TRUE;
    }

    /* Needs CAP_SETPCAP, which the unit does not give; there the bounding set is what the unit says
     * already. */
    if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        return set_denied(error, "bound the capabilities of programs to come");
    if (capng_apply(CAPNG_SELECT_AMBIENT) != 0)
        return set_denied(error, "keep capabilities from the child");
    /* The unit's filter does not let capset(2) pass, and its user has nothing to give up. */
    if (capng_apply(CAPNG_SELECT_CAPS) != 0 && errno != EPERM)
        return set_denied(error, "give up capabilities");
    return TRUE;
}

static gboolean
prove_net_admin_alone(GError **error)
{
    if (capng_get_caps_process() != 0)
        return set_denied(error, "read our capabilities");

    for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
        const gboolean expected = cap == CAP_NET_ADMIN;

        if ((capng_have_capability(CAPNG_PERMITTED, (unsigned) cap) != 0) != expected) {
            errno = EPERM;
            return set_denied(error, "keep CAP_NET_ADMIN alone");
        }
    }
    return TRUE;
}

/**
 * Gives up everything but CAP_NET_ADMIN, for good; to be called before the first byte of input
 * is read.
 *
 * Started as root, the process becomes @user, because uid 0 with one capability would still
 * be root for every other service of the machine. Started by systemd as that user with the
 * one ambient capability, only what is left over is taken away.
 *
 * @user: the system user to become; "root", or a user that does not exist, keeps uid 0:
 *     wireguard-go's control socket belongs to root alone
 * @error: AP_ERROR_DENIED
 */
gboolean
ap_privileges_reduce(const char *user, GError **error)
{
    if (!ap_privileges_check(error))
        return FALSE;

    const struct passwd *entry = find_user(user);

    /* Where the unit has done it already, the right to do it again is missing. An ordinary user
     * has nothing to gain from being root, and no_new_privs keeps it so. */
    if (entry == NULL && geteuid() == 0 && prctl(PR_SET_SECUREBITS, LOCKED_SECUREBITS, 0, 0, 0) != 0
        && errno != EPERM)
        return set_denied(error, "lock the secure bits");
    if (!keep_net_admin(entry, error))
        return FALSE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return set_denied(error, "set no_new_privs");
    /* A core file would hold the private keys of the devices. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return set_denied(error, "forbid core files");

    return prove_net_admin_alone(error);
}
