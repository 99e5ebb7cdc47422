/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Gathers what goes into a bundle.
 */

#include "config.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/text.h"
#include "helper/dbus/view-text.h"
#include "helper/engine/bundle.h"
#include "helper/engine/configuration.h"
#include "helper/engine/engine-private.h"
#include "helper/record/mask.h"

#include <malloc.h>
#include <sys/utsname.h>

static void
append_system(GString *out)
{
    g_autofree char *system = g_get_os_info(G_OS_INFO_KEY_PRETTY_NAME);
    struct utsname kernel;

    g_string_append_printf(out, "system: %s\n", system != NULL ? system : "");
    if (uname(&kernel) == 0)
        g_string_append_printf(out,
                               "kernel: %s %s %s\n",
                               kernel.sysname,
                               kernel.release,
                               kernel.machine);
}

static void
append_clocks(GString *out, const ApEngine *self, ApInstant now)
{
    g_autofree char *real = ap_text_instant(now.real_usec);

    g_string_append_printf(out, "wall clock: %s\n", real);
    g_string_append_printf(out, "boot clock: %" G_GINT64_FORMAT " us\n", now.boot_usec);
    g_string_append_printf(out,
                           "helper since: %" G_GINT64_FORMAT " us of the boot clock\n",
                           self->began_boot_usec);
}

static char *
write_about(const ApEngine *self)
{
    const char *manager = ap_netwatch_get_manager_version(self->netwatch);
    GString *out = g_string_new(NULL);

    g_string_append(out, "version: " AP_VERSION "\n");
    g_string_append(out, "compiler: " __VERSION__ "\n");
    g_string_append_printf(out,
                           "GLib: %u.%u.%u\n",
                           glib_major_version,
                           glib_minor_version,
                           glib_micro_version);
    append_system(out);
    g_string_append_printf(out, "NetworkManager: %s\n", manager != NULL ? manager : "-");
    append_clocks(out, self, ap_clock_now());
    return g_string_free(out, FALSE);
}

static char *
write_policy(const ApEngine *self)
{
    g_autofree char *text = ap_config_print(self->policy);

    return ap_bundle_hide_names(text);
}

static char *
write_sections(const ApEngine *self)
{
    g_autofree char *about = write_about(self);
    g_autofree char *policy = write_policy(self);
    g_autofree char *view = ap_view_text(self->view, ap_firewall_find("/"));
    g_autofree char *counters = ap_view_text_counters(self->view);
    g_autofree char *lines = ap_log_recall();
    g_autofree char *record = ap_engine_write_record(self);
    const ApBundleSection sections[] = {
        {"about", about},
        {"policy", policy},
        {"view", view},
        {"counters", counters},
        {"log", lines},
        {"record", record},
    };

    return ap_bundle_write(sections, G_N_ELEMENTS(sections));
}

/**
 * Writes everything that those need who are to find out what went wrong.
 *
 * No private and no preshared key is in it; public keys and public addresses are cut as
 * ap_mask_text() says, differently each time.
 *
 * Returns: (transfer full): UTF-8
 */
char *
ap_engine_diagnose(const ApEngine *self)
{
    guint8 key[AP_MASK_KEY_LEN];
    g_autofree char *text = write_sections(self);

    ap_random_fill(key, sizeof(key));

    char *masked = ap_mask_text(text, key);

    explicit_bzero(key, sizeof(key));
    return masked;
}
