/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the people of this machine chose: the switch and the pause, kept on disk; and whether
 * anybody wants the helper at all, which is not.
 */

#pragma once

#include "helper/core/mode.h"

G_BEGIN_DECLS

typedef struct _ApChoice ApChoice;

/** Called from the main loop, never from inside ap_choice_new(). */
typedef void (*ApChoiceFunc)(const ApMode *mode, gpointer user_data);

ApChoice *ap_choice_new(const char *directory,
                        gboolean enabled_otherwise,
                        ApChoiceFunc changed,
                        gpointer user_data,
                        GError **error);
const ApMode *ap_choice_get_mode(const ApChoice *self);
gboolean ap_choice_set_enabled(ApChoice *self, gboolean enabled, GError **error);
gboolean ap_choice_pause(ApChoice *self, const char *scope, guint64 sec, GError **error);
void ap_choice_set_wanted(ApChoice *self, gboolean wanted);
void ap_choice_set_network(ApChoice *self, guint64 network);
void ap_choice_free(ApChoice *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApChoice, ap_choice_free)

G_END_DECLS
