/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One HTTP exchange over a socket that somebody else connected, through libcurl.
 */

#pragma once

#include "common/exchange.h"

G_BEGIN_DECLS

typedef struct _ApHttp ApHttp;

ApHttp *ap_http_new(int owner);
ApExchangeResult ap_http_run(ApHttp *self, const ApExchange *exchange, int connection);
void ap_http_free(ApHttp *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApHttp, ap_http_free)

G_END_DECLS
