/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One HTTP exchange over a socket that somebody else connected: a request goes out, and of the
 * answer only what coordination-protocol.md describes is taken.
 *
 * This is the strict subset of HTTP/1.1 that one POST to one numeric address needs. libcurl
 * would bring forty libraries into the process, 1.1 MiB of memory that nobody shares, and system
 * calls that the sandbox has no reason to allow; which answer is acceptable would still have to
 * be decided here (measured with libcurl 7.88 by `tests/bench memory`).
 */

#pragma once

#include "common/exchange.h"

G_BEGIN_DECLS

ApExchangeResult ap_http_run(const ApExchange *exchange, int connection, int owner);

G_END_DECLS
