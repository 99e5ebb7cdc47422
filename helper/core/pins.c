/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/pins.h"

/** How long an address stays with the key that had it last (security rule A8). */
#define PIN_USEC (180 * AP_USEC_PER_SEC)

/**
 * Gives @addr to the key of @self for a while from now on.
 */
void
ap_pins_add(ApPath *self, const ApAddr *addr, ApInstant now)
{
    ApPin *place = self->pins;

    /* The same address, or a free place, or the one that ends first. */
    for (guint i = 0; i < G_N_ELEMENTS(self->pins); i++) {
        ApPin *each = &self->pins[i];

        if (i == self->n_pins) {
            self->n_pins++;
            *each = (ApPin){.addr = *addr};
        }
        if (ap_addr_equal(&each->addr, addr)) {
            place = each;
            break;
        }
        if (each->until_boot_usec < place->until_boot_usec)
            place = each;
    }
    *place = (ApPin){.addr = *addr, .until_boot_usec = now.boot_usec + PIN_USEC};
}

/**
 * Gives the key of @self every tunnel address that the device has given to its peer: whatever
 * becomes of the peer in this turn, nobody else gets them for a while.
 */
void
ap_pins_hold(ApPath *self, const ApDevicePeer *peer, ApInstant now)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);

        if (ap_cidr_is_host(prefix) && !ap_addr_is_link_local(&prefix->addr))
            ap_pins_add(self, &prefix->addr, now);
    }
}

/**
 * Tells whether any address still stays with the key of @self.
 */
gboolean
ap_pins_last(const ApPath *self, ApInstant now)
{
    for (guint i = 0; i < self->n_pins; i++) {
        if (self->pins[i].until_boot_usec > now.boot_usec)
            return TRUE;
    }
    return FALSE;
}
