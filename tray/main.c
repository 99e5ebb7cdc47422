/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "tray/app.h"

#include <glib/gi18n.h>

#include <locale.h>

/** Name of the desktop file, and on the session bus: there is one tray in a session. */
#define APPLICATION_ID "org.wgautopeer.Tray"

/** What the signals of GApplication share. */
typedef struct {
    ApApp *app;       /* (owned) (nullable) until the application starts */
    gboolean running; /* it was activated once */
    gboolean quiet;
    gboolean version;
} Program;

static void
on_show(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    Program *self = user_data;

    (void) action;
    (void) parameter;
    ap_app_show_window(self->app);
}

/* The second time it is the person who wants to see something. */
static void
on_activate(GApplication *application, gpointer user_data)
{
    static const GActionEntry actions[] = {{.name = "show", .activate = on_show}};
    Program *self = user_data;

    if (self->running) {
        ap_app_show_window(self->app);
        return;
    }

    self->running = TRUE;
    self->app = ap_app_new(GTK_APPLICATION(application));
    g_action_map_add_action_entries(G_ACTION_MAP(application),
                                    actions,
                                    G_N_ELEMENTS(actions),
                                    self);
    gtk_window_set_default_icon_name(APPLICATION_ID);
    gtk_icon_theme_append_search_path(gtk_icon_theme_get_default(), AP_ICONDIR);
    ap_app_start(self->app, self->quiet);
}

static int
on_options(GApplication *application, GVariantDict *options, gpointer user_data)
{
    Program *self = user_data;
    g_autoptr(GError) error = NULL;

    (void) options;
    if (self->version) {
        g_print("wg-autopeer-tray %s\n", AP_VERSION);
        return 0;
    }

    if (!g_application_register(application, NULL, &error)) {
        g_printerr("wg-autopeer-tray: %s\n", error->message);
        return 1;
    }

    /* A session that starts us twice does not ask for a window. */
    return self->quiet && g_application_get_is_remote(application) ? 0 : -1;
}

static void
add_options(GApplication *application, Program *self)
{
    const GOptionEntry entries[] = {
        {"autostart",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &self->quiet,
         N_("Started by the session: open no window that the person has seen before"),
         NULL},
        {"version",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &self->version,
         N_("Show the version of this program"),
         NULL},
        G_OPTION_ENTRY_NULL,
    };

    g_application_add_main_option_entries(application, entries);
    g_application_set_option_context_summary(
        application,
        _("Shows in the panel which WireGuard peers are reached directly."));
}

static void
prepare_environment(void)
{
    (void) setlocale(LC_ALL, "");
    (void) bindtextdomain(GETTEXT_PACKAGE, AP_LOCALEDIR);
    (void) bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    (void) textdomain(GETTEXT_PACKAGE);

    /* Nothing here is drawn in 3D, and the drivers of software rendering take 70 MB. */
    (void) g_setenv("GDK_GL", "disable", TRUE);
}

int
main(int argc, char **argv)
{
    g_autoptr(GtkApplication) application = NULL;
    Program program = {0};
    int status;

    prepare_environment();
    g_set_application_name(_("Direct WireGuard paths"));
    application = gtk_application_new(APPLICATION_ID, G_APPLICATION_DEFAULT_FLAGS);
    add_options(G_APPLICATION(application), &program);
    g_signal_connect(application, "handle-local-options", G_CALLBACK(on_options), &program);
    g_signal_connect(application, "activate", G_CALLBACK(on_activate), &program);
    status = g_application_run(G_APPLICATION(application), argc, argv);
    ap_app_free(program.app);
    return status;
}
