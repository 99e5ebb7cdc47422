/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper at work: puts engine, bus, choice and stay together, and runs until it is told to end
 * or nobody wants it.
 */

#pragma once

#include "helper/engine/options.h"
#include "helper/io/ledger.h"

G_BEGIN_DECLS

int ap_run(const ApOptions *options, ApLedger *ledger);

G_END_DECLS
