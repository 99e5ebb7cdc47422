/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the tray says of one peer, in the person's language. Pure.
 */

#pragma once

#include "client/view.h"

G_BEGIN_DECLS

char *ap_words_foreign(const char *text);
char *ap_words_sentence(const char *sentence, const char *word);
const char *ap_words_phrase(const char *reason);

char *ap_words_peer_name(const ApClientPeer *peer);
char *ap_words_peer_name_and_address(const ApClientPeer *peer);
char *ap_words_peer_path(const ApClientPeer *peer);
char *ap_words_peer_reason(const ApClientPeer *peer);
char *ap_words_peer_advice(const ApClientPeer *peer);
char *ap_words_peer_rtt(const ApClientPeer *peer);
char *ap_words_peer_line(const ApClientPeer *peer);

G_END_DECLS
