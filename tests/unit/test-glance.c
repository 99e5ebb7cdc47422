/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a glance makes of the packets that the kernel counts; the kernel is a variable. */

#include "helper/engine/glance.h"

#define SEC AP_USEC_PER_SEC

static ApPassed kernel;
static gboolean kernel_says;

ApPassage *
ap_passage_new(void)
{
    return NULL;
}

void
ap_passage_free(ApPassage *self)
{
    g_assert_null(self);
}

gboolean
ap_passage_read(ApPassage *self, guint32 ifindex, ApPassed *out)
{
    g_assert_null(self);
    g_assert_cmpuint(ifindex, ==, 7);
    if (kernel_says)
        *out = kernel;
    return kernel_says;
}

static ApInstant
at(gint64 usec)
{
    return (ApInstant){.boot_usec = 1000 * SEC + usec};
}

/* After a turn that found one quiet path, and the next turn due in 15 s. */
static ApGlance *
begin(const ApPassed *own)
{
    const ApTunnel tunnels[] = {{.ifindex = 7, .managed = TRUE}, {.ifindex = 8}};
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(ApTunnel));
    const ApPlan plan = {
        .tunnels = g_array_append_vals(list, tunnels, G_N_ELEMENTS(tunnels)),
        .glance_at_boot_usec = at(AP_PLAN_GLANCE_USEC).boot_usec,
    };
    ApGlance *self = ap_glance_new();

    ap_glance_begin(self, &plan, at(15 * SEC).boot_usec, own, at(0));
    return self;
}

static const struct {
    const char *what;
    ApPassed under_way; /* of ours, not counted by the kernel when it is begun */
    ApPassed kernel;    /* what it counts more, later */
    ApPassed own;       /* what of that is ours */
    gboolean turns;
} cases[] = {
    {"nothing", {0}, {0}, {0}, FALSE},
    {"our own words", {0}, {2, 3}, {2, 3}, FALSE},
    {"something goes out", {0}, {3, 3}, {2, 3}, TRUE},
    {"something comes in", {0}, {2, 4}, {2, 3}, TRUE},
    {"ours was still under way", {1, 0}, {1, 0}, {0}, FALSE},
    {"that, and something else", {1, 0}, {2, 0}, {0}, TRUE},
    {"ours is under way now", {0}, {0}, {1, 0}, FALSE},
};

static void
test_traffic_makes_a_turn(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApGlance) self = NULL;

        g_test_message("%s", cases[i].what);
        kernel_says = TRUE;
        kernel = (ApPassed){100, 200};
        self = begin(&cases[i].under_way);
        g_assert_cmpint(ap_glance_deadline(self), ==, at(AP_PLAN_GLANCE_USEC).boot_usec);

        kernel.n_out += cases[i].kernel.n_out;
        kernel.n_in += cases[i].kernel.n_in;
        const ApPassed own = {
            .n_out = cases[i].under_way.n_out + cases[i].own.n_out,
            .n_in = cases[i].under_way.n_in + cases[i].own.n_in,
        };
        g_assert_cmpint(ap_glance_look(self, &own, at(AP_PLAN_GLANCE_USEC)), ==, cases[i].turns);
    }
}

static void
test_kernel_that_does_not_say_makes_a_turn(void)
{
    const ApPassed own = {0};

    for (guint i = 0; i < 2; i++) {
        g_autoptr(ApGlance) self = NULL;

        kernel = (ApPassed){100, 200};
        kernel_says = i == 0;
        self = begin(&own);
        kernel_says = !kernel_says;
        g_assert_true(ap_glance_look(self, &own, at(AP_PLAN_GLANCE_USEC)));
    }
}

static void
test_any_wakeup_puts_the_next_one_off(void)
{
    const ApPassed own = {0};
    g_autoptr(ApGlance) self = NULL;

    kernel_says = TRUE;
    self = begin(&own);
    g_assert_false(ap_glance_look(self, &own, at(4 * SEC)));
    g_assert_cmpint(ap_glance_deadline(self), ==, at(4 * SEC + AP_PLAN_GLANCE_USEC).boot_usec);

    /* What wakes us again soon is the same thing. */
    g_assert_false(ap_glance_look(self, &own, at(4 * SEC + SEC / 2)));
    g_assert_cmpint(ap_glance_deadline(self), ==, at(4 * SEC + AP_PLAN_GLANCE_USEC).boot_usec);
}

static void
test_turn_that_is_due_soon_comes_along(void)
{
    const ApPassed own = {0};
    g_autoptr(ApGlance) self = NULL;

    kernel_says = TRUE;
    self = begin(&own);
    g_assert_false(ap_glance_look(self, &own, at(9 * SEC)));
    g_assert_true(ap_glance_look(self, &own, at(11 * SEC)));
}

static void
test_nobody_looks_where_turns_are_frequent(void)
{
    const ApPassed own = {0};
    const ApPlan plan = {.glance_at_boot_usec = at(AP_PLAN_GLANCE_USEC).boot_usec};
    g_autoptr(ApGlance) self = ap_glance_new();

    ap_glance_begin(self, &plan, at(SEC).boot_usec, &own, at(0));
    g_assert_cmpint(ap_glance_deadline(self), ==, AP_NEVER);
    g_assert_false(ap_glance_look(self, &own, at(60 * SEC)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/glance/traffic-makes-a-turn", test_traffic_makes_a_turn);
    g_test_add_func("/glance/kernel-that-does-not-say-makes-a-turn",
                    test_kernel_that_does_not_say_makes_a_turn);
    g_test_add_func("/glance/any-wakeup-puts-the-next-one-off",
                    test_any_wakeup_puts_the_next_one_off);
    g_test_add_func("/glance/turn-that-is-due-soon-comes-along",
                    test_turn_that_is_due_soon_comes_along);
    g_test_add_func("/glance/nobody-looks-where-turns-are-frequent",
                    test_nobody_looks_where_turns_are_frequent);
    return g_test_run();
}
