/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Worlds that nobody would set up. Everything is drawn from small sets, so that things collide:
 * keys of hosts, hubs and candidates, addresses of all of them.
 */

#pragma once

#include "tests/unit/sim.h"

G_BEGIN_DECLS

#define RANDOM_FIRST_TUNNEL 7
#define RANDOM_N_TUNNELS 3

gboolean random_chance(GRand *rand, int percent);
guint random_below(GRand *rand, int n);

Sim *random_world(GRand *rand, ApInstant now);
void random_pass(GRand *rand, Sim *sim, ApInstant *now);
const ApDevice *random_device(const Sim *sim, guint32 ifindex);

G_END_DECLS
