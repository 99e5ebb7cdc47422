/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What one file of the ledger says, as JSON and as values. Pure.
 *
 *     {"version":1,"ifindex":7,"interface":"wg0","device_key":"…","addresses":["fe80::2"],"peers":[
 *      {"key":"…","allowed":["10.85.0.34/32","fe80::1/128"],"added_boot_usec":12345}]}
 */

#pragma once

#include "helper/io/holdings.h"

G_BEGIN_DECLS

/** Version of the format; a reader refuses the files of later ones. */
#define AP_LEDGER_VERSION 1

/** Largest file, in bytes: a thousand peers with three prefixes each have 200 KiB. */
#define AP_LEDGER_MAX_BYTES (256 * 1024)

/** Most addresses of one interface: ours, and what is left of keys that it had before. */
#define AP_LEDGER_MAX_ADDRESSES 16

/** What came of reading a file. */
typedef enum {
    AP_LEDGER_TEXT_OK,
    AP_LEDGER_TEXT_BAD,   /* not written by us, or damaged */
    AP_LEDGER_TEXT_NEWER, /* written by a later version of this program */
} ApLedgerText;

char *
ap_ledger_text_write(const ApDeviceId *id, const ApKey *device_key, const ApHoldings *holdings);
ApLedgerText ap_ledger_text_read(const char *text,
                                 gsize n_bytes,
                                 guint32 ifindex,
                                 ApHoldings *out,
                                 GError **error);

G_END_DECLS
