/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/dbus/properties.h"

#include "bus-interface.h"
#include "common/error.h"
#include "helper/dbus/answer.h"

static GVariant *
get_property(const ApView *view, const char *name)
{
    if (g_str_equal(name, "Version"))
        return g_variant_new_string(AP_VERSION);
    if (g_str_equal(name, "Enabled"))
        return g_variant_new_boolean(view != NULL && view->mode.switched_on);
    if (g_str_equal(name, "State"))
        return g_variant_new_string(ap_answer_state(view));
    if (g_str_equal(name, "PauseScope"))
        return g_variant_new_string(
            ap_pause_scope_name(view != NULL ? view->mode.pause : AP_PAUSE_NONE));
    if (g_str_equal(name, "PausedUntil"))
        return g_variant_new_int64(view != NULL ? view->mode.until_real_usec : 0);
    if (g_str_equal(name, "Resyncs"))
        return g_variant_new_uint64(view != NULL ? view->n_resyncs : 0);

    return NULL;
}

static GVariant *
get_all(const ApView *view)
{
    GDBusPropertyInfo **infos = org_wgautopeer_autopeer1_manager_interface.properties;
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    for (gsize i = 0; infos[i] != NULL; i++)
        g_variant_dict_insert_value(&dict, infos[i]->name, get_property(view, infos[i]->name));

    return g_variant_new("(@a{sv})", g_variant_dict_end(&dict));
}

/**
 * Answers a call of org.freedesktop.DBus.Properties. GDBus has checked that the property exists and
 * may be read.
 *
 * @view: (nullable): NULL before the first turn
 * @method: "Get" or "GetAll"
 * @reply: (out) (transfer floating)
 * @error: AP_ERROR_INVALID for any other method
 */
gboolean
ap_properties_call(const ApView *view,
                   const char *method,
                   GVariant *arguments,
                   GVariant **reply,
                   GError **error)
{
    GVariant *value = NULL;

    if (g_str_equal(method, "GetAll")) {
        *reply = get_all(view);
        return TRUE;
    }

    if (g_str_equal(method, "Get")) {
        const char *name;

        g_variant_get_child(arguments, 1, "&s", &name);
        value = get_property(view, name);
    }

    if (value == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "properties can only be read");
        return FALSE;
    }

    *reply = g_variant_new("(v)", value);
    return TRUE;
}
