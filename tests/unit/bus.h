/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A system bus of the test's own under the shipped policy, and a helper on it whose engine is the
 * test.
 */

#pragma once

#include "helper/dbus/service.h"

G_BEGIN_DECLS

typedef struct {
    char *directory; /* (owned) everybody may enter it */
    char *address;   /* (owned) of the bus */
    GSubprocess *daemon;
} TestBus;

TestBus *test_bus_new(void);
GDBusConnection *test_bus_connect(const TestBus *self);
GDBusConnection *test_bus_connect_as_nobody(const TestBus *self);
void test_bus_free(TestBus *self);

/** What was asked of the engine, and what it is to answer. */
typedef struct {
    GDBusConnection *connection; /* (owned) */
    ApService *service;          /* (owned) */
    guint n_resyncs;
    guint n_set_enabled;
    gboolean enabled;
    gboolean held;
    guint n_held;       /* how often it became so */
    char last_wish[64]; /* of Pause and SetOption */
    guint n_diagnosed;
    const char *bundle; /* (not owned) what Diagnose shows */
    gint fail_code;     /* of ApError; -1: SetEnabled succeeds */
} TestHelper;

TestHelper *test_helper_new(const TestBus *bus, guint64 serial);
void test_helper_free(TestHelper *self);

ApView *test_view_new(guint64 serial);
ApPeerView test_peer_new(guint32 ifindex, guint8 number, ApPathState state, ApReason reason);

GVariant *test_call(GDBusConnection *connection,
                    const char *interface,
                    const char *method,
                    GVariant *arguments,
                    GError **error);
GVariant *test_call_with_flags(GDBusConnection *connection,
                               const char *interface,
                               const char *method,
                               GVariant *arguments,
                               GDBusCallFlags flags,
                               GError **error);
GVariant *test_arguments(const char *method, const char *options);
void test_iterate_until(const gboolean *done);
void test_settle(GDBusConnection *connection);

G_END_DECLS
