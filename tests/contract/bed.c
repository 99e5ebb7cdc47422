/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/contract/bed.h"

/**
 * Makes a bed; once in the life of a process, since namespaces are for good.
 *
 * @backend: "fake", "userspace" or "kernel"
 *
 * Returns: FALSE when this machine, or this user, cannot have it
 */
gboolean
bed_open(Bed *out, const char *backend)
{
    if (g_str_equal(backend, "userspace"))
        return bed_open_real(out, AP_BACKEND_USERSPACE);
    if (g_str_equal(backend, "kernel"))
        return bed_open_real(out, AP_BACKEND_KERNEL);

    g_assert_cmpstr(backend, ==, "fake");
    bed_open_fake(out);
    return TRUE;
}

void
bed_close(Bed *self)
{
    g_clear_pointer(&self->wireguard, ap_wireguard_free);
}
