/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the server counts, and how it is given to those who watch it: in the text format 0.0.4 of
 * Prometheus. Numbers only: no key, no address. Pure.
 */

#pragma once

#include "server/gate.h"

G_BEGIN_DECLS

/** The media type of the text. */
#define AP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** Statuses that are counted apart; all others are the last one. */
#define AP_METRICS_N_STATUSES 9

/** What a watcher is given. */
typedef enum {
    AP_PAGE_HEALTH,
    AP_PAGE_METRICS,
} ApPage;

/** Numbers since the start, and as they are now ("is"). */
typedef struct {
    guint64 answers[AP_METRICS_N_STATUSES];
    guint64 refusals[AP_N_REFUSALS];
    guint64 is_connections;
    guint64 is_max_connections;
    guint64 connections;
    guint64 is_held;
    guint64 is_max_held;
    guint64 held;
    guint64 news;
    guint64 is_clients;
    guint64 is_peers;
    guint64 screened;
    guint64 looks;
    guint64 failed_looks;
    guint64 look_usec;
    guint64 is_enabled;
    guint64 is_groups;
    guint64 reloads;
    guint64 failed_reloads;
} ApMetrics;

void ap_metrics_count_answer(ApMetrics *self, guint status);
void ap_metrics_write(const ApMetrics *self, const char *version, GString *out);

ApRefusal ap_metrics_judge(const ApHead *head, ApPage *out_page);

G_END_DECLS
