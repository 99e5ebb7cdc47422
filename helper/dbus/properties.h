/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The properties of the object on the bus, which anybody may read.
 */

#pragma once

#include "helper/core/view.h"

G_BEGIN_DECLS

gboolean ap_properties_call(const ApView *view,
                            const char *method,
                            GVariant *arguments,
                            GVariant **reply,
                            GError **error);

G_END_DECLS
