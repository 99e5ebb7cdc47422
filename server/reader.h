/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The process that reads the device, and opens the sockets. It parses nothing but what the kernel
 * (or the userspace daemon) says.
 */

#pragma once

#include "server/options.h"

G_BEGIN_DECLS

int ap_reader_run(int fd, const ApOptions *options);

G_END_DECLS
