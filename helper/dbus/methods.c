/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/methods.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/names.h"
#include "helper/dbus/answer.h"
#include "helper/io/sealed-file.h"

static gboolean
handle_activate(const ApMethodContext *context,
                const char *sender,
                GVariant *arguments,
                ApMethodReply *reply,
                GError **error)
{
    (void) arguments;
    (void) reply;
    return ap_holders_add(context->holders, context->connection, sender, error);
}

static gboolean
handle_release(const ApMethodContext *context,
               const char *sender,
               GVariant *arguments,
               ApMethodReply *reply,
               GError **error)
{
    (void) arguments;
    (void) reply;
    (void) error;
    ap_holders_remove(context->holders, sender);
    return TRUE;
}

static gboolean
handle_resync(const ApMethodContext *context,
              const char *sender,
              GVariant *arguments,
              ApMethodReply *reply,
              GError **error)
{
    (void) sender;
    (void) arguments;
    (void) reply;
    (void) error;
    context->ops->resync(context->user_data);
    return TRUE;
}

static gboolean
handle_set_enabled(const ApMethodContext *context,
                   const char *sender,
                   GVariant *arguments,
                   ApMethodReply *reply,
                   GError **error)
{
    gboolean enabled;

    (void) sender;
    (void) reply;
    g_variant_get_child(arguments, 0, "b", &enabled);
    return context->ops->set_enabled(enabled, context->user_data, error);
}

static gboolean
handle_pause(const ApMethodContext *context,
             const char *sender,
             GVariant *arguments,
             ApMethodReply *reply,
             GError **error)
{
    const char *scope;
    guint64 seconds;

    (void) sender;
    (void) reply;
    g_variant_get_child(arguments, 0, "&s", &scope);
    g_variant_get_child(arguments, 1, "t", &seconds);
    return context->ops->pause(scope, seconds, context->user_data, error);
}

static gboolean
handle_set_option(const ApMethodContext *context,
                  const char *sender,
                  GVariant *arguments,
                  ApMethodReply *reply,
                  GError **error)
{
    g_autoptr(GVariant) value = NULL;
    const char *name;

    (void) sender;
    (void) reply;
    g_variant_get_child(arguments, 0, "&s", &name);
    g_variant_get_child(arguments, 1, "v", &value);
    return context->ops->set_option(name, value, context->user_data, error);
}

static gboolean
handle_get_view(const ApMethodContext *context,
                const char *sender,
                GVariant *arguments,
                ApMethodReply *reply,
                GError **error)
{
    (void) sender;
    (void) arguments;
    (void) error;
    reply->value = ap_answer_view(context->view, ap_firewall_find("/"));
    return TRUE;
}

static gboolean
handle_explain(const ApMethodContext *context,
               const char *sender,
               GVariant *arguments,
               ApMethodReply *reply,
               GError **error)
{
    const char *key;

    (void) sender;
    g_variant_get_child(arguments, 0, "&s", &key);
    reply->value = ap_answer_explain(context->view, key, ap_firewall_find("/"), error);
    return reply->value != NULL;
}

static gboolean
handle_get_metrics(const ApMethodContext *context,
                   const char *sender,
                   GVariant *arguments,
                   ApMethodReply *reply,
                   GError **error)
{
    (void) sender;
    (void) arguments;
    (void) error;
    reply->value = ap_answer_metrics(context->view);
    return TRUE;
}

static gboolean
take_bundle_turn(gint64 *last_boot_usec, ApInstant now, GError **error)
{
    if (*last_boot_usec != 0 && now.boot_usec - *last_boot_usec < AP_BUNDLE_GAP_USEC) {
        g_set_error_literal(error,
                            AP_ERROR,
                            AP_ERROR_LIMIT,
                            "a bundle was written a moment ago; try again in a second");
        return FALSE;
    }
    *last_boot_usec = now.boot_usec;
    return TRUE;
}

/* As a file: a bus message is no place for so much text. */
static gboolean
handle_diagnose(const ApMethodContext *context,
                const char *sender,
                GVariant *arguments,
                ApMethodReply *reply,
                GError **error)
{
    g_autofree char *text = NULL;
    ap_autofd int fd = -1;

    (void) sender;
    (void) arguments;
    if (!take_bundle_turn(context->bundle_boot_usec, ap_clock_now(), error))
        return FALSE;

    text = context->ops->diagnose(context->user_data);
    fd = ap_sealed_file_new("wg-autopeer-bundle", text, error);
    if (fd < 0)
        return FALSE;

    reply->files = g_unix_fd_list_new_from_array(&fd, 1);
    (void) ap_fd_steal(&fd);
    reply->value = g_variant_new("(h)", 0);
    return TRUE;
}

/** What is not here is refused. */
static const ApMethod methods[] = {
    {"Activate", AP_ACTION_ACTIVATE, handle_activate},
    {"Diagnose", AP_ACTION_INSPECT, handle_diagnose},
    {"Explain", AP_ACTION_INSPECT, handle_explain},
    {"GetMetrics", AP_ACTION_INSPECT, handle_get_metrics},
    {"GetView", AP_ACTION_INSPECT, handle_get_view},
    {"Pause", AP_ACTION_TOGGLE, handle_pause},
    {"Release", NULL, handle_release},
    {"Resync", AP_ACTION_RESYNC, handle_resync},
    {"SetEnabled", AP_ACTION_TOGGLE, handle_set_enabled},
    {"SetOption", AP_ACTION_CONFIGURE, handle_set_option},
};

/** Returns: (transfer none) (nullable): NULL: no such method is open to anybody */
const ApMethod *
ap_method_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (g_str_equal(methods[i].name, name))
            return &methods[i];
    }
    return NULL;
}

/* The last argument of each method is a dictionary of options, and none has any yet. */
static gboolean
check_options(GVariant *arguments, GError **error)
{
    gsize n = g_variant_n_children(arguments);
    g_autoptr(GVariant) options = n > 0 ? g_variant_get_child_value(arguments, n - 1) : NULL;
    g_autoptr(GVariant) first = NULL;
    const char *name;

    if (options == NULL || !g_variant_is_of_type(options, G_VARIANT_TYPE_VARDICT)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "the options are missing");
        return FALSE;
    }

    if (g_variant_n_children(options) == 0)
        return TRUE;

    first = g_variant_get_child_value(options, 0);
    g_variant_get_child(first, 0, "&s", &name);
    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "the option “%s” is not known", name);
    return FALSE;
}

/**
 * Does what @sender asks for, who was allowed to.
 *
 * @arguments: of the types that the XML says
 * @reply: all zero; the caller's to send
 * @error: AP_ERROR_INVALID when an argument makes no sense; else as the engine has it
 */
gboolean
ap_method_call(const ApMethod *self,
               const ApMethodContext *context,
               const char *sender,
               GVariant *arguments,
               ApMethodReply *reply,
               GError **error)
{
    return check_options(arguments, error)
           && self->handle(context, sender, arguments, reply, error);
}
