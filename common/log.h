/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The log of a program that runs as a service: fields for the journal, text for everything else,
 * and never more than a little of the same.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Most fields of one message besides those that every message has. */
#define AP_LOG_MAX_FIELDS 8

/** A field of its own in the journal: "AUTOPEER_PEER", and what it is. */
typedef struct {
    const char *name;
    const char *value; /* (nullable): leave it out */
} ApLogField;

void ap_log_install(const char *identifier);
void ap_log_remember(void);
char *ap_log_recall(void);
void ap_log_flush(void);
void ap_log_event(const char *message_id,
                  GLogLevelFlags level,
                  const ApLogField *fields,
                  gsize n_fields,
                  const char *format,
                  ...) G_GNUC_PRINTF(5, 6);

G_END_DECLS
