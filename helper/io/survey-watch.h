/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Tells when the list of tunnels that wg-quick saves changes; see helper/io/survey.h.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ApSurveyWatch ApSurveyWatch;

/** The list may be another one. */
typedef void (*ApSurveyFunc)(gpointer user_data);

ApSurveyWatch *ap_survey_watch_new(const char *path, ApSurveyFunc changed, gpointer user_data);
void ap_survey_watch_free(ApSurveyWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSurveyWatch, ap_survey_watch_free)

G_END_DECLS
