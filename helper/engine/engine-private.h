/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of the engine share: engine.c, where events and wishes arrive, turn.c, and
 * diagnosis.c.
 */

#pragma once

#include "helper/engine/apply.h"
#include "helper/engine/askers.h"
#include "helper/engine/engine.h"
#include "helper/engine/glance.h"
#include "helper/engine/gossipers.h"
#include "helper/engine/metrics.h"
#include "helper/engine/sessions.h"
#include "helper/engine/settle.h"
#include "helper/io/boot-timer.h"
#include "helper/io/netwatch.h"
#include "helper/io/sleep-watch.h"
#include "helper/io/survey-watch.h"
#include "helper/record/recorder.h"

G_BEGIN_DECLS

struct _ApEngine {
    ApPolicy *policy; /* (owned) */
    ApApplyTools tools;
    ApNetwatch *netwatch;        /* (owned) */
    ApBootTimer *timer;          /* (owned) */
    ApSleepWatch *sleep_watch;   /* (owned) */
    ApSurveyWatch *survey_watch; /* (owned) */
    ApEngineViewFunc publish;
    gpointer user_data;

    ApAskers *askers;       /* (owned) */
    ApSessions *sessions;   /* (owned) */
    ApGossipers *gossipers; /* (owned) */
    ApRecorder *recorder;   /* (owned) */
    ApHoldings *holdings;   /* (owned) what the ledger holds */
    GArray *paths;          /* (owned) (element-type ApPath) memory of the planner */
    GArray *hosts;          /* (owned) (nullable) (element-type ApLanHost) while a peer is probed */
    gint64 hosts_boot_usec; /* when they were read */
    gint64 began_boot_usec;
    GArray *refusals; /* (owned) (nullable) (element-type ApRefusal) of the last plan */
    ApView *view;     /* (owned) (nullable) the last one */
    ApMetrics metrics;
    gboolean resyncing; /* not every server answered since the last ap_engine_resync() */
    guint64 n_resyncs;  /* that are done */

    gboolean enabled;          /* what people want; not while we stop or the machine sleeps */
    gboolean asleep;           /* the machine is about to sleep, or does */
    gint64 sleep_by_boot_usec; /* when it is let go at the latest; AP_NEVER: it was */
    guint turn_source;         /* (owned) the one idle turn that is scheduled */
    gint64 wake_at_boot_usec;  /* when a turn is due, whatever happens */
    ApGlance *glance;          /* (owned) what may make one due sooner */
    ApSettle settle;
    gint64 tidied_boot_usec; /* when the heap was tidied last; 0: never */
    char last_failure[256];  /* so that it is logged once */
    GSourceFunc stopped;     /* set while we are stopping */
    gpointer stopped_data;
    gint64 stop_by_boot_usec;
};

void ap_engine_schedule_turn(gpointer engine);
void ap_engine_arm_timer(ApEngine *self);
ApPassed ap_engine_count_own(const ApEngine *self);
void ap_engine_log_failure(ApEngine *self, const GError *error);

void ap_engine_turn(ApEngine *self);

G_END_DECLS
