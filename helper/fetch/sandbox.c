/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/fetch/sandbox.h"

#include "common/error.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Most open files: standard three, the helper, one connection, three spare. */
#define MAX_FILES 8

/**
 * Rights that a version of Landlock knows, as bit sets.
 *
 * A right that we handle and grant to nothing is forbidden; one that the kernel does not know
 * is an error. Source: include/uapi/linux/landlock.h, Linux 6.12; "abi" of the kernel's
 * Documentation/userspace-api/landlock.rst.
 */
static const struct {
    long abi;
    guint64 fs;
    guint64 net;
    guint64 scoped;
} landlock_rights[] = {
    {6, 0xffff, 0x3, 0x3}, /* no abstract unix sockets, no signals to others */
    {5, 0xffff, 0x3, 0},   /* ioctl on devices */
    {4, 0x7fff, 0x3, 0},   /* TCP bind and connect */
    {3, 0x7fff, 0, 0},     /* truncate */
    {2, 0x3fff, 0, 0},     /* refer */
    {1, 0x1fff, 0, 0},
};

/** struct landlock_ruleset_attr of Linux 6.12; older kernels take a longer one with zeros. */
typedef struct {
    guint64 fs;
    guint64 net;
    guint64 scoped;
} LandlockRuleset;

static gboolean
set_errno(GError **error, const char *what)
{
    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "%s: %s", what, g_strerror(errno));
    return FALSE;
}

static gboolean
limit(int resource, rlim_t value, GError **error)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};

    return setrlimit(resource, &both) == 0 || set_errno(error, "could not set a limit");
}

static gboolean
has_capability(void)
{
    if (capng_get_caps_process() != 0
        || capng_have_capabilities(CAPNG_SELECT_AMBIENT) != CAPNG_NONE)
        return TRUE;

    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
        if (capng_have_capability(CAPNG_EFFECTIVE, cap) != 0
            || capng_have_capability(CAPNG_PERMITTED, cap) != 0)
            return TRUE;
    }
    return FALSE;
}

/*
 * The bounding set needs CAP_SETPCAP to shrink, which the helper has given up, so it is left alone.
 * That is no gap: without capabilities, and with no_new_privs, it grants nothing.
 *
 * Where the unit's filter stops capset(2), the helper has passed nothing on: what counts is what is
 * there in the end.
 */
static gboolean
drop_capabilities(GError **error)
{
    capng_clear(CAPNG_SELECT_ALL);
    (void) capng_apply(CAPNG_SELECT_AMBIENT);
    (void) capng_apply(CAPNG_SELECT_CAPS);
    if (has_capability()) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "could not drop all capabilities");
        return FALSE;
    }
    return TRUE;
}

/* Returns: FALSE when this kernel has no Landlock */
static gboolean
enter_landlock(void)
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    LandlockRuleset rules = {0};

    for (gsize i = 0; i < G_N_ELEMENTS(landlock_rights) && rules.fs == 0; i++) {
        if (abi >= landlock_rights[i].abi)
            rules = (LandlockRuleset){landlock_rights[i].fs,
                                      landlock_rights[i].net,
                                      landlock_rights[i].scoped};
    }
    if (rules.fs == 0)
        return FALSE;

    const int fd = (int) syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (fd < 0)
        return FALSE;

    const long result = syscall(SYS_landlock_restrict_self, fd, 0);
    (void) close(fd);
    return result == 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* The sanitizers' run-time makes system calls that no list of ours should allow. */
static gboolean
enter_seccomp(void)
{
    return FALSE;
}

#else

/**
 * What is left to call: bytes on descriptors that are open already, memory, clocks, the end.
 * There is no way to open, create, connect, execute or signal anything in it.
 */
static const int allowed_calls[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sendto),
    SCMP_SYS(write),
};

/** Memory may be had, but not made executable. */
static const int memory_calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

static gboolean
fill_filter(scmp_filter_ctx filter)
{
    for (gsize i = 0; i < G_N_ELEMENTS(allowed_calls); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0) != 0)
            return FALSE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(memory_calls); i++) {
        if (seccomp_rule_add(filter,
                             SCMP_ACT_ALLOW,
                             memory_calls[i],
                             1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))
            != 0)
            return FALSE;
    }
    return TRUE;
}

/* Returns: FALSE when this kernel has no seccomp filters */
static gboolean
enter_seccomp(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

    if (filter == NULL)
        return FALSE;

    const gboolean loaded =
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0
        && fill_filter(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

#endif

/**
 * Gives up, for good: all capabilities, ever gaining any, being traced by others of this user,
 * core dumps, writing files, more than a few descriptors, the whole file system, and all system
 * calls but a few.
 *
 * @missing: (out): bit set of ApSandboxWall: those that could not be built
 * @error: AP_ERROR_FAILED when anything else could not be given up; do not go on then
 *
 * Returns: TRUE when the process is locked in, apart from @missing
 */
gboolean
ap_sandbox_enter(guint *missing, GError **error)
{
    if (!limit(RLIMIT_CORE, 0, error) || !limit(RLIMIT_FSIZE, 0, error)
        || !limit(RLIMIT_NOFILE, MAX_FILES, error) || !drop_capabilities(error))
        return FALSE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return set_errno(error, "could not give up privileges");

    *missing = (enter_landlock() ? 0 : AP_SANDBOX_LANDLOCK);
    *missing |= (enter_seccomp() ? 0 : AP_SANDBOX_SECCOMP);
    return TRUE;
}
