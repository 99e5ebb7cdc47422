/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/session.h"

#include "common/fd.h"
#include "server/pipe.h"
#include "server/privilege.h"
#include "server/reader.h"
#include "server/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/**
 * How long a process that was told to end may take before it is killed, in seconds. The server
 * ends within a second of a signal.
 */
#define END_SEC 1

static sigset_t
awaited_signals(void)
{
    sigset_t signals;

    (void) sigemptyset(&signals);
    (void) sigaddset(&signals, SIGTERM);
    (void) sigaddset(&signals, SIGINT);
    (void) sigaddset(&signals, SIGHUP);
    (void) sigaddset(&signals, SIGCHLD);
    return signals;
}

static void
unblock_signals(void)
{
    sigset_t none;

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
fail(const GError *error)
{
    g_printerr("wg-autopeer-server: %s\n", error->message);
    return EXIT_FAILURE;
}

static int
be_reader(int fd, const ApOptions *options)
{
    g_autoptr(GError) error = NULL;

    /* it concerns the policy, which is the other's */
    (void) signal(SIGHUP, SIG_IGN);
    return ap_privilege_keep_reader(&error) ? ap_reader_run(fd, options) : fail(error);
}

static int
be_http(int fd, const ApOptions *options)
{
    g_autoptr(GError) error = NULL;

    ap_privilege_leave_network();
    return ap_privilege_drop_all(&error) ? ap_serve_run(fd, options) : fail(error);
}

/* @fds: those of ap_pipe_open(); the child has its own and no other */
static pid_t
start(int (*be)(int fd, const ApOptions *options),
      int fds[static 2],
      guint own,
      const ApOptions *options)
{
    const pid_t pid = fork();

    if (pid != 0)
        return pid;

    unblock_signals();
    ap_fd_clear(&fds[1 - own]);
    _exit(be(fds[own], options));
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

/*
 * Waits for a signal to end, or for the HTTP process to do so by itself. It also ends when the
 * reading process has, and knows better than we do what the matter was.
 */
static int
wait_for_end(pid_t http)
{
    const sigset_t awaited = awaited_signals();
    int status;

    for (;;) {
        if (waitpid(http, &status, WNOHANG) == http)
            return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;

        const int number = sigwaitinfo(&awaited, NULL);
        if (number == SIGTERM || number == SIGINT)
            return EXIT_SUCCESS;
        if (number == SIGHUP)
            (void) kill(http, SIGHUP);
    }
}

/**
 * Serves until a signal comes or something breaks, which is said.
 *
 * Returns: the exit status of the process
 */
int
ap_session_run(const ApOptions *options)
{
    const sigset_t awaited = awaited_signals();
    g_autoptr(GError) error = NULL;
    int fds[2];

    if (!ap_pipe_open(fds, &error))
        return fail(error);

    (void) sigprocmask(SIG_BLOCK, &awaited, NULL);
    const pid_t reader = start(be_reader, fds, 0, options);
    const pid_t http = reader > 0 ? start(be_http, fds, 1, options) : -1;
    ap_fd_clear(&fds[0]);
    ap_fd_clear(&fds[1]);
    if (http < 0)
        g_warning("could not start a process");

    const int status = http > 0 ? wait_for_end(http) : EXIT_FAILURE;
    end_child(http);
    end_child(reader);
    return status;
}
