/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The files of the ledger: read with mistrust, replaced as a whole, and on the disk when written.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Room for "4294967295.json.new" and "4294967295.json.bad", in bytes with the final NUL. */
#define AP_LEDGER_FILE_NAME_LEN 24

GByteArray *ap_ledger_file_read(int directory, const char *name, GError **error);
gboolean ap_ledger_file_write(int directory, const char *name, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_ledger_file_remove(int directory, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_ledger_file_set_error(GError **error, const char *what, const char *name);

G_END_DECLS
