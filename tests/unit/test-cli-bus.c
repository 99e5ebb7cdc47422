/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "bus.h"
#include "cli/session.h"
#include "common/error.h"
#include "common/json/json.h"

#include <glib/gstdio.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
    TestBus *bus;
    TestHelper *helper;            /* NULL: it is not running */
    const char *directory;         /* NULL: where the tests run */
    GSpawnChildSetupFunc in_child; /* NULL: nothing to do there */
} Fixture;

/** A run of wg-autopeer. */
typedef struct {
    GSubprocess *process;
    int code;
    char *output;
    char *errors;
    gboolean done;
} Run;

static void
start_helper(Fixture *self)
{
    self->helper = test_helper_new(self->bus, 5);
}

static void
setup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->bus = test_bus_new();
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    g_clear_pointer(&self->helper, test_helper_free);
    test_bus_free(self->bus);
}

static void
become_nobody(gpointer unused)
{
    (void) unused;
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
        _exit(99);
}

static GSubprocess *
spawn(const Fixture *self, const char *program, gboolean as_nobody, const char *words)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autofree char *line = g_strconcat(program, " ", words, NULL);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    GSubprocess *process;

    g_subprocess_launcher_setenv(launcher, "DBUS_SYSTEM_BUS_ADDRESS", self->bus->address, TRUE);
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
    g_subprocess_launcher_setenv(launcher, "TZ", "UTC", TRUE);
    if (self->directory != NULL)
        g_subprocess_launcher_set_cwd(launcher, self->directory);
    if (self->in_child != NULL)
        g_subprocess_launcher_set_child_setup(launcher, self->in_child, NULL, NULL);
    if (as_nobody)
        g_subprocess_launcher_set_child_setup(launcher, become_nobody, NULL, NULL);
    process = g_subprocess_launcher_spawnv(launcher, (const char *const *) argv, &error);
    g_assert_no_error(error);
    return process;
}

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Run *run = user_data;

    g_assert_true(g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source),
                                                       result,
                                                       &run->output,
                                                       &run->errors,
                                                       NULL));
    run->code =
        g_subprocess_get_if_exited(run->process) ? g_subprocess_get_exit_status(run->process) : -1;
    run->done = TRUE;
}

static void
finish(Run *run)
{
    g_subprocess_communicate_utf8_async(run->process, NULL, NULL, on_ended, run);
    test_iterate_until(&run->done);
    g_test_message("status %d, output:\n%s\nerrors:\n%s", run->code, run->output, run->errors);
}

static void
run_clear(Run *run)
{
    g_clear_object(&run->process);
    g_clear_pointer(&run->output, g_free);
    g_clear_pointer(&run->errors, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static Run
run_words(const Fixture *self, const char *words)
{
    Run run = {.process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, words)};

    finish(&run);
    return run;
}

static const struct {
    const char *words;
    int code;
} usage_cases[] = {
    {"--help", AP_EXIT_DONE},
    {"--version", AP_EXIT_DONE},
    {"", AP_EXIT_USAGE},
    {"levitate", AP_EXIT_USAGE},
    {"status more", AP_EXIT_USAGE},
    {"explain", AP_EXIT_USAGE},
    {"explain a b", AP_EXIT_USAGE},
    {"resync --json", AP_EXIT_USAGE},
    {"status --wait", AP_EXIT_USAGE},
    {"pause forever", AP_EXIT_USAGE},
    {"pause 0s", AP_EXIT_USAGE},
    {"pause -5min", AP_EXIT_USAGE},
    {"pause network 1h", AP_EXIT_USAGE},
    {"hold me", AP_EXIT_USAGE},
    {"status --yaml", AP_EXIT_USAGE},
    {"status --output x", AP_EXIT_USAGE},
    {"diagnose --json", AP_EXIT_USAGE},
    {"diagnose x", AP_EXIT_USAGE},
    {"diagnose --output", AP_EXIT_USAGE},
    {"diagnose --output -", AP_EXIT_UNREACHABLE},
    {"status", AP_EXIT_UNREACHABLE},
    {"status --json", AP_EXIT_UNREACHABLE},
    {"monitor", AP_EXIT_UNREACHABLE},
    {"resync", AP_EXIT_UNREACHABLE},
    {"explain 10.9.0.10", AP_EXIT_UNREACHABLE},
    {"enable", AP_EXIT_UNREACHABLE},
    {"disable", AP_EXIT_UNREACHABLE},
    {"pause", AP_EXIT_UNREACHABLE},
    {"resume", AP_EXIT_UNREACHABLE},
    {"resync --wait", AP_EXIT_UNREACHABLE},
};

static void
test_exit_codes_without_a_helper(Fixture *self, gconstpointer unused)
{
    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(usage_cases); i++) {
        g_auto(Run) run = run_words(self, usage_cases[i].words);

        g_test_message("case '%s'", usage_cases[i].words);
        g_assert_cmpint(run.code, ==, usage_cases[i].code);
        g_assert_true((run.code == AP_EXIT_DONE) == (run.errors[0] == '\0'));
        if (run.code == AP_EXIT_UNREACHABLE) {
            g_assert_cmpstr(run.output, ==, "");
            g_assert_nonnull(strstr(run.errors, "systemctl enable --now wg-autopeer"));
        }
    }
}

static void
test_no_bus_is_unreachable(Fixture *self, gconstpointer unused)
{
    g_autofree char *address = self->bus->address;
    int code;

    (void) unused;
    self->bus->address = g_strdup("unix:path=/nonexistent/socket");
    {
        g_auto(Run) run = run_words(self, "status");

        code = run.code;
    }
    g_free(self->bus->address);
    self->bus->address = g_steal_pointer(&address);
    g_assert_cmpint(code, ==, AP_EXIT_UNREACHABLE);
}

static void
test_status_in_words(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) run = run_words(self, "status");

    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_true(g_str_has_prefix(run.output, "1 of 4 peers direct\n\nwg7 (kernel): asks "));
    g_assert_nonnull(strstr(run.output, "  CgECAwQF…  10.9.0.10  direct   192.168.1.7:51820"));
    g_assert_nonnull(strstr(run.output, "wg8 (userspace): not managed: No configured peer"));
    g_assert_nonnull(strstr(run.output, "the last try failed: no answer\n"));
    g_assert_null(strchr(run.output, '\033'));
}

static void
test_status_in_json(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) run = run_words(self, "status --json");
    g_autoptr(ApJson) root =
        ap_json_parse(run.output, strlen(run.output), AP_JSON_MAX_VALUES, NULL);
    gint64 schema = 0;

    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_true(ap_json_get_int(root, "schema", 1, 1, &schema));
    g_assert_cmpuint(ap_json_n_items(ap_json_get_array(root, "peers")), ==, 4);
    g_assert_cmpuint(ap_json_n_items(ap_json_get_array(root, "tunnels")), ==, 2);
}

static void
test_explain_tells_of_each_tunnel(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) found = run_words(self, "explain 10.9.0.10");
    g_auto(Run) missing = run_words(self, "explain 10.9.0.99");
    g_auto(Run) hostile = run_words(self, "explain \033[31mx");

    g_assert_cmpint(found.code, ==, AP_EXIT_DONE);
    g_assert_nonnull(strstr(found.output, "tunnel          wg7\n"));
    g_assert_nonnull(strstr(found.output, "tunnel          wg8\n"));
    g_assert_nonnull(strstr(found.output, "\nTraffic goes directly to this peer.\n"));
    g_assert_cmpint(missing.code, ==, AP_EXIT_FAILED);
    g_assert_nonnull(strstr(missing.errors, "no peer fits “10.9.0.99”"));
    g_assert_cmpint(hostile.code, ==, AP_EXIT_FAILED);
    g_assert_null(strchr(hostile.errors, '\033'));
}

static void
test_wishes_reach_the_helper(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) resync = run_words(self, "resync");
    g_auto(Run) enable = run_words(self, "enable");

    g_assert_cmpint(resync.code, ==, AP_EXIT_DONE);
    g_assert_cmpuint(self->helper->n_resyncs, ==, 1);
    g_assert_cmpint(enable.code, ==, AP_EXIT_DONE);
    g_assert_true(self->helper->enabled);

    self->helper->fail_code = AP_ERROR_FAILED;
    g_auto(Run) failed = run_words(self, "disable");

    g_assert_cmpint(failed.code, ==, AP_EXIT_FAILED);
    g_assert_cmpstr(failed.errors, ==, "wg-autopeer: the test says so\n");
    g_assert_cmpstr(failed.output, ==, "");
}

static const struct {
    const char *words;
    const char *wish;
} pause_cases[] = {
    {"pause", "resume 0"},
    {"pause network", "network 0"},
    {"pause 90s", "time 90"},
    {"pause 30min", "time 1800"},
    {"pause 2h", "time 7200"},
    {"pause 3d", "time 259200"},
    {"resume", "time 0"},
};

static void
test_pauses_are_passed_on(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    for (gsize i = 0; i < G_N_ELEMENTS(pause_cases); i++) {
        g_auto(Run) run = run_words(self, pause_cases[i].words);

        g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
        g_assert_cmpstr(self->helper->last_wish, ==, pause_cases[i].wish);
    }
}

static void
publish_resynced(const Fixture *self, guint64 serial, guint64 n_resyncs, gboolean is_trying)
{
    g_autoptr(ApView) view = test_view_new(serial);

    view->n_resyncs = n_resyncs;
    g_array_index(view->tunnels, ApTunnelView, 1).last_error[0] = '\0';
    if (!is_trying)
        g_array_index(view->peers, ApPeerView, 1).verdict.state = AP_PATH_WAITING;
    ap_service_publish(self->helper->service, view);
}

static void
test_resync_waits_until_it_is_done(Fixture *self, gconstpointer unused)
{
    g_auto(Run) run = {0};

    (void) unused;
    start_helper(self);
    run.process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "resync --wait");
    while (self->helper->n_resyncs == 0)
        g_main_context_iteration(NULL, TRUE);
    publish_resynced(self, 6, 0, TRUE);
    publish_resynced(self, 7, 1, TRUE);
    test_settle(self->helper->connection);
    publish_resynced(self, 8, 1, FALSE);
    finish(&run);
    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_cmpstr(run.output, ==, "1 of 4 peers direct\n");
}

static void
test_resync_that_failed_is_told(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApView) view = test_view_new(6);
    g_auto(Run) run = {0};

    (void) unused;
    start_helper(self);
    run.process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "resync --wait");
    while (self->helper->n_resyncs == 0)
        g_main_context_iteration(NULL, TRUE);
    view->n_resyncs = 1;
    g_array_index(view->peers, ApPeerView, 1).verdict.state = AP_PATH_WAITING;
    ap_service_publish(self->helper->service, view);
    finish(&run);
    g_assert_cmpint(run.code, ==, AP_EXIT_FAILED);
    g_assert_cmpstr(run.errors, ==, "wg-autopeer: wg8: no answer\n");
}

static void
test_resync_does_not_wait_for_a_helper_that_left(Fixture *self, gconstpointer unused)
{
    g_auto(Run) run = {0};

    (void) unused;
    start_helper(self);
    run.process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "resync --wait");
    while (self->helper->n_resyncs == 0)
        g_main_context_iteration(NULL, TRUE);
    test_settle(self->helper->connection);
    g_clear_pointer(&self->helper, test_helper_free);
    finish(&run);
    g_assert_cmpint(run.code, ==, AP_EXIT_UNREACHABLE);
}

static void
test_explanation_in_json(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) run = run_words(self, "explain --json 10.9.0.10");
    g_autoptr(ApJson) root =
        ap_json_parse(run.output, strlen(run.output), AP_JSON_MAX_VALUES, NULL);
    ApJson *peers = ap_json_get_array(root, "peers");
    gint64 schema = 0;

    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_true(ap_json_get_int(root, "schema", 1, 1, &schema));
    g_assert_cmpuint(ap_json_n_items(peers), ==, 2);
    g_assert_cmpuint(ap_json_n_items(ap_json_get_array(ap_json_item(peers, 0), "sentences")), >, 0);
}

/* The program may lie where only root may go: it is copied to where everybody may. */
static char *
copy_program(const Fixture *self)
{
    g_autoptr(GFile) from = g_file_new_for_path(g_getenv("AP_CLI_PROGRAM"));
    g_autofree char *path = g_build_filename(self->bus->directory, "wg-autopeer", NULL);
    g_autoptr(GFile) to = g_file_new_for_path(path);
    g_autoptr(GError) error = NULL;

    (void) g_file_copy(from, to, G_FILE_COPY_NONE, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    return g_steal_pointer(&path);
}

static void
test_nobody_is_not_allowed(Fixture *self, gconstpointer unused)
{
    static const char *const words[] =
        {"status", "monitor", "resync", "explain AAAA", "disable", "pause", "hold", "diagnose"};
    g_autofree char *program = NULL;

    (void) unused;
    if (geteuid() != 0) {
        g_test_skip("needs root to be somebody else");
        return;
    }

    start_helper(self);
    program = copy_program(self);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        g_auto(Run) run = {.process = spawn(self, program, TRUE, words[i])};

        finish(&run);
        g_assert_cmpint(run.code, ==, AP_EXIT_DENIED);
        g_assert_cmpstr(run.output, ==, "");
        g_assert_cmpstr(run.errors,
                        ==,
                        "wg-autopeer: not allowed: only root may, because there is no polkit to "
                        "ask\n");
    }
    g_assert_cmpuint(self->helper->n_set_enabled + self->helper->n_resyncs, ==, 0);
}

static char *
make_directory(void)
{
    g_autoptr(GError) error = NULL;
    char *path = g_dir_make_tmp("ap-cli-XXXXXX", &error);

    g_assert_no_error(error);
    return path;
}

static void
test_bundle_is_kept_for_its_owner_alone(Fixture *self, gconstpointer unused)
{
    g_autofree char *directory = make_directory();
    g_autofree char *path = g_build_filename(directory, "bundle.txt", NULL);
    g_autofree char *words = g_strconcat("diagnose --output ", path, NULL);
    g_autofree char *kept = NULL;
    GStatBuf about;

    (void) unused;
    start_helper(self);
    g_auto(Run) run = run_words(self, words);
    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_nonnull(strstr(run.output, path));
    g_assert_nonnull(strstr(run.output, "Shortened: public keys"));
    g_assert_true(g_file_get_contents(path, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, self->helper->bundle);
    g_assert_cmpint(g_stat(path, &about), ==, 0);
    g_assert_cmpuint(about.st_mode & 07777, ==, 0600);

    self->helper->bundle = "another\n";
    g_auto(Run) again = run_words(self, words);
    g_clear_pointer(&kept, g_free);
    g_assert_cmpint(again.code, ==, AP_EXIT_FAILED);
    g_assert_nonnull(strstr(again.errors, "is there already"));
    g_assert_true(g_file_get_contents(path, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "wg-autopeer bundle 1\n");

    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void
test_bundle_has_a_name_and_a_place_of_its_own(Fixture *self, gconstpointer unused)
{
    g_autofree char *directory = make_directory();
    g_autofree char *name = NULL;

    (void) unused;
    start_helper(self);
    self->directory = directory;
    g_auto(Run) run = run_words(self, "diagnose");
    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);

    g_autoptr(GDir) found = g_dir_open(directory, 0, NULL);
    name = g_build_filename(directory, g_dir_read_name(found), NULL);
    g_test_message("%s", name);
    g_assert_true(
        g_regex_match_simple("/wg-autopeer-[0-9]{8}-[0-9]{6}\\.txt$", name, G_REGEX_DEFAULT, 0));
    g_assert_cmpint(g_unlink(name), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void
test_bundle_may_go_to_standard_output(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self);
    g_auto(Run) run = run_words(self, "diagnose --output -");

    g_assert_cmpint(run.code, ==, AP_EXIT_DONE);
    g_assert_cmpstr(run.output, ==, self->helper->bundle);
}

/* A limit on the size of files ends a write as a full disk does. */
static void
limit_files(gpointer unused)
{
    const struct rlimit limit = {4096, 4096};

    (void) unused;
    (void) signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(99);
}

static void
test_nothing_stays_of_a_bundle_without_room(Fixture *self, gconstpointer unused)
{
    g_autofree char *directory = make_directory();
    g_autofree char *path = g_build_filename(directory, "bundle.txt", NULL);
    g_autofree char *words = g_strconcat("diagnose --output ", path, NULL);
    g_autofree char *large = g_strnfill(100000, 'x');

    (void) unused;
    start_helper(self);
    self->helper->bundle = large;
    self->in_child = limit_files;
    g_auto(Run) run = run_words(self, words);
    g_assert_cmpint(run.code, ==, AP_EXIT_FAILED);
    g_assert_nonnull(strstr(run.errors, "could not write"));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void
on_line(GObject *source, GAsyncResult *result, gpointer user_data)
{
    char **line = user_data;

    *line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, NULL, NULL);
    g_assert_nonnull(*line);
}

static char *
next_line(GDataInputStream *stream)
{
    char *line = NULL;

    g_data_input_stream_read_line_async(stream, G_PRIORITY_DEFAULT, NULL, on_line, &line);
    while (line == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_test_message("%s", line);
    return line;
}

/* A monitor that finds the helper between its start and its first view says so first. */
static void
assert_next_line(GDataInputStream *stream, const char *end)
{
    g_autofree char *line = next_line(stream);

    if (g_str_has_suffix(line, "  The helper has just started")) {
        g_free(line);
        line = next_line(stream);
    }
    g_assert_true(g_str_has_suffix(line, end));
}

static void
on_exited(GObject *source, GAsyncResult *result, gpointer user_data)
{
    gboolean *done = user_data;

    (void) source;
    (void) result;
    *done = TRUE;
}

static void
end_by_signal(GSubprocess *process, int signal)
{
    gboolean done = FALSE;

    g_subprocess_wait_async(process, NULL, on_exited, &done);
    g_subprocess_send_signal(process, signal);
    test_iterate_until(&done);
    g_assert_true(g_subprocess_get_if_exited(process));
    g_assert_cmpint(g_subprocess_get_exit_status(process), ==, AP_EXIT_DONE);
}

static void
test_monitor_survives_the_helper(Fixture *self, gconstpointer unused)
{
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GDataInputStream) stream = NULL;
    g_autoptr(ApView) view = test_view_new(6);
    ApPeerView *peer = &g_array_index(view->peers, ApPeerView, 1);

    (void) unused;
    start_helper(self);
    process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "monitor");
    stream = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
    assert_next_line(stream, "  1 of 4 peers direct");
    assert_next_line(
        stream,
        "  wg7 CgECAwQF…  new → direct: The peer answered directly, from an acceptable place.");
    for (guint i = 0; i < 3; i++)
        g_free(next_line(stream));

    peer->verdict.state = AP_PATH_DIRECT;
    peer->verdict.reason = AP_REASON_PROVEN;
    ap_service_publish(self->helper->service, view);
    assert_next_line(
        stream,
        "  wg7 Änne  probing → direct: The peer answered directly, from an acceptable place.");

    g_clear_pointer(&self->helper, test_helper_free);
    assert_next_line(stream, "  The helper is not running");
    start_helper(self);
    assert_next_line(stream, "  1 of 4 peers direct");
    end_by_signal(process, SIGINT);
}

static void
test_monitor_in_json_has_one_object_a_line(Fixture *self, gconstpointer unused)
{
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GDataInputStream) stream = NULL;

    (void) unused;
    start_helper(self);
    process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "monitor --json");
    stream = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
    for (guint i = 0; i < 5; i++) {
        g_autofree char *line = next_line(stream);
        g_autoptr(ApJson) root = ap_json_parse(line, strlen(line), AP_JSON_MAX_VALUES, NULL);
        gint64 schema = 0;

        g_assert_true(ap_json_get_int(root, "schema", 1, 1, &schema));
        g_assert_cmpstr(ap_json_get_string(root, "event", 64), ==, i == 0 ? "helper" : "peer");
    }
    end_by_signal(process, SIGTERM);
}

static void
test_hold_lasts_until_the_signal(Fixture *self, gconstpointer unused)
{
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GDataInputStream) stream = NULL;

    (void) unused;
    start_helper(self);
    process = spawn(self, g_getenv("AP_CLI_PROGRAM"), FALSE, "hold");
    stream = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
    assert_next_line(stream, "The helper is at work. Ctrl-C lets it go.");
    g_assert_true(self->helper->held);

    g_clear_pointer(&self->helper, test_helper_free);
    assert_next_line(stream, "The helper is not running; it is held again when it is.");
    start_helper(self);
    assert_next_line(stream, "The helper is at work. Ctrl-C lets it go.");
    end_by_signal(process, SIGINT);
    while (self->helper->held)
        g_main_context_iteration(NULL, TRUE);
}

#define ADD(name, function) g_test_add("/cli/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("exit-codes-without-a-helper", test_exit_codes_without_a_helper);
    ADD("no-bus-is-unreachable", test_no_bus_is_unreachable);
    ADD("status-in-words", test_status_in_words);
    ADD("status-in-json", test_status_in_json);
    ADD("explain-tells-of-each-tunnel", test_explain_tells_of_each_tunnel);
    ADD("wishes-reach-the-helper", test_wishes_reach_the_helper);
    ADD("pauses-are-passed-on", test_pauses_are_passed_on);
    ADD("resync-waits-until-it-is-done", test_resync_waits_until_it_is_done);
    ADD("resync-that-failed-is-told", test_resync_that_failed_is_told);
    ADD("resync-does-not-wait-for-a-helper-that-left",
        test_resync_does_not_wait_for_a_helper_that_left);
    ADD("explanation-in-json", test_explanation_in_json);
    ADD("hold-lasts-until-the-signal", test_hold_lasts_until_the_signal);
    ADD("nobody-is-not-allowed", test_nobody_is_not_allowed);
    ADD("bundle-is-kept-for-its-owner-alone", test_bundle_is_kept_for_its_owner_alone);
    ADD("bundle-has-a-name-and-a-place-of-its-own", test_bundle_has_a_name_and_a_place_of_its_own);
    ADD("bundle-may-go-to-standard-output", test_bundle_may_go_to_standard_output);
    ADD("nothing-stays-of-a-bundle-without-room", test_nothing_stays_of_a_bundle_without_room);
    ADD("monitor-survives-the-helper", test_monitor_survives_the_helper);
    ADD("monitor-in-json-has-one-object-a-line", test_monitor_in_json_has_one_object_a_line);
    return g_test_run();
}
