/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What programs may want to find in the log: ids for `journalctl MESSAGE_ID=`, and the fields that
 * come with them. Each id is explained in resources/wg-autopeer.catalog. They never change.
 */

#pragma once

#include "common/log.h"

G_BEGIN_DECLS

/** The helper is at work. */
#define AP_EVENT_STARTED "c06f69309b46430d9cb6ec5ae614a1a4"

/** A peer is reached directly. With all fields but the reason. */
#define AP_EVENT_DIRECT "9f0e7e080730440aaa3be9eae2bf49c1"

/** A peer is reached by the hub again. With tunnel, peer and reason. */
#define AP_EVENT_BACK "c2447db5908a49ffac195bc470d08b1e"

/** Something keeps failing. */
#define AP_EVENT_FAILED "ad1474ecfc37463bb6ebe296793dcfce"

/** A line of the configuration cannot be used. */
#define AP_EVENT_CONFIGURATION "3d90988ac12643328d6c9942018f973a"

/** What a helper before left behind was undone, or could not be. */
#define AP_EVENT_UNDONE "2d3fe016ab7944798981c4e90a83e42c"

/** The machine was left as it would be: a warning about the tunnel. With tunnel and reason. */
#define AP_EVENT_NOTICE "e627d46063144f589e8be047c9034e93"

#define AP_LOG_TUNNEL "AUTOPEER_TUNNEL"     /* name of the interface */
#define AP_LOG_PEER "AUTOPEER_PEER"         /* public key, base64 */
#define AP_LOG_ENDPOINT "AUTOPEER_ENDPOINT" /* address and port */
#define AP_LOG_REASON "AUTOPEER_REASON"     /* the word of helper/core/reason.h */

G_END_DECLS
