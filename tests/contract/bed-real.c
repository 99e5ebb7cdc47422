/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/contract/bed.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/** How long a daemon may take to make its socket, under emulation too: 20 s in steps of 5 ms. */
#define START_STEPS 4000
#define STEP_USEC 5000

/**
 * Changes in one call to a daemon. wireguard-go makes 100 in 9 ms here, and has a second
 * (AP_WIREGUARD_UAPI_TIMEOUT_USEC): enough under emulation and sanitizers on a busy machine.
 */
#define MAX_DAEMON_CHANGES 100

/* Runs @command in a shell; TRUE: it succeeded. */
static gboolean
try_command(const char *command)
{
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_autofree char *errors = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL,
                               (char **) argv,
                               NULL,
                               G_SPAWN_DEFAULT,
                               NULL,
                               NULL,
                               NULL,
                               &errors,
                               &status,
                               NULL));
    if (status != 0)
        g_printerr("# %s: status %d: %s\n", command, status, errors);
    return status == 0;
}

G_GNUC_PRINTF(1, 2)
static void
run(const char *format, ...)
{
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    g_assert_true(try_command(command));
}

static ApDeviceId
id_of(const char *name, ApBackend backend)
{
    ApDeviceId id = {.ifindex = if_nametoindex(name), .backend = backend};

    g_assert_cmpuint(id.ifindex, >, 0);
    g_strlcpy(id.name, name, sizeof(id.name));
    return id;
}

/* --- wireguard-go ---------------------------------------------------------------------------- */

static GHashTable *daemons; /* (element-type ifindex pid) */

/* Runs in the child: whatever happens to the test, the daemon does not outlive it. */
static void
die_with_parent(gpointer user_data)
{
    (void) user_data;
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The socket is there a little before somebody listens on it. */
static gboolean
is_listed(const char *name)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_new_system();
    g_autoptr(GArray) ids = ap_wireguard_list(wireguard, NULL);

    for (guint i = 0; ids != NULL && i < ids->len; i++) {
        if (g_str_equal(g_array_index(ids, ApDeviceId, i).name, name))
            return TRUE;
    }
    return FALSE;
}

static GPid
start_daemon(const char *name)
{
    const char *argv[] = {"wireguard-go", "-f", name, NULL};
    const GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD
                              | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
    GPid pid;

    g_assert_true(
        g_spawn_async(NULL, (char **) argv, NULL, flags, die_with_parent, NULL, &pid, NULL));
    for (guint i = 0; i < START_STEPS && !is_listed(name); i++)
        g_usleep(STEP_USEC);
    return pid;
}

static ApDeviceId
add_userspace_device(const char *name)
{
    const GPid pid = start_daemon(name);
    const ApDeviceId id = id_of(name, AP_BACKEND_USERSPACE);

    g_hash_table_insert(daemons, GUINT_TO_POINTER(id.ifindex), GINT_TO_POINTER(pid));
    return id;
}

/* The daemon ends by itself when its interface is gone. */
static void
remove_userspace_device(const ApDeviceId *id)
{
    const gpointer key = GUINT_TO_POINTER(id->ifindex);
    const GPid pid = GPOINTER_TO_INT(g_hash_table_lookup(daemons, key));
    char now[IF_NAMESIZE];

    g_assert_nonnull(if_indextoname(id->ifindex, now));
    run("ip link del %s", now);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_hash_table_remove(daemons, key);
}

/* --- the kernel ------------------------------------------------------------------------------ */

static ApDeviceId
add_kernel_device(const char *name)
{
    run("ip link add %s type wireguard", name);
    return id_of(name, AP_BACKEND_KERNEL);
}

static void
remove_kernel_device(const ApDeviceId *id)
{
    char now[IF_NAMESIZE];

    g_assert_nonnull(if_indextoname(id->ifindex, now));
    run("ip link del %s", now);
}

/* --- both ------------------------------------------------------------------------------------- */

static void
rename_device(const ApDeviceId *id, const char *name)
{
    run("ip link set %s name %s", id->name, name);
}

static void
set_key(const ApDeviceId *id, const char *private_key, guint16 port)
{
    run("echo '%s' | wg set %s private-key /dev/stdin listen-port %u", private_key, id->name, port);
}

static void
add_peer(const ApDeviceId *id,
         const ApKey *key,
         const char *endpoint,
         gboolean with_psk,
         const char *allowed)
{
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(key, text);
    run("wg genpsk | wg set %s peer %s %s %s %s allowed-ips %s",
        id->name,
        text,
        endpoint != NULL ? "endpoint" : "",
        endpoint != NULL ? endpoint : "",
        with_psk ? "preshared-key /dev/stdin" : "",
        allowed);
}

static const BedOps userspace_ops = {
    .add_device = add_userspace_device,
    .remove_device = remove_userspace_device,
    .rename_device = rename_device,
    .set_key = set_key,
    .add_peer = add_peer,
};

static const BedOps kernel_ops = {
    .add_device = add_kernel_device,
    .remove_device = remove_kernel_device,
    .rename_device = rename_device,
    .set_key = set_key,
    .add_peer = add_peer,
};

/* A network without anything, and a /run without anything; both end with the process. */
static gboolean
enter_namespaces(void)
{
    return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0
           && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
           && mount("none", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0
           && mkdir("/run/wireguard", 0755) == 0;
}

/**
 * @backend: AP_BACKEND_USERSPACE or AP_BACKEND_KERNEL
 *
 * Returns: FALSE without root, wireguard-go, or WireGuard in the kernel
 */
gboolean
bed_open_real(Bed *out, ApBackend backend)
{
    const gboolean in_kernel = backend == AP_BACKEND_KERNEL;
    const char *probe = in_kernel ? "ip link add probe type wireguard && ip link del probe"
                                  : "command -v wireguard-go >/dev/null";

    if (geteuid() != 0 || !enter_namespaces() || !try_command(probe)
        || !try_command("ip link set lo up"))
        return FALSE;

    daemons = g_hash_table_new(NULL, NULL);
    *out = (Bed){
        .ops = in_kernel ? &kernel_ops : &userspace_ops,
        .wireguard = ap_wireguard_new_system(),
        .backend = backend,
        .max_changes = in_kernel ? G_MAXUINT : MAX_DAEMON_CHANGES,
        .is_real = TRUE,
        .keeps_scope = in_kernel,
        .survives_renames = in_kernel,
    };
    return TRUE;
}
