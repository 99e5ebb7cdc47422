/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the answers of one coordination server add up to: the list of candidates, with the
 * rules for when an absent peer is really gone (coordination-protocol.md 5, "Removal rules").
 */

#pragma once

#include "common/instant.h"
#include "common/offer.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

typedef struct _ApBook ApBook;

ApBook *ap_book_new(guint32 ifindex);
gboolean ap_book_add_offer(ApBook *self, const ApOffer *offer, const GArray *direct, ApInstant now);
void ap_book_forget_all(ApBook *self);
void ap_book_list(const ApBook *self, GArray *candidates, ApInstant now);
void ap_book_free(ApBook *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApBook, ap_book_free)

G_END_DECLS
