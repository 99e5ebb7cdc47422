/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "cli/commands.h"
#include "cli/text.h"
#include "common/error.h"

#include <glib/gi18n.h>

#include <locale.h>

/** What was asked for on the command line. */
typedef struct {
    gboolean version;
    gboolean json;
    gboolean wait;
    char *output; /* (owned) (nullable) */
    GStrv words;  /* (owned) (nullable) the command and its operand */
} Arguments;

static GOptionContext *
make_context(Arguments *arguments)
{
    const GOptionEntry entries[] = {
        {"json",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &arguments->json,
         N_("For scripts: one JSON object a line"),
         NULL},
        {"wait",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &arguments->wait,
         N_("Wait until it is done"),
         NULL},
        {"output",
         'o',
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_FILENAME,
         &arguments->output,
         N_("Where to write; - is standard output"),
         N_("FILE")},
        {"version",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &arguments->version,
         N_("Show the version of this program"),
         NULL},
        {G_OPTION_REMAINING,
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_STRING_ARRAY,
         &arguments->words,
         NULL,
         N_("COMMAND")},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(NULL);
    g_autoptr(GString) summary = g_string_new(_("Commands:"));

    g_string_append_c(summary, '\n');
    ap_command_append_help(summary);
    g_string_truncate(summary, summary->len - 1);
    g_option_context_set_summary(context, summary->str);
    g_option_context_set_description(
        context,
        _("PEER is a tunnel address, a name, a public key, or its first characters (four or\n"
          "more). WHEN is \"network\" (until this computer is on another one) or a time such\n"
          "as 90s, 30min, 2h or 3d; without it the pause lasts until \"resume\".\n"
          "See wg-autopeer(1) for the members of the JSON objects and the exit codes."));
    g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
    return context;
}

static gboolean
check_words(const ApCommand *command, const Arguments *arguments, GError **error)
{
    const guint n = g_strv_length(arguments->words);

    if (n < 2 && ap_command_needs_operand(command))
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    _("%s needs a %s"),
                    command->name,
                    command->operand);
    else if (n > (command->operand != NULL ? 2 : 1))
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    _("“%s” is too much for %s"),
                    arguments->words[n - 1],
                    command->name);
    else
        return command->check == NULL || command->check(arguments->words[1], error);

    return FALSE;
}

static gboolean
check_options(const ApCommand *command, const Arguments *arguments, GError **error)
{
    const char *wrong = NULL;

    if (arguments->json && !(command->flags & AP_COMMAND_JSON))
        wrong = "--json";
    if (arguments->wait && !(command->flags & AP_COMMAND_WAIT))
        wrong = "--wait";
    if (arguments->output != NULL && !(command->flags & AP_COMMAND_OUTPUT))
        wrong = "--output";
    if (wrong == NULL)
        return TRUE;

    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, _("%s has no %s"), command->name, wrong);
    return FALSE;
}

static const ApCommand *
find_command(const Arguments *arguments, GError **error)
{
    const char *name = arguments->words != NULL ? arguments->words[0] : NULL;
    const ApCommand *command = name != NULL ? ap_command_find(name) : NULL;

    if (name == NULL)
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, _("a command is missing"));
    else if (command == NULL)
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, _("there is no command “%s”"), name);
    else if (check_words(command, arguments, error) && check_options(command, arguments, error))
        return command;

    return NULL;
}

static ApExit
complain(const GError *error)
{
    g_autofree char *message = ap_text_escape(error->message);
    ApExit code = ap_session_exit_code(error);

    if (code == AP_EXIT_DENIED)
        g_printerr(_("wg-autopeer: not allowed: %s\n"), message);
    else
        g_printerr("wg-autopeer: %s\n", message);

    return code;
}

/* Returns: (nullable): NULL after setting @error */
static ApSession *
open_session(const ApCommand *command, GError **error)
{
    const gboolean needs_view = !(command->flags & AP_COMMAND_BLIND);
    const gboolean needs_helper = !(command->flags & AP_COMMAND_START);
    g_autoptr(ApSession) session = ap_session_open(error);

    if (session == NULL || (needs_helper && !ap_session_check(session, needs_view, error)))
        return NULL;
    return g_steal_pointer(&session);
}

static ApExit
run(const ApCommand *command, const Arguments *arguments)
{
    const ApCommandInput input = {
        .operand = arguments->words[1],
        .json = arguments->json,
        .wait = arguments->wait,
        .output = arguments->output,
    };
    const gboolean is_local = (command->flags & AP_COMMAND_LOCAL) != 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(ApSession) session = is_local ? NULL : open_session(command, &error);

    if ((session == NULL && !is_local) || !command->run(session, &input, &error))
        return complain(error);

    return AP_EXIT_DONE;
}

static ApExit
run_arguments(const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    const ApCommand *command;

    if (arguments->version) {
        g_print("wg-autopeer %s\n", AP_VERSION);
        return AP_EXIT_DONE;
    }

    command = find_command(arguments, &error);
    if (command == NULL) {
        (void) complain(error);
        g_printerr(_("Try: wg-autopeer --help\n"));
        return AP_EXIT_USAGE;
    }

    return run(command, arguments);
}

int
main(int argc, char **argv)
{
    Arguments arguments = {0};
    g_autoptr(GOptionContext) context = NULL;
    g_autoptr(GError) error = NULL;
    ApExit code;

    (void) setlocale(LC_ALL, "");
    (void) bindtextdomain(GETTEXT_PACKAGE, AP_LOCALEDIR);
    (void) bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    (void) textdomain(GETTEXT_PACKAGE);
    context = make_context(&arguments);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        (void) complain(error);
        return AP_EXIT_USAGE;
    }

    code = run_arguments(&arguments);
    g_strfreev(arguments.words);
    g_free(arguments.output);
    return code;
}
