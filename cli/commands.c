/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/commands.h"

#include "cli/diagnose.h"
#include "cli/import.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/wishes.h"

#include <glib/gi18n.h>

static gboolean
run_status(ApSession *session, const ApCommandInput *input, GError **error)
{
    ApClientView *view = ap_client_get_view(ap_session_get_client(session));
    const ApTextStyle style = ap_output_style();
    g_autofree char *text = input->json ? ap_report_status(view) : ap_text_status(view, &style);

    return ap_output_write(text, input->json, error);
}

static char *
format_peers(const GPtrArray *peers)
{
    const ApTextStyle style = ap_output_style();
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < peers->len; i++) {
        g_autofree char *text = ap_text_explain(peers->pdata[i], &style);

        g_string_append_printf(out, "%s%s", i > 0 ? "\n" : "", text);
    }
    return g_string_free(out, FALSE);
}

static gboolean
run_explain(ApSession *session, const ApCommandInput *input, GError **error)
{
    ApClient *client = ap_session_get_client(session);
    g_autofree char *peer = g_utf8_make_valid(input->operand, -1);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GPtrArray) peers = NULL;
    g_autofree char *text = NULL;

    ap_client_explain_async(client, peer, NULL, ap_session_on_result, session);
    result = ap_session_wait_result(session);
    peers = ap_client_explain_finish(result, error);
    if (peers == NULL)
        return FALSE;

    text = input->json ? ap_report_explain(peers) : format_peers(peers);
    return ap_output_write(text, input->json, error);
}

static gboolean
run_import(ApSession *session, const ApCommandInput *input, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *tunnel = ap_import_tunnel(input->operand, error);
    g_autofree char *file = NULL;
    g_autofree char *text = NULL;
    gsize n_bytes;

    (void) session;
    if (tunnel == NULL || !g_file_get_contents(input->operand, &file, &n_bytes, error))
        return FALSE;
    text = ap_import_wirelink(tunnel, file, n_bytes, warnings, error);
    if (text == NULL)
        return FALSE;

    for (guint i = 0; i < warnings->len; i++)
        g_printerr("wg-autopeer: %s\n", (const char *) warnings->pdata[i]);
    return ap_output_write(text, FALSE, error);
}

/* clang-format off */
static const ApCommand commands[] = {
    {"status", NULL, AP_COMMAND_JSON,
     N_("show which peers are direct, and why others are not"), NULL, run_status},
    {"monitor", NULL, AP_COMMAND_JSON,
     N_("show changes as they come, until Ctrl-C"), NULL, ap_monitor_run},
    {"explain", "PEER", AP_COMMAND_JSON,
     N_("show everything that is known of one peer"), NULL, run_explain},
    {"resync", NULL, AP_COMMAND_WAIT | AP_COMMAND_BLIND,
     N_("ask every server again now"), NULL, ap_wish_resync},
    {"enable", NULL, AP_COMMAND_BLIND,
     N_("let peers go direct"), NULL, ap_wish_enable},
    {"disable", NULL, AP_COMMAND_BLIND,
     N_("send everything by the hub"), NULL, ap_wish_disable},
    {"pause", "[WHEN]", AP_COMMAND_BLIND,
     N_("send everything by the hub for a while"), ap_wish_check_pause, ap_wish_pause},
    {"resume", NULL, AP_COMMAND_BLIND,
     N_("end a pause"), NULL, ap_wish_resume},
    {"hold", NULL, AP_COMMAND_BLIND | AP_COMMAND_START,
     N_("keep the helper at work, until Ctrl-C"), NULL, ap_wish_hold},
    {"diagnose", NULL, AP_COMMAND_OUTPUT,
     N_("write a file for those who are to find a fault"), NULL, ap_diagnose_run},
    {"import", "FILE", AP_COMMAND_LOCAL,
     N_("show wirelink's configuration as ours"), NULL, run_import},
};
/* clang-format on */

/** Returns: (transfer none) (nullable): NULL when there is no command of that name */
const ApCommand *
ap_command_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name))
            return &commands[i];
    }

    return NULL;
}

/** Returns: whether the command makes no sense without an operand */
gboolean
ap_command_needs_operand(const ApCommand *self)
{
    return self->operand != NULL && self->operand[0] != '[';
}

/** Appends a line for each command. */
void
ap_command_append_help(GString *out)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        const ApCommand *command = &commands[i];
        g_autofree char *synopsis =
            g_strdup_printf("%s%s%s%s%s%s",
                            command->name,
                            command->operand != NULL ? " " : "",
                            command->operand != NULL ? command->operand : "",
                            command->flags & AP_COMMAND_JSON ? " [--json]" : "",
                            command->flags & AP_COMMAND_WAIT ? " [--wait]" : "",
                            command->flags & AP_COMMAND_OUTPUT ? " [--output FILE]" : "");

        g_string_append_printf(out, "  %-24s %s\n", synopsis, _(command->help));
    }
}
