/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Everything that menu, window and icon are made of, as one value.
 */

#pragma once

#include "tray/resync.h"

G_BEGIN_DECLS

/** All pointers are borrowed. */
typedef struct {
    ApClientState client;
    const ApClientView *view; /* (nullable) NULL unless @client is AP_CLIENT_READY */
    const GError *error;      /* (nullable) NULL unless @client is AP_CLIENT_FAILED */
    const ApResync *resync;
    const char *complaint;  /* (nullable) why the last thing that the person wanted did not work */
    gboolean notifications; /* whether they are wanted */
} ApTrayFacts;

G_END_DECLS
