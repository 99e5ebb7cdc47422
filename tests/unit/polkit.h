/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A polkit that says what the test wants it to.
 */

#pragma once

#include "bus.h"

G_BEGIN_DECLS

typedef enum {
    TEST_POLKIT_YES,
    TEST_POLKIT_NO,
    TEST_POLKIT_CHALLENGE, /* yes to whoever may be prompted, as if the password was right */
    TEST_POLKIT_DISMISSED,
    TEST_POLKIT_ERROR,
    TEST_POLKIT_NONSENSE, /* an answer of another type */
    TEST_POLKIT_SILENT,   /* no answer before test_polkit_answer_all() */
} TestPolkitMood;

typedef struct {
    GDBusConnection *connection; /* (owned) */
    guint registration;
    TestPolkitMood mood;
    guint n_checks;
    guint n_cancelled;
    guint32 flags;         /* of the last check */
    char action[64];       /* of the last check */
    char subject[64];      /* of the last check: "KIND NAME" */
    GPtrArray *unanswered; /* (owned) (element-type GDBusMethodInvocation) */
} TestPolkit;

TestPolkit *test_polkit_new(const TestBus *bus);
void test_polkit_answer_all(TestPolkit *self);
void test_polkit_free(TestPolkit *self);

G_END_DECLS
