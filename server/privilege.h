/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who may do what: one process reads the device with CAP_NET_ADMIN, and opens sockets, the other
 * speaks HTTP with nothing. One file knows libcap-ng.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * The account of the HTTP process when it was started as root: its own if the administrator has
 * made one, else that of nobody. Not the helper's, which may own the helper's bus name.
 */
#define AP_SERVER_USER "wg-autopeer-server"
#define AP_SERVER_FALLBACK_USER "nobody"

gboolean ap_privilege_check(GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_privilege_keep_reader(GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_privilege_leave_network(void);
gboolean ap_privilege_drop_all(GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
