/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/authority.h"

#include "common/error.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/** CheckAuthorizationFlags.AllowUserInteraction. Source: polkit's D-Bus reference. */
#define ALLOW_USER_INTERACTION 1

/** What CheckAuthorization answers: is_authorized, is_challenge, details. Source: as above. */
#define ANSWER_TYPE G_VARIANT_TYPE("((bba{ss}))")

/** How long the bus may take to tell a user id, in milliseconds: it answers from memory. */
#define BUS_TIMEOUT_MSEC 5000

struct _ApAuthority {
    GDBusConnection *connection; /* (owned) */
    GPtrArray *checks;           /* (owned) (element-type GTask) under way; data is a Check */
    int timeout_msec;
    int prompt_timeout_msec;
    guint last_id;
};

/** One question. */
typedef struct {
    ApAuthority *owner; /* (not owned) (nullable): NULL when it was freed meanwhile */
    char *sender;       /* (owned) */
    const char *action; /* (not owned) static */
    gboolean may_prompt;
    gboolean asked;            /* polkit thinks about it */
    guint32 uid;               /* of the sender, once @asked */
    char *id;                  /* (owned) by which polkit can be told that nobody waits any more */
    guint leave_watch;         /* signal subscription */
    GCancellable *cancellable; /* (owned) */
} Check;

/* Its address marks our tasks. */
static char check_tag;

GQuark
ap_authority_error_quark(void)
{
    return g_quark_from_static_string("ap-authority-error-quark");
}

static void
check_free(gpointer data)
{
    Check *check = data;

    g_clear_pointer(&check->sender, g_free);
    g_clear_pointer(&check->id, g_free);
    g_clear_object(&check->cancellable);
    g_free(check);
}

/**
 * Makes an authority that asks over @connection.
 *
 * @timeout_msec: AP_AUTHORITY_TIMEOUT_MSEC
 * @prompt_timeout_msec: AP_AUTHORITY_PROMPT_MSEC
 *
 * Returns: (transfer full)
 */
ApAuthority *
ap_authority_new(GDBusConnection *connection, int timeout_msec, int prompt_timeout_msec)
{
    ApAuthority *self = g_new0(ApAuthority, 1);

    self->timeout_msec = timeout_msec;
    self->prompt_timeout_msec = prompt_timeout_msec;
    self->connection = g_object_ref(connection);
    self->checks = g_ptr_array_new_with_free_func(g_object_unref);
    return self;
}

/* Takes the question off the list; every way out of it leads through here, once. */
static void
close_check(GTask *task, Check *check)
{
    if (check->leave_watch != 0)
        g_dbus_connection_signal_unsubscribe(g_task_get_source_object(task), check->leave_watch);
    check->leave_watch = 0;
    if (check->owner != NULL)
        g_ptr_array_remove_fast(check->owner->checks, task);
}

static void
allow(GTask *task)
{
    close_check(task, g_task_get_task_data(task));
    g_task_return_boolean(task, TRUE);
}

static void
refuse(GTask *task, GQuark domain, int code, const char *why)
{
    close_check(task, g_task_get_task_data(task));
    g_task_return_new_error(task, domain, code, "%s", why);
}

/* Closes the dialog of a question that nobody wants answered any more. */
static void
tell_polkit_to_stop(GDBusConnection *connection, const Check *check)
{
    g_dbus_connection_call(connection,
                           POLKIT_NAME,
                           POLKIT_PATH,
                           POLKIT_INTERFACE,
                           "CancelCheckAuthorization",
                           g_variant_new("(s)", check->id),
                           NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           -1, /* nobody waits for the answer */
                           NULL,
                           NULL,
                           NULL);
}

static gboolean
is_dismissed(GVariant *details)
{
    const char *value;

    return g_variant_lookup(details, "polkit.dismissed", "&s", &value) && value[0] != '\0';
}

static void
take_answer(GTask *task, GVariant *answer)
{
    g_autoptr(GVariant) details = NULL;
    const Check *check = g_task_get_task_data(task);
    gboolean authorized, challenge;

    g_variant_get(answer, "((bb@a{ss}))", &authorized, &challenge, &details);
    if (authorized)
        allow(task);
    else if (is_dismissed(details))
        refuse(task, AP_ERROR, AP_ERROR_DENIED, "the dialog was dismissed");
    else if (challenge && !check->may_prompt)
        refuse(task,
               AP_AUTHORITY_ERROR,
               AP_AUTHORITY_ERROR_CHALLENGE,
               "an administrator would have to allow this");
    else
        refuse(task, AP_ERROR, AP_ERROR_DENIED, "not authorised");
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Check *check = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (answer != NULL) {
        take_answer(task, answer);
        return;
    }

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
        || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        tell_polkit_to_stop(G_DBUS_CONNECTION(source), check);
    refuse(task,
           AP_ERROR,
           AP_ERROR_DENIED,
           g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
               ? "only root may, because there is no polkit to ask"
               : "polkit gave no answer");
}

static void
ask_polkit(GTask *task, Check *check)
{
    GVariantBuilder subject;

    check->asked = TRUE;
    check->id = g_strdup_printf("wg-autopeer-%u", ++check->owner->last_id);
    g_variant_builder_init(&subject, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&subject, "{sv}", "name", g_variant_new_string(check->sender));
    g_dbus_connection_call(check->owner->connection,
                           POLKIT_NAME,
                           POLKIT_PATH,
                           POLKIT_INTERFACE,
                           "CheckAuthorization",
                           g_variant_new("((sa{sv})sa{ss}us)",
                                         "system-bus-name",
                                         &subject,
                                         check->action,
                                         NULL,
                                         check->may_prompt ? ALLOW_USER_INTERACTION : 0,
                                         check->id),
                           ANSWER_TYPE,
                           G_DBUS_CALL_FLAGS_NONE,
                           check->may_prompt ? check->owner->prompt_timeout_msec
                                             : check->owner->timeout_msec,
                           check->cancellable,
                           on_answer,
                           g_object_ref(task));
}

/* Whether polkit may be asked one thing more by the user of @wish. */
static gboolean
has_room(const ApAuthority *self, const Check *wish)
{
    guint n = 0, n_of_user = 0, n_prompts = 0;

    for (guint i = 0; i < self->checks->len; i++) {
        const Check *check = g_task_get_task_data(self->checks->pdata[i]);
        const gboolean is_users = check->asked && check->uid == wish->uid;

        n += check->asked;
        n_of_user += is_users;
        n_prompts += is_users && check->may_prompt;
    }

    return n < AP_AUTHORITY_MAX && n_of_user < AP_AUTHORITY_MAX_OF_USER
           && (!wish->may_prompt || n_prompts < AP_AUTHORITY_MAX_PROMPTS);
}

static void
on_uid(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Check *check = g_task_get_task_data(task);
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

    if (reply == NULL || check->owner == NULL) {
        refuse(task, AP_ERROR, AP_ERROR_DENIED, "the caller is gone");
        return;
    }

    g_variant_get(reply, "(u)", &check->uid);
    if (check->uid == 0)
        allow(task);
    else if (has_room(check->owner, check))
        ask_polkit(task, check);
    else
        refuse(task, AP_ERROR, AP_ERROR_LIMIT, "too many questions to polkit; try again later");
}

static void
on_owner_changed(GDBusConnection *connection,
                 const char *sender,
                 const char *path,
                 const char *interface,
                 const char *signal,
                 GVariant *arguments,
                 gpointer user_data)
{
    Check *check = user_data;
    const char *new_owner;

    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    (void) signal;
    if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sss)")))
        return;

    g_variant_get_child(arguments, 2, "&s", &new_owner);
    if (new_owner[0] == '\0')
        g_cancellable_cancel(check->cancellable);
}

static guint
watch_leaving(GDBusConnection *connection, Check *check)
{
    return g_dbus_connection_signal_subscribe(connection,
                                              "org.freedesktop.DBus",
                                              "org.freedesktop.DBus",
                                              "NameOwnerChanged",
                                              "/org/freedesktop/DBus",
                                              check->sender,
                                              G_DBUS_SIGNAL_FLAGS_NONE,
                                              on_owner_changed,
                                              check,
                                              NULL);
}

static guint
count_of_sender(const ApAuthority *self, const char *sender)
{
    guint n = 0;

    for (guint i = 0; i < self->checks->len; i++) {
        const Check *check = g_task_get_task_data(self->checks->pdata[i]);

        n += g_str_equal(check->sender, sender);
    }
    return n;
}

static void
ask_bus(GTask *task, const Check *check)
{
    g_dbus_connection_call(check->owner->connection,
                           "org.freedesktop.DBus",
                           "/org/freedesktop/DBus",
                           "org.freedesktop.DBus",
                           "GetConnectionUnixUser",
                           g_variant_new("(s)", check->sender),
                           G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE,
                           BUS_TIMEOUT_MSEC,
                           check->cancellable,
                           on_uid,
                           g_object_ref(task));
}

/**
 * Asks whether the caller @sender may do @action.
 *
 * The subject is the name on the bus: a process id may be another program's by the time of the
 * answer. What was allowed is not remembered: the next call is a question of its own.
 *
 * @sender: unique name
 * @action: (transfer none): static; polkit's id of it
 * @may_prompt: whether the caller wants a person to be asked for a password
 * @callback: called from the main loop, also after ap_authority_free()
 */
void
ap_authority_check_async(ApAuthority *self,
                         const char *sender,
                         const char *action,
                         gboolean may_prompt,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self->connection, NULL, callback, user_data);
    Check *check = g_new0(Check, 1);
    const gboolean is_too_much = count_of_sender(self, sender) >= AP_AUTHORITY_MAX_OF_SENDER;

    check->owner = self;
    check->sender = g_strdup(sender);
    check->action = action;
    check->may_prompt = may_prompt;
    check->cancellable = g_cancellable_new();
    g_task_set_source_tag(task, &check_tag);
    g_task_set_task_data(task, check, check_free);
    g_ptr_array_add(self->checks, g_object_ref(task));
    if (is_too_much) {
        refuse(task, AP_ERROR, AP_ERROR_LIMIT, "too many calls at once; try again later");
        return;
    }

    check->leave_watch = watch_leaving(self->connection, check);
    ask_bus(task, check);
}

/**
 * @error: AP_ERROR_DENIED when polkit says no, is not there, or does not answer, or when the
 *     caller left; AP_AUTHORITY_ERROR_CHALLENGE when a person would have to be asked;
 *     AP_ERROR_LIMIT when too many questions are under way
 *
 * Returns: TRUE when the caller may
 */
gboolean
ap_authority_check_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, &check_tag), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

/** Returns: how many questions are under way */
guint
ap_authority_count(const ApAuthority *self)
{
    return self->checks->len;
}

/** Gives all questions up: each is answered with AP_ERROR_DENIED soon. */
void
ap_authority_free(ApAuthority *self)
{
    if (self == NULL)
        return;

    for (guint i = 0; i < self->checks->len; i++) {
        Check *check = g_task_get_task_data(self->checks->pdata[i]);

        check->owner = NULL;
        g_cancellable_cancel(check->cancellable);
    }
    g_clear_pointer(&self->checks, g_ptr_array_unref);
    g_clear_object(&self->connection);
    g_free(self);
}
