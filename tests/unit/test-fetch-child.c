/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The life of the fetch child: what it may not do, how it is cut short, killed and started again.
 */

#include "common/error.h"
#include "common/exchange.h"
#include "helper/fetch/sandbox.h"
#include "tests/unit/fetching.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"              \
    "{\"peers\": []}"

/** How soon a cancelled long poll returns, in milliseconds. */
#define CANCEL_MSEC 50

/** How much later anything may be on a machine that does other things, too, in milliseconds. */
#define BUSY_MSEC 5000

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SECCOMP FALSE
#else
#define HAS_SECCOMP TRUE
#endif

static void
iterate_for(guint msec)
{
    const gint64 end = g_get_monotonic_time() + msec * 1000;

    while (g_get_monotonic_time() < end) {
        (void) g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

/* Until the child has ended and the main loop has reaped it. */
static void
iterate_until_no_child(void)
{
    siginfo_t info;

    for (guint msec = 0; waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0; msec += 10) {
        g_assert_cmpuint(msec, <, BUSY_MSEC);
        iterate_for(10);
    }
    iterate_for(50);
}

/* Starts a request that the server holds, and waits until the child has sent it. */
static void
start_long_poll(Fetching *self, ApFetcher *fetcher, HttpServer *server, GCancellable *cancellable)
{
    http_server_script(server, "", 0, HTTP_THEN_HOLD);
    fetching_start(self, fetcher, http_server_get_port(server), 25, cancellable);
    while (http_server_n_connections(server) == 0) {
        iterate_for(1);
        g_assert_false(self->done); /* no child: fail, do not wait for ever */
    }
    iterate_for(20);
    g_assert_false(self->done);
}

static void
expect_good_answer(ApFetcher *fetcher, HttpServer *server)
{
    g_auto(Fetching) fetching = {0};

    http_server_script(server, GOOD, strlen(GOOD), HTTP_THEN_CLOSE);
    fetching_run(&fetching, fetcher, http_server_get_port(server));
    g_assert_no_error(fetching.error);
    g_assert_cmpuint(fetching.reply->status, ==, 200);
}

static void
test_cancel_returns_at_once(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    gint64 best_msec = G_MAXINT64;

    for (guint i = 0; i < 5; i++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_auto(Fetching) fetching = {0};

        start_long_poll(&fetching, fetcher, server, cancellable);
        const GPid child = fetching_find_child();
        fetching.started_usec = g_get_monotonic_time();
        g_cancellable_cancel(cancellable);
        fetching_wait(&fetching);
        g_assert_error(fetching.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        best_msec = MIN(best_msec, fetching_msec(&fetching));

        /* the same child is free for the next one */
        fetching.started_usec = g_get_monotonic_time();
        expect_good_answer(fetcher, server);
        g_assert_cmpint((g_get_monotonic_time() - fetching.started_usec) / 1000, <, BUSY_MSEC);
        g_assert_cmpint(fetching_find_child(), ==, child);
    }
    /* The machine may stand still in one of them. */
    g_assert_cmpint(best_msec, <, CANCEL_MSEC);
}

static void
test_cancelled_before_it_began(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_auto(Fetching) fetching = {0};

    g_cancellable_cancel(cancellable);
    fetching_start(&fetching, fetcher, http_server_get_port(server), 0, cancellable);
    fetching_wait(&fetching);
    g_assert_error(fetching.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    expect_good_answer(fetcher, server);
}

static void
test_killed_child_is_replaced(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_auto(Fetching) fetching = {0};

    start_long_poll(&fetching, fetcher, server, NULL);
    g_assert_cmpint(kill(fetching_find_child(), SIGKILL), ==, 0);
    fetching_wait(&fetching);
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_FAILED);
    expect_good_answer(fetcher, server);
}

static void
test_child_that_died_idle_is_replaced(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();

    expect_good_answer(fetcher, server);
    g_assert_cmpint(kill(fetching_find_child(), SIGKILL), ==, 0);
    iterate_until_no_child();
    expect_good_answer(fetcher, server);
}

/* A child that stands still is the helper's to notice. */
static void
test_hanging_child_is_replaced(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_auto(Fetching) fetching = {0};

    expect_good_answer(fetcher, server);
    g_assert_cmpint(kill(fetching_find_child(), SIGSTOP), ==, 0);
    fetching_run(&fetching, fetcher, http_server_get_port(server));
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_TIMED_OUT);
    g_assert_cmpint(fetching_msec(&fetching), <, AP_EXCHANGE_LIMIT_SEC * 1000 + BUSY_MSEC);
    expect_good_answer(fetcher, server);
}

static void
test_freed_fetcher_takes_the_child_along(void)
{
    ApFetcher *fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_auto(Fetching) fetching = {0};

    start_long_poll(&fetching, fetcher, server, NULL);
    g_assert_cmpint(fetching_find_child(), !=, 0);
    ap_fetcher_free(fetcher);
    fetching_wait(&fetching);
    g_assert_error(fetching.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    iterate_until_no_child();
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1); /* no zombie either */
    g_assert_cmpint(errno, ==, ECHILD);
}

static void
test_missing_program(void)
{
    g_autoptr(ApFetcher) fetcher = ap_fetcher_new("/nonexistent/wg-autopeer-fetch");
    g_autoptr(HttpServer) server = http_server_new();

    for (guint i = 0; i < 2; i++) {
        g_auto(Fetching) fetching = {0};

        fetching_run(&fetching, fetcher, http_server_get_port(server));
        g_assert_error(fetching.error, AP_ERROR, AP_ERROR_FAILED);
    }
}

static void
test_refused_connection(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    HttpServer *server = http_server_new();
    const guint16 port = http_server_get_port(server);
    g_auto(Fetching) fetching = {0};

    http_server_free(server);
    fetching_run(&fetching, fetcher, port);
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_FAILED);
}

/* A full queue makes the kernel drop the SYN: nobody answers. */
static void
test_connection_that_nobody_accepts(void)
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = g_htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(address);
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_auto(Fetching) fetching = {0};
    int clients[4];

    g_assert_cmpint(bind(listener, (struct sockaddr *) &address, n), ==, 0);
    g_assert_cmpint(listen(listener, 0), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *) &address, &n), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(clients); i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void) connect(clients[i], (struct sockaddr *) &address, n);
    }

    fetching_run(&fetching, fetcher, g_ntohs(address.sin_port));
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_TIMED_OUT);
    g_assert_cmpint(fetching_msec(&fetching), >=, 2900);
    g_assert_cmpint(fetching_msec(&fetching), <, 3000 + BUSY_MSEC);
    for (gsize i = 0; i < G_N_ELEMENTS(clients); i++)
        (void) close(clients[i]);
    (void) close(listener);
}

static void
test_device_that_is_not_there(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_auto(ApRequest) request = {0};
    ApFetchTarget target = {.device = "coord-none", .server = {.port = 80}};
    Fetching fetching = {.fetcher = fetcher};

    g_assert_true(ap_addr_parse(&target.local, "127.0.0.1", NULL));
    target.server.addr = target.local;
    fetching_start_at(&fetching, fetcher, &target, &request);
    fetching_wait(&fetching);
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_GONE);
    fetching_clear(&fetching);
}

/* The value of a line of /proc/PID/status. */
static char *
status_of(GPid pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    g_autofree char *start = g_strdup_printf("\n%s:", name);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    const char *line = strstr(text, start);
    g_assert_nonnull(line);
    line += strlen(start);
    return g_strstrip(g_strndup(line, strcspn(line, "\n")));
}

static void
test_child_has_no_privilege(void)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();

    expect_good_answer(fetcher, server);
    const GPid child = fetching_find_child();
    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
        g_autofree char *value = status_of(child, sets[i]);

        g_test_message("%s %s", sets[i], value);
        g_assert_cmpstr(value, ==, "0000000000000000");
    }

    g_autofree char *no_new_privs = status_of(child, "NoNewPrivs");
    g_autofree char *seccomp = status_of(child, "Seccomp");
    g_assert_cmpstr(no_new_privs, ==, "1");
    g_assert_cmpstr(seccomp, ==, HAS_SECCOMP ? "2" : "0");
}

/* Nothing of the helper's is open in it: standard streams and its own end. */
static void
test_child_inherits_no_descriptor(void)
{
    const int secret = open("/proc/self/status", O_RDONLY); /* without O_CLOEXEC, on purpose */
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    const char *name;

    expect_good_answer(fetcher, server);
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", fetching_find_child());
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *link = g_build_filename(path, name, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);
        const gint64 fd = g_ascii_strtoll(name, NULL, 10);

        g_test_message("%s is %s", name, target);
        if (fd < 2)
            g_assert_cmpstr(target, ==, "/dev/null");
        else if (fd > 2)
            g_assert_true(g_str_has_prefix(target, "socket:"));
        g_assert_cmpint(fd, <=, 4);
    }
    (void) close(secret);
}

static void
test_child_has_no_environment(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_autofree char *text = NULL;
    gsize n = 1;

    expect_good_answer(fetcher, server);
    g_autofree char *path = g_strdup_printf("/proc/%d/environ", fetching_find_child());
    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    g_assert_cmpuint(n, ==, 0);
}

/* What someone who took the child over would try. Each returns 0 when it worked. */
static int
try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int
try_read_file(void)
{
    return open("/etc/passwd", O_RDONLY) < 0;
}

static int
try_execute(void)
{
    return execl("/bin/true", "true", NULL);
}

static int
try_fork(void)
{
    return fork() < 0;
}

static int
try_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
           == MAP_FAILED;
}

static int
try_kill(void)
{
    return kill(getppid(), 0);
}

static const struct {
    const char *name;
    int (*attempt)(void);
    gboolean landlock; /* Landlock alone refuses it, too */
} attempts[] = {
    {"socket", try_socket, FALSE},
    {"read a file", try_read_file, TRUE},
    {"execute", try_execute, TRUE},
    {"fork", try_fork, FALSE},
    {"executable memory", try_executable_memory, FALSE},
    {"signal", try_kill, FALSE},
};

/* In a process of its own. Exits with 10: refused, 11: it worked, 12: the sandbox failed. */
static int
run_in_sandbox(int (*attempt)(void), guint *missing)
{
    const pid_t pid = fork();
    int status;

    if (pid == 0) {
        const struct rlimit no_core = {0};
        guint walls = 0;

        (void) setrlimit(RLIMIT_CORE, &no_core);
        if (!ap_sandbox_enter(&walls, NULL))
            _exit(12);
        _exit(attempt == NULL ? (int) walls : attempt() != 0 ? 10 : 11);
    }

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (attempt == NULL)
        *missing = (guint) WEXITSTATUS(status);
    return status;
}

static void
test_sandbox_refuses(void)
{
    guint missing = 0;

    (void) run_in_sandbox(NULL, &missing);
    g_test_message("missing walls: %u", missing);
    g_assert_cmpint((missing & AP_SANDBOX_SECCOMP) == 0, ==, HAS_SECCOMP);

    for (gsize i = 0; i < G_N_ELEMENTS(attempts); i++) {
        const int status = run_in_sandbox(attempts[i].attempt, NULL);

        g_test_message("%s: status %x", attempts[i].name, (guint) status);
        if (HAS_SECCOMP)
            g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        else if (attempts[i].landlock && (missing & AP_SANDBOX_LANDLOCK) == 0)
            g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 10);
    }
}

static void
test_child_refuses_to_run_by_hand(void)
{
    const char *argv[] = {g_getenv(FETCH_PROGRAM_ENV), NULL};
    g_autofree char *said = NULL;
    int status = 0;

    g_assert_true(g_spawn_sync(NULL,
                               (char **) argv,
                               NULL,
                               G_SPAWN_DEFAULT,
                               NULL,
                               NULL,
                               NULL,
                               &said,
                               &status,
                               NULL));
    g_assert_cmpint(WEXITSTATUS(status), ==, 2);
    g_assert_nonnull(strstr(said, "wg-autopeer-helper"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch-child/cancel-returns-at-once", test_cancel_returns_at_once);
    g_test_add_func("/fetch-child/cancelled-before-it-began", test_cancelled_before_it_began);
    g_test_add_func("/fetch-child/killed-is-replaced", test_killed_child_is_replaced);
    g_test_add_func("/fetch-child/died-idle-is-replaced", test_child_that_died_idle_is_replaced);
    g_test_add_func("/fetch-child/hanging-is-replaced", test_hanging_child_is_replaced);
    g_test_add_func("/fetch-child/goes-with-the-fetcher", test_freed_fetcher_takes_the_child_along);
    g_test_add_func("/fetch-child/missing-program", test_missing_program);
    g_test_add_func("/fetch-child/refused-connection", test_refused_connection);
    g_test_add_func("/fetch-child/connection-that-nobody-accepts",
                    test_connection_that_nobody_accepts);
    g_test_add_func("/fetch-child/device-that-is-not-there", test_device_that_is_not_there);
    g_test_add_func("/fetch-child/has-no-privilege", test_child_has_no_privilege);
    g_test_add_func("/fetch-child/inherits-no-descriptor", test_child_inherits_no_descriptor);
    g_test_add_func("/fetch-child/has-no-environment", test_child_has_no_environment);
    g_test_add_func("/fetch-child/sandbox-refuses", test_sandbox_refuses);
    g_test_add_func("/fetch-child/refuses-to-run-by-hand", test_child_refuses_to_run_by_hand);
    return g_test_run();
}
