/* SPDX-License-Identifier: GPL-3.0-or-later */

/* When it is said that a direct path is gone, as a table of seconds. */

#include "helper/gossip/losses.h"
#include "tests/unit/gossip-scene.h"

/* Random bits; marks are odd and 2 apart. */
#define SEED 0xfffffffe

/* One letter for each peer. */
static GArray *
peers(const char *letters)
{
    GArray *keys = g_array_new(FALSE, TRUE, sizeof(ApKey));

    for (; *letters != '\0'; letters++) {
        const ApKey key = {{(guint8) *letters}};

        g_array_append_val(keys, key);
    }
    return keys;
}

/**
 * @mark: what is said after that second's look: the first mark, the second…; 0: nothing
 * @due: the second at which another look is wished for; -1: none is
 */
static const struct {
    const char *name;
    struct {
        gint64 sec;
        const char *direct;
        guint32 mark;
        gint64 due;
    } looks[6];
} cases[] = {
    {"nothing-to-lose", {{1, "", 0, -1}, {2, "", 0, -1}}},
    {"one-comes", {{1, "", 0, -1}, {2, "a", 0, -1}, {3, "ba", 0, -1}, {4, "ab", 0, -1}}},
    {"first-is-said-at-once", {{1, "ab", 0, -1}, {2, "b", 1, -1}, {90, "b", 1, -1}}},
    {"another-in-its-place", {{1, "a", 0, -1}, {2, "b", 1, -1}}},
    {"next-waits",
     {{1, "ab", 0, -1}, {2, "b", 1, -1}, {3, "", 1, 17}, {16, "", 1, 17}, {17, "", 2, -1}}},
    {"waits-though-it-is-back",
     {{1, "a", 0, -1},
      {2, "", 1, -1},
      {3, "a", 1, -1},
      {4, "", 1, 17},
      {5, "a", 1, 17},
      {18, "a", 2, -1}}},
    {"later-is-said-at-once", {{1, "ab", 0, -1}, {2, "b", 1, -1}, {17, "", 2, -1}}},
};

static void
test_case(gconstpointer data)
{
    const gsize which = GPOINTER_TO_SIZE(data);
    ApLosses losses = ap_losses_init(SEED);

    for (guint i = 0; i < G_N_ELEMENTS(cases[0].looks); i++) {
        const gint64 sec = cases[which].looks[i].sec;
        const gint64 due = cases[which].looks[i].due;
        const guint32 mark = cases[which].looks[i].mark;
        g_autoptr(GArray) direct = NULL;

        if (sec == 0)
            break;
        g_test_message("second %" G_GINT64_FORMAT, sec);
        direct = peers(cases[which].looks[i].direct);
        ap_losses_note(&losses, direct, gossip_at(sec));
        g_assert_cmpuint(losses.mark, ==, mark != 0 ? (guint32) (SEED + 2 * mark - 1) : 0);
        g_assert_cmpint(ap_losses_deadline(&losses),
                        ==,
                        due >= 0 ? gossip_at(due).boot_usec : AP_NEVER);
    }
    ap_losses_clear(&losses);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/gossip/losses/%s", cases[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_case);
    }
    return g_test_run();
}
