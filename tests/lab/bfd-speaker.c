/* SPDX-License-Identifier: GPL-3.0-or-later */

/* One BFD session from the command line, made of the parts that the helper uses. Prints a line
 * for each change, with microseconds of the boot clock in front. */

#include "common/clock.h"
#include "helper/bfd/session.h"
#include "helper/io/bfd-socket.h"
#include "helper/io/boot-timer.h"

#include <glib-unix.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ApBfdSession session;
    ApBfdSocket *socket; /* (owned) */
    ApBootTimer *timer;  /* (owned) */
    ApAddr peer;
    GMainLoop *loop; /* (owned) */
    char *shown;     /* (owned) the latest line, without its time */
} Speaker;

static void
speaker_clear(Speaker *self)
{
    g_clear_pointer(&self->socket, ap_bfd_socket_free);
    g_clear_pointer(&self->timer, ap_boot_timer_free);
    g_clear_pointer(&self->loop, g_main_loop_unref);
    g_clear_pointer(&self->shown, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Speaker, speaker_clear)

static void
show(Speaker *self, ApInstant now)
{
    const ApBfdSession *session = &self->session;
    g_autofree char *line =
        g_strdup_printf("state=%s cause=%s remote=%s interval=%d detection=%d",
                        ap_bfd_state_name(ap_bfd_session_state(session)),
                        ap_bfd_cause_name(ap_bfd_session_cause(session)),
                        ap_bfd_state_name(ap_bfd_session_remote_state(session)),
                        (int) (ap_bfd_session_interval_usec(session) / AP_USEC_PER_MSEC),
                        (int) (ap_bfd_session_detection_usec(session) / AP_USEC_PER_MSEC));

    if (g_strcmp0(line, self->shown) == 0)
        return;

    printf("%" G_GINT64_FORMAT " %s\n", now.boot_usec, line);
    g_free(self->shown);
    self->shown = g_steal_pointer(&line);
}

static gsize
send_one(Speaker *self, ApInstant now)
{
    guint8 payload[AP_BFD_PAYLOAD_MAX];
    const gsize n_bytes =
        ap_bfd_session_take_packet(&self->session, now, g_random_int(), payload, sizeof(payload));
    g_autoptr(GError) error = NULL;

    if (n_bytes > 0 && !ap_bfd_socket_send(self->socket, &self->peer, payload, n_bytes, &error))
        printf("%" G_GINT64_FORMAT " error=%s\n", now.boot_usec, error->message);
    return n_bytes;
}

static void
run(gpointer user_data)
{
    Speaker *self = user_data;
    const ApInstant now = ap_clock_now();

    ap_bfd_session_advance(&self->session, now);
    while (send_one(self, now) > 0)
        continue;
    show(self, now);
    if (ap_bfd_session_state(&self->session) == AP_BFD_STATE_ADMIN_DOWN
        && ap_bfd_session_deadline(&self->session) == AP_NEVER)
        g_main_loop_quit(self->loop);
    ap_boot_timer_arm(self->timer, ap_bfd_session_deadline(&self->session));
}

static void
on_packet(const ApAddr *from, const ApBfdPacket *packet, gpointer user_data)
{
    Speaker *self = user_data;
    ApBfdRefusal refusal;

    if (!ap_addr_equal(from, &self->peer))
        return;

    refusal = ap_bfd_session_receive(&self->session, packet, ap_clock_now());
    if (refusal != AP_BFD_REFUSAL_NONE)
        printf("%" G_GINT64_FORMAT " refused=%s\n",
               ap_clock_now().boot_usec,
               ap_bfd_refusal_name(refusal));
    run(self);
}

static gboolean
on_leave(gpointer user_data)
{
    Speaker *self = user_data;

    ap_bfd_session_admin_down(&self->session);
    run(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_idle(gpointer user_data)
{
    Speaker *self = user_data;

    ap_bfd_session_set_fast(&self->session, FALSE);
    run(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_busy(gpointer user_data)
{
    Speaker *self = user_data;

    ap_bfd_session_set_fast(&self->session, TRUE);
    run(self);
    return G_SOURCE_CONTINUE;
}

static void
show_counters(const Speaker *self)
{
    const gint64 usec = ap_clock_now().boot_usec;

    printf("%" G_GINT64_FORMAT " rtt=%" G_GINT64_FORMAT "\n",
           usec,
           ap_bfd_session_rtt_usec(&self->session));
    for (guint i = 0; i < AP_N_BFD_DROPS; i++)
        printf("%" G_GINT64_FORMAT " dropped-%s=%" G_GUINT64_FORMAT "\n",
               usec,
               ap_bfd_drop_name(i),
               ap_bfd_socket_n_dropped(self->socket, i));
    for (guint i = 1; i < AP_N_BFD_REFUSALS; i++)
        printf("%" G_GINT64_FORMAT " refused-%s=%" G_GUINT64_FORMAT "\n",
               usec,
               ap_bfd_refusal_name(i),
               ap_bfd_socket_n_refused(self->socket, i));
}

static gboolean
open_speaker(Speaker *self, char **argv, GError **error)
{
    const ApBfdRole role =
        strcmp(argv[4], "passive") == 0 ? AP_BFD_ROLE_PASSIVE : AP_BFD_ROLE_ACTIVE;
    ApBfdConfig config;
    ApAddr local;

    if (!ap_addr_parse(&local, argv[2], error) || !ap_addr_parse(&self->peer, argv[3], error))
        return FALSE;

    ap_bfd_config_init(&config, role, (guint32) atoi(argv[5]));
    ap_bfd_session_init(&self->session, &config, g_random_int() | 1);
    self->socket = ap_bfd_socket_new(argv[1], &local, on_packet, self, error);
    self->timer = ap_boot_timer_new(run, self, error);
    return self->socket != NULL && self->timer != NULL;
}

int
main(int argc, char **argv)
{
    g_auto(Speaker) self = {.loop = g_main_loop_new(NULL, FALSE)};
    g_autoptr(GError) error = NULL;

    if (argc != 6) {
        fprintf(stderr,
                "usage: %s DEVICE LOCAL PEER active|passive MTU (0: no padding)\n",
                argv[0]);
        return 2;
    }
    setlinebuf(stdout);
    if (!open_speaker(&self, argv, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }

    (void) g_unix_signal_add(SIGTERM, on_leave, &self);
    (void) g_unix_signal_add(SIGUSR1, on_idle, &self);
    (void) g_unix_signal_add(SIGUSR2, on_busy, &self);
    run(&self);
    g_main_loop_run(self.loop);
    show_counters(&self);
    return 0;
}
