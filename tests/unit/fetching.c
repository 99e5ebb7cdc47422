/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/fetching.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

ApFetcher *
fetching_new_fetcher(void)
{
    const char *program = g_getenv(FETCH_PROGRAM_ENV);

    g_assert_nonnull(program);
    return ap_fetcher_new(program);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Fetching *self = user_data;

    (void) source;
    g_assert_false(self->done);
    self->reply = ap_fetcher_ask_finish(self->fetcher, result, &self->error);
    g_assert_true((self->reply == NULL) == (self->error != NULL));
    self->ended_usec = g_get_monotonic_time();
    self->done = TRUE;
}

void
fetching_start(Fetching *self,
               ApFetcher *fetcher,
               guint16 port,
               guint wait_sec,
               GCancellable *cancellable)
{
    ApFetchTarget target = {.device = "lo", .server = {.port = port}};
    g_auto(ApRequest) request = {.n_attachments = 1, .wait_sec = wait_sec};

    g_assert_true(ap_addr_parse(&target.local, "127.0.0.1", NULL));
    target.server.addr = target.local;
    g_assert_true(ap_addr_parse(&request.attachments[0].ip, "192.168.77.12", NULL));
    g_assert_true(ap_addr_parse(&request.attachments[0].gateway, "192.168.77.1", NULL));
    request.attachments[0].prefix_len = 24;
    g_assert_true(ap_key_parse(&request.key, "fHuPNEGIvwdB8zTdO6+kU9o7nQfre700wCXRFgjB2lc=", NULL));

    self->fetcher = fetcher;
    self->started_usec = g_get_monotonic_time();
    ap_fetcher_ask_async(fetcher, &target, &request, cancellable, on_done, self);
}

void
fetching_start_at(Fetching *self,
                  ApFetcher *fetcher,
                  const ApFetchTarget *target,
                  const ApRequest *request)
{
    self->fetcher = fetcher;
    self->started_usec = g_get_monotonic_time();
    ap_fetcher_ask_async(fetcher, target, request, NULL, on_done, self);
}

void
fetching_wait(Fetching *self)
{
    while (!self->done)
        (void) g_main_context_iteration(NULL, TRUE);
}

void
fetching_run(Fetching *self, ApFetcher *fetcher, guint16 port)
{
    fetching_start(self, fetcher, port, 0, NULL);
    fetching_wait(self);
}

gint64
fetching_msec(const Fetching *self)
{
    return (self->ended_usec - self->started_usec) / 1000;
}

void
fetching_clear(Fetching *self)
{
    g_clear_pointer(&self->reply, ap_fetch_reply_free);
    g_clear_error(&self->error);
}

static gboolean
is_our_child(const char *pid)
{
    g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
    g_autofree char *stat = NULL;
    const char *after_name;
    int parent = 0;
    char state = 'Z';

    if (!g_file_get_contents(path, &stat, NULL, NULL))
        return FALSE;

    after_name = strrchr(stat, ')');
    return after_name != NULL && strstr(stat, "(wg-autopeer-fet") != NULL
           && sscanf(after_name + 1, " %c %d", &state, &parent) == 2 && parent == getpid()
           && state != 'Z';
}

static guint
count_children(GPid *found)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *name;
    guint n = 0;

    *found = 0;
    while ((name = g_dir_read_name(proc)) != NULL) {
        if (!g_ascii_isdigit(name[0]) || !is_our_child(name))
            continue;
        *found = (GPid) g_ascii_strtoll(name, NULL, 10);
        n++;
    }
    return n;
}

/**
 * Waits for the child of a fetcher that was freed to end, five seconds at most.
 *
 * Returns: the process of the only fetch child of this test that lives; 0 when there is none
 */
GPid
fetching_find_child(void)
{
    GPid found;

    for (guint msec = 0; count_children(&found) > 1; msec++) {
        g_assert_cmpuint(msec, <, 5000);
        g_usleep(1000);
    }
    return found;
}
