/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What was recorded is decided again and comes out the same: whole, masked, and not when edited. */

#include "helper/record/mask.h"
#include "helper/record/recorder.h"
#include "helper/record/replay.h"
#include "tests/unit/random-world.h"

#include <string.h>

static const guint8 secret[AP_MASK_KEY_LEN] = {7, 7};

/** When a run begins; later than anything that a random world remembers. */
static const ApInstant begin = {
    .boot_usec = 10000 * AP_USEC_PER_SEC,
    .real_usec = G_GINT64_CONSTANT(1700000000) * AP_USEC_PER_SEC,
};

/* Tests edit their links in place and read devices into one list, which a recorder must not see. */
static GPtrArray *
copy_links(const GPtrArray *links)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);

    for (guint i = 0; i < links->len; i++)
        g_ptr_array_add(copy, ap_link_copy(links->pdata[i]));
    return copy;
}

static void
play_turn(Sim *sim, ApRecorder *recorder, ApInstant now)
{
    g_autoptr(GPtrArray) links = copy_links(sim->links);
    g_autoptr(ApPlan) plan = NULL;
    ApWorld world;

    g_ptr_array_unref(sim->devices);
    sim->devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);
    world = sim_read(sim);
    world.links = links;
    plan = ap_plan_make(&world, sim->policy, now);
    ap_recorder_add(recorder, &world, sim->policy, now, plan);
    sim_apply(sim, plan, now);
}

static char *
record_random(guint32 seed, guint n_turns)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(ApRecorder) recorder = ap_recorder_new();
    ApInstant now = begin;
    g_autoptr(Sim) sim = random_world(rand, now);

    for (guint i = 0; i < n_turns; i++) {
        play_turn(sim, recorder, now);
        random_pass(rand, sim, &now);
    }
    return ap_recorder_write(recorder);
}

static void
assert_same(const char *record, guint n_turns)
{
    g_auto(ApRecordReplay) replay = {.n_turns = 0};
    g_autoptr(GError) error = NULL;
    const gboolean ok = ap_record_replay_run(&replay, record, NULL, &error);

    if (error != NULL || replay.difference != NULL)
        g_test_message("%s%s\n%s",
                       error != NULL ? error->message : "",
                       replay.difference != NULL ? replay.difference : "",
                       record);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_null(replay.difference);
    g_assert_cmpuint(replay.n_turns, ==, n_turns);
}

static void
test_random(void)
{
    const guint32 seed = g_test_rand_int();

    for (guint32 i = 0; i < 300; i++) {
        g_autofree char *record = record_random(seed + i, 4);
        g_autofree char *masked = ap_mask_text(record, secret);

        g_test_message("seed %u", seed + i);
        assert_same(record, 4);
        assert_same(masked, 4);
    }
}

/* Two laptops on one LAN, as they usually are. */
static Sim *
ordinary(void)
{
    Sim *sim = sim_new();
    const ApKey own = sim_key(1), peer = sim_key(2), hub = sim_key(3);

    (void) sim_add_lan(sim, 2, "192.168.77.12/24", "192.168.77.1");
    sim_add_tunnel(sim, 7, &own, "10.85.0.33/24");
    sim_add_peer(sim, 7, &hub, "10.85.0.0/24");
    (void) sim_offer(sim, 7, &peer, "10.85.0.34", "192.168.77.34:51820");
    return sim;
}

static char *
record_ordinary(guint n_turns, gint64 step_usec)
{
    g_autoptr(ApRecorder) recorder = ap_recorder_new();
    g_autoptr(Sim) sim = ordinary();
    ApInstant now = begin;

    for (guint i = 0; i < n_turns; i++) {
        play_turn(sim, recorder, now);
        now.boot_usec += step_usec;
        now.real_usec += step_usec;
    }
    return ap_recorder_write(recorder);
}

static char *
replace(const char *text, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(text, from, 2);

    g_test_message("'%s' in:\n%s", from, text);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    return g_strjoinv(to, parts);
}

/* The difference names the turn, what it was given, and both answers. */
static void
test_edited(void)
{
    static const char *const expected[] = {
        "turn 2 at 22:13:21.000",
        "    ~link 7 ",
        "    - verdict 7 AAI",
        " reason=lossy since_boot_usec=10001000000 next",
        "    + verdict 7 AAI",
        " reason=no-answer since_boot_usec=10001000000 next",
    };
    g_autofree char *record = record_ordinary(4, AP_USEC_PER_SEC);
    g_autofree char *edited = replace(record,
                                      "reason=no-answer since_boot_usec=10001000000 next",
                                      "reason=lossy since_boot_usec=10001000000 next");
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    g_assert_true(ap_record_replay_run(&replay, edited, NULL, NULL));
    g_assert_nonnull(replay.difference);
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_test_message("'%s' in:\n%s", expected[i], replay.difference);
        g_assert_nonnull(strstr(replay.difference, expected[i]));
    }
}

/* A turn has to begin with the paths that the turn before left. */
static void
test_lost_turn(void)
{
    g_autofree char *record = record_ordinary(4, AP_USEC_PER_SEC);
    g_autofree char *edited =
        replace(record,
                "\n~owned 7 ",
                "\n~path 7 AAIAAAAAAAAAAAAAAAAAWgAAAAAAAAAAAAAAAAAAAAA= n_again=1\n~owned 7 ");
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    g_assert_true(ap_record_replay_run(&replay, edited, NULL, NULL));
    g_assert_nonnull(replay.difference);
}

/* What people see of a record that holds is one line a turn. */
static void
test_log(void)
{
    g_autofree char *record = record_ordinary(3, AP_USEC_PER_SEC);
    g_autoptr(GString) log = g_string_new(NULL);
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    g_assert_true(ap_record_replay_run(&replay, record, log, NULL));
    g_test_message("%s", log->str);
    g_assert_null(replay.difference);
    g_assert_true(g_str_has_prefix(log->str, "1 22:13:20.000 begin; +verdict 7 "));
    g_assert_nonnull(strstr(log->str, "\n3 22:13:22.000"));
}

static void
test_part_of_bundle(void)
{
    g_autofree char *record = record_ordinary(2, AP_USEC_PER_SEC);
    g_autofree char *bundle =
        g_strdup_printf("wg-autopeer bundle 1\n[about]\nx\n\n[record]\n%s\n[log]\nnothing\n",
                        record);

    assert_same(bundle, 2);
}

static void
test_foreign(void)
{
    static const char *const texts[] = {"",
                                        "hello",
                                        "[record]\n",
                                        "record 2 turns=1\n",
                                        "record 1"};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_auto(ApRecordReplay) replay = {.n_turns = 0};
        g_autoptr(GError) error = NULL;

        g_test_message("'%s'", texts[i]);
        g_assert_false(ap_record_replay_run(&replay, texts[i], NULL, &error));
        g_assert_nonnull(error);
    }
}

/* Whatever a file holds, the reader ends, with an error or without. */
static void
test_hostile(void)
{
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autofree char *record = record_random(seed, 3);
    const gsize n = strlen(record);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < 400; i++) {
        g_autofree char *text = g_strdup(record);
        g_auto(ApRecordReplay) replay = {.n_turns = 0};

        if (i % 2 == 0)
            text[(guint) g_rand_int_range(rand, 0, (int) n)] = '\0';
        for (guint j = 0; i % 2 != 0 && j < 1 + i % 7; j++)
            text[(guint) g_rand_int_range(rand, 0, (int) n)] =
                (char) g_rand_int_range(rand, i % 3 == 0 ? 1 : '0', i % 3 == 0 ? 256 : ':');
        (void) ap_record_replay_run(&replay, text, NULL, NULL);
    }
}

/* Minutes go by: the text stays within its bounds, its oldest turns go, and the rest holds. */
static void
test_bounds(void)
{
    g_autofree char *record = record_ordinary(3000, AP_USEC_PER_SEC);
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    g_assert_cmpuint(strlen(record), <, 256 * 1024 + 256);
    g_assert_true(ap_record_replay_run(&replay, record, NULL, NULL));
    g_assert_null(replay.difference);
    g_assert_cmpint(replay.last.boot_usec, ==, begin.boot_usec + 2999 * AP_USEC_PER_SEC);
    g_assert_cmpint(replay.last.boot_usec - replay.first.boot_usec, <=, 750 * AP_USEC_PER_SEC);
    g_assert_cmpuint(replay.n_turns, >, 300);
}

static void
offer_too_many(Sim *sim)
{
    for (guint i = 0; i < 600; i++) {
        const ApKey key = sim_key(100 + i);
        g_autofree char *address = g_strdup_printf("10.85.%u.%u", 1 + i / 250, 1 + i % 250);

        (void) sim_offer(sim, 7, &key, address, NULL);
    }
}

/* A machine with thousands of peers is counted, and what comes after stands alone. */
static void
test_too_large(void)
{
    g_autoptr(ApRecorder) recorder = ap_recorder_new();
    g_autoptr(Sim) sim = ordinary();
    g_autofree char *record = NULL;
    ApInstant now = begin;

    play_turn(sim, recorder, now);
    offer_too_many(sim);
    now.boot_usec += AP_USEC_PER_SEC;
    play_turn(sim, recorder, now);
    g_array_set_size(sim->candidates, 1);
    for (guint i = 0; i < 3; i++) {
        now.boot_usec += 3600 * AP_USEC_PER_SEC;
        g_array_set_size(sim->paths, 0);
        play_turn(sim, recorder, now);
    }
    record = ap_recorder_write(recorder);
    g_assert_nonnull(strstr(record, " too-large=1\n"));
}

/* What was recorded before a machine grew does not outlive its ten minutes. */
static void
test_too_large_for_long(void)
{
    g_autoptr(ApRecorder) recorder = ap_recorder_new();
    g_autoptr(Sim) sim = ordinary();
    g_autofree char *early = NULL, *late = NULL;
    ApInstant now = begin;

    play_turn(sim, recorder, now);
    offer_too_many(sim);
    now.boot_usec += 599 * AP_USEC_PER_SEC;
    play_turn(sim, recorder, now);
    early = ap_recorder_write(recorder);
    g_assert_nonnull(strstr(early, "\nbegin\n"));

    now.boot_usec += 2 * AP_USEC_PER_SEC;
    play_turn(sim, recorder, now);
    late = ap_recorder_write(recorder);
    g_assert_cmpstr(late, ==, "record 1 turns=1 too-large=2\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/replay/random-worlds", test_random);
    g_test_add_func("/record/replay/edited", test_edited);
    g_test_add_func("/record/replay/lost-turn", test_lost_turn);
    g_test_add_func("/record/replay/log", test_log);
    g_test_add_func("/record/replay/part-of-bundle", test_part_of_bundle);
    g_test_add_func("/record/replay/foreign", test_foreign);
    g_test_add_func("/record/replay/hostile", test_hostile);
    g_test_add_func("/record/replay/bounds", test_bounds);
    g_test_add_func("/record/replay/too-large", test_too_large);
    g_test_add_func("/record/replay/too-large-for-long", test_too_large_for_long);
    return g_test_run();
}
