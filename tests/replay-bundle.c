/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * replay-bundle [--verbose] BUNDLE
 *
 * Makes the decisions again that a bundle holds. Exits 0 when each plan comes out as it was
 * recorded, 1 when one does not, 2 when the file cannot be read.
 */

#include "helper/record/replay.h"

#include <stdio.h>

/** Longest file that is read, in bytes: a bundle has less than half of it. */
#define MAX_FILE (1024 * 1024)

static gboolean verbose;

static const GOptionEntry entries[] = {
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "A line for each turn", NULL},
    G_OPTION_ENTRY_NULL,
};

static int
fail(const char *path, const char *why)
{
    fprintf(stderr, "replay: %s: %s\n", path, why);
    return 2;
}

static void
print_result(const ApRecordReplay *replay)
{
    g_autofree char *first = ap_record_replay_time(replay->first);
    g_autofree char *last = ap_record_replay_time(replay->last);

    printf("%u turns from %s to %s (boot clock %.1f s to %.1f s): ",
           replay->n_turns,
           first,
           last,
           (double) replay->first.boot_usec / AP_USEC_PER_SEC,
           (double) replay->last.boot_usec / AP_USEC_PER_SEC);
    if (replay->difference != NULL)
        printf("not the same plan\n%s", replay->difference);
    else
        printf("the same plan each time\n");
    if (replay->n_retries > 0)
        printf("Before %u of them somebody asked for another try.\n", replay->n_retries);
}

static int
replay_file(const char *path)
{
    g_autoptr(GMappedFile) file = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) log = verbose ? g_string_new(NULL) : NULL;
    g_autofree char *text = NULL;
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    file = g_mapped_file_new(path, FALSE, &error);
    if (file == NULL)
        return fail(path, error->message);
    if (g_mapped_file_get_length(file) > MAX_FILE)
        return fail(path, "it is too large for a bundle");
    text = g_strndup(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));

    if (!ap_record_replay_run(&replay, text != NULL ? text : "", log, &error))
        return fail(path, error->message);
    if (replay.n_turns == 0)
        return fail(path, "it holds no turn");
    if (log != NULL)
        printf("%s", log->str);
    print_result(&replay);
    return replay.difference != NULL ? 1 : 0;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("BUNDLE");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2) {
        fprintf(stderr, "usage: replay [--verbose] BUNDLE\n");
        return 2;
    }
    return replay_file(argv[1]);
}
