/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the service manager hears of a helper: that it lives, while somebody should care.
 */

#include "common/fd.h"
#include "helper/engine/watchdog.h"

#include <glib/gstdio.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/** As "WatchdogSec=1" sets it. */
#define WATCHDOG_USEC "1000000"

typedef struct {
    char *directory;
    char *path;
    int fd;
} Manager;

static void
manager_set_up(Manager *self, gconstpointer data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    self->directory = g_dir_make_tmp("wg-autopeer-watchdog-XXXXXX", NULL);
    self->path = g_build_filename(self->directory, "notify", NULL);
    (void) g_strlcpy(address.sun_path, self->path, sizeof(address.sun_path));
    self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(self->fd, (const struct sockaddr *) &address, sizeof(address)), ==, 0);
    g_setenv("NOTIFY_SOCKET", self->path, TRUE);
    if (data != NULL)
        g_setenv("WATCHDOG_USEC", data, TRUE);
    else
        g_unsetenv("WATCHDOG_USEC");
}

static void
manager_tear_down(Manager *self, gconstpointer data)
{
    (void) data;
    g_unsetenv("NOTIFY_SOCKET");
    g_unsetenv("WATCHDOG_USEC");
    ap_fd_clear(&self->fd);
    g_unlink(self->path);
    g_rmdir(self->directory);
    g_free(self->path);
    g_free(self->directory);
}

/* Returns: (transfer full) (nullable): what it was told next; NULL: nothing */
static char *
hear(Manager *self)
{
    char text[256] = {0};

    return recv(self->fd, text, sizeof(text) - 1, 0) > 0 ? g_strdup(text) : NULL;
}

static void
expect(Manager *self, const char *wanted)
{
    g_autofree char *text = hear(self);

    g_assert_cmpstr(text, ==, wanted);
}

static void
test_it_is_told_until_it_is_switched_off(Manager *self, gconstpointer data)
{
    g_autoptr(ApWatchdog) watchdog = ap_watchdog_new();

    (void) data;
    expect(self, NULL);
    g_main_context_iteration(NULL, TRUE);
    expect(self, "WATCHDOG=1");

    ap_watchdog_set_on(watchdog, TRUE);
    expect(self, NULL);
    ap_watchdog_set_on(watchdog, FALSE);
    ap_watchdog_set_on(watchdog, FALSE);
    expect(self, "WATCHDOG_USEC=0");
    expect(self, NULL);
    g_assert_false(g_main_context_pending(NULL));

    ap_watchdog_set_on(watchdog, TRUE);
    expect(self, "WATCHDOG_USEC=" WATCHDOG_USEC);
    g_main_context_iteration(NULL, TRUE);
    expect(self, "WATCHDOG=1");
}

static void
test_nobody_watches(Manager *self, gconstpointer data)
{
    g_autoptr(ApWatchdog) watchdog = ap_watchdog_new();

    (void) data;
    ap_watchdog_set_on(watchdog, FALSE);
    ap_watchdog_set_on(watchdog, TRUE);
    expect(self, NULL);
}

#define ADD(path, usec, func)                                                                      \
    g_test_add(path, Manager, usec, manager_set_up, func, manager_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/watchdog/is-told-until-switched-off",
        WATCHDOG_USEC,
        test_it_is_told_until_it_is_switched_off);
    ADD("/watchdog/nobody-watches", NULL, test_nobody_watches);
    return g_test_run();
}
