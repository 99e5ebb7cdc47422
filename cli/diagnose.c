/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/diagnose.h"

#include "cli/output.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"

#include <glib/gi18n.h>

#include <fcntl.h>
#include <string.h>

/** Its owner alone: what is in it is for those whom the owner shows it. */
#define FILE_MODE 0600

/* Some file systems find only when it is closed that there was no room. */
static gboolean
fill(int *fd, const char *text)
{
    return ap_fd_write_all(*fd, text, strlen(text)) && close(ap_fd_steal(fd)) == 0;
}

static gboolean
fail_taken(const char *path, GError **error)
{
    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, _("%s is there already"), path);
    return FALSE;
}

static gboolean
save(const char *path, const char *text, GError **error)
{
    ap_autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    const gboolean is_ours = fd >= 0;

    if (is_ours && fill(&fd, text))
        return TRUE;

    const int reason = errno;
    if (is_ours)
        (void) unlink(path);
    if (reason == EEXIST)
        return fail_taken(path, error);
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_FAILED,
                _("could not write %s: %s"),
                path,
                g_strerror(reason));
    return FALSE;
}

/* By the clock on the wall: whoever looks for the file knows when it was. */
static char *
default_name(void)
{
    g_autoptr(GDateTime) now =
        g_date_time_new_from_unix_local(ap_clock_now().real_usec / AP_USEC_PER_SEC);

    return g_date_time_format(now, "wg-autopeer-%Y%m%d-%H%M%S.txt");
}

static char *
describe(const char *path, const char *text)
{
    g_autofree char *size = g_format_size(strlen(text));

    return g_strdup_printf(
        _("Written to %s (%s).\n"
          "\n"
          "In it: versions, the configuration in force, tunnels and peers with reasons, counters,\n"
          "the last lines of the helper's log, and its last decisions with what they were made from.\n"
          "Shortened: public keys to their first eight characters, public addresses to their network.\n"
          "Not in it: private and preshared keys, names of peers.\n"
          "\n"
          "Private addresses and names of interfaces are in it. Look through it before you show it.\n"),
        path,
        size);
}

/**
 * Has the helper write a bundle, and keeps it in a file that was not there before; "-" is standard
 * output.
 *
 * @error: AP_ERROR_FAILED when it cannot be written, and then nothing of it stays; else as
 *     ap_client_diagnose_finish()
 */
gboolean
ap_diagnose_run(ApSession *session, const ApCommandInput *input, GError **error)
{
    g_autofree char *path = input->output != NULL ? g_strdup(input->output) : default_name();
    g_autoptr(GAsyncResult) result = NULL;
    g_autofree char *text = NULL;
    g_autofree char *summary = NULL;

    /* so that nobody works in vain; that nothing is written over is open(2)'s affair */
    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return fail_taken(path, error);

    ap_client_diagnose_async(ap_session_get_client(session), NULL, ap_session_on_result, session);
    result = ap_session_wait_result(session);
    text = ap_client_diagnose_finish(result, error);
    if (text == NULL)
        return FALSE;
    if (g_str_equal(path, "-"))
        return ap_output_write(text, TRUE, error);
    if (!save(path, text, error))
        return FALSE;

    summary = describe(path, text);
    return ap_output_write(summary, FALSE, error);
}
