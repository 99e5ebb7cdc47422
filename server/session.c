/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/session.h"

#include "common/fd.h"
#include "server/edge.h"
#include "server/feed.h"
#include "server/privilege.h"

#include <glib-unix.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/** Exit status of the HTTP process when the interface has changed: EX_TEMPFAIL of sysexits.h. */
#define EXIT_AGAIN 75

/**
 * How long a process that was told to end may take before it is killed, in seconds. The server
 * ends within a second of a signal.
 */
#define END_SEC 1

/** The HTTP process. */
typedef struct {
    const ApListen *listen;
    ApEdge *edge;
    GMainLoop *loop;
    int status;
} Http;

static void
end_http(Http *self, int status)
{
    self->status = status;
    g_main_loop_quit(self->loop);
}

static gboolean
on_signal(gpointer data)
{
    end_http(data, EXIT_SUCCESS);
    return G_SOURCE_CONTINUE;
}

static void
on_lost(gpointer data, const char *why)
{
    g_warning("%s", why);
    end_http(data, EXIT_FAILURE);
}

static void
on_look(gpointer data)
{
    ap_feed_ask(data);
}

/*
 * Addresses that went away are only forgotten. For a new one, or when the interface was made
 * again, the sockets have to be opened anew, and this process may not do that any more.
 */
static gboolean
check_network(gpointer data)
{
    Http *self = data;
    ApOwnAddress own[AP_ROSTER_MAX_OWN];

    if (if_nametoindex(self->listen->interface) != self->listen->ifindex) {
        end_http(self, EXIT_AGAIN);
        return G_SOURCE_REMOVE;
    }

    const guint n = ap_listen_find_addresses(self->listen->interface, own);
    for (guint i = 0; i < n; i++) {
        if (!ap_listen_covers(self->listen, &own[i].addr))
            end_http(self, EXIT_AGAIN);
    }
    ap_edge_set_own(self->edge, own, n);
    return G_SOURCE_REMOVE;
}

static gboolean
on_network(int fd, GIOCondition condition, gpointer data)
{
    guint8 ignored[4096];

    (void) condition;
    while (read(fd, ignored, sizeof(ignored)) > 0)
        ;
    (void) check_network(data);
    return G_SOURCE_CONTINUE;
}

static void
add_listeners(ApEdge *edge, const ApListen *listen)
{
    ap_edge_set_own(edge, listen->own, listen->n);
    for (guint i = 0; i < listen->n; i++) {
        const ApEndpoint at = {.addr = listen->own[i].addr, .port = listen->port};

        ap_edge_add_listener(edge, listen->fds[i], &at);
    }
}

static int
serve_http(const ApListen *listen, int feed_fd, gboolean verbose)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Http self = {.listen = listen, .loop = loop, .status = EXIT_FAILURE};
    g_autoptr(ApFeed) feed = ap_feed_new(feed_fd, on_lost, &self);
    ap_autofd int network_fd = ap_listen_watch(&error);

    if (network_fd < 0 || !ap_privilege_drop_all(&error)) {
        g_warning("%s", error->message);
        return EXIT_FAILURE;
    }

    g_autoptr(ApEdge) edge = ap_edge_new(on_look, feed, verbose, &error);
    if (edge == NULL) {
        g_warning("%s", error->message);
        return EXIT_FAILURE;
    }
    add_listeners(edge, listen);

    self.edge = edge;
    ap_feed_set_desk(feed, ap_edge_desk(edge));
    (void) g_unix_signal_add(SIGTERM, on_signal, &self);
    (void) g_unix_signal_add(SIGINT, on_signal, &self);
    (void) g_unix_fd_add(network_fd, G_IO_IN, on_network, &self);
    /* what happened between the opening of the sockets and that of the watch was not reported */
    (void) g_idle_add(check_network, &self);
    ap_edge_start(edge);
    g_main_loop_run(loop);
    ap_edge_stop(edge);
    return self.status;
}

static int
serve_device(int feed_fd, ApWireguard *wireguard, const ApDeviceId *id)
{
    g_autoptr(GError) error = NULL;

    if (!ap_privilege_keep_net_admin(&error)) {
        g_warning("%s", error->message);
        return EXIT_FAILURE;
    }
    return ap_feed_serve(feed_fd, wireguard, id);
}

static void
unblock_signals(void)
{
    sigset_t none;

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t
start_reader(const ApListen *listen,
             int fds[static 2],
             ApWireguard *wireguard,
             const ApDeviceId *id)
{
    const pid_t pid = fork();
    ApListen unused = *listen;

    if (pid != 0)
        return pid;

    unblock_signals();
    ap_fd_clear(&fds[1]);
    ap_listen_close(&unused);
    _exit(serve_device(fds[0], wireguard, id));
}

static pid_t
start_http(const ApListen *listen, int fds[static 2], gboolean verbose)
{
    const pid_t pid = fork();

    if (pid != 0)
        return pid;

    unblock_signals();
    ap_fd_clear(&fds[0]);
    _exit(serve_http(listen, ap_fd_steal(&fds[1]), verbose));
}

static void
end_child(pid_t pid)
{
    const struct timespec patience = {.tv_sec = END_SEC};
    sigset_t child;

    if (pid <= 0 || waitpid(pid, NULL, WNOHANG) != 0)
        return;

    (void) sigemptyset(&child);
    (void) sigaddset(&child, SIGCHLD);
    (void) kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (sigtimedwait(&child, NULL, &patience) < 0)
            (void) kill(pid, SIGKILL);
    }
}

static ApSessionEnd
end_of(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_AGAIN)
        return AP_SESSION_AGAIN;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? AP_SESSION_STOPPED
                                                                    : AP_SESSION_FAILED;
}

/*
 * Waits for a signal to end, or for the HTTP process to do so by itself. It also ends when the
 * reading process has, and knows better than we do which of the two was first.
 */
static ApSessionEnd
wait_for_end(pid_t http)
{
    sigset_t awaited;
    int status;

    (void) sigemptyset(&awaited);
    (void) sigaddset(&awaited, SIGTERM);
    (void) sigaddset(&awaited, SIGINT);
    (void) sigaddset(&awaited, SIGCHLD);
    for (;;) {
        if (waitpid(http, &status, WNOHANG) == http)
            return end_of(status);

        const int number = sigwaitinfo(&awaited, NULL);
        if (number == SIGTERM || number == SIGINT)
            return AP_SESSION_STOPPED;
    }
}

/**
 * Serves until a signal comes, the interface changes or something breaks.
 *
 * SIGTERM, SIGINT and SIGCHLD must be blocked. What goes wrong in the two processes is logged by
 * them.
 *
 * @listen: open sockets, which stay the caller's
 * @id: the device on @listen's interface
 */
ApSessionEnd
ap_session_run(const ApListen *listen,
               ApWireguard *wireguard,
               const ApDeviceId *id,
               gboolean verbose)
{
    g_autoptr(GError) error = NULL;
    int fds[2];

    if (!ap_feed_open(fds, &error)) {
        g_warning("%s", error->message);
        return AP_SESSION_FAILED;
    }

    const pid_t reader = start_reader(listen, fds, wireguard, id);
    const pid_t http = reader > 0 ? start_http(listen, fds, verbose) : -1;
    ap_fd_clear(&fds[0]);
    ap_fd_clear(&fds[1]);
    if (http < 0)
        g_warning("could not start a process");

    const ApSessionEnd end = http > 0 ? wait_for_end(http) : AP_SESSION_FAILED;
    end_child(http);
    end_child(reader);
    return end;
}
