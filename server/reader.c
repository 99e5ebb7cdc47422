/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/reader.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "server/find.h"
#include "server/listen.h"
#include "server/pipe.h"
#include "server/snapshot.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/** How often an interface or an address that is not there is looked for. Design rule. */
#define RETRY_USEC (1 * AP_USEC_PER_SEC)

/**
 * How long after a change of the network it is looked at: what belongs together comes together,
 * and a storm of events on other interfaces costs little. Design rule.
 */
#define SETTLE_USEC (100 * AP_USEC_PER_MSEC)

typedef struct {
    int fd;       /* (not owned) to the HTTP process */
    int watch_fd; /* (owned) readable when the network has changed */
    const ApOptions *options;
    ApWireguard *wireguard; /* (owned) */
    ApDeviceId id;
    gboolean has_device;
    char interface[IF_NAMESIZE]; /* empty until one was found: then it is always that one */
    gboolean is_asked;           /* for where clients come to */
    gboolean wants_sockets;
    gboolean has_served;
    gboolean has_complained;
    gint64 look_boot_usec; /* when to look at the network */
    ApPlace place;         /* as it was told last */
    GArray *known;         /* (owned) (element-type ApRosterPeer) as they were told last */
} Reader;

static void
clear_reader(Reader *self)
{
    ap_fd_clear(&self->watch_fd);
    g_clear_pointer(&self->wireguard, ap_wireguard_free);
    g_clear_pointer(&self->known, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reader, clear_reader)

/* @message: (transfer full) */
static gboolean
say(const Reader *self, GByteArray *message, const int *fds, guint n_fds)
{
    const gboolean is_sent = ap_pipe_send(self->fd, message->data, message->len, fds, n_fds);

    g_byte_array_unref(message);
    return is_sent;
}

static int
status_of(const GError *error)
{
    if (g_error_matches(error, AP_ERROR, AP_ERROR_INVALID))
        return EX_USAGE;
    return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? EX_NOPERM : EXIT_FAILURE;
}

/* Returns FALSE: the process is to end. */
static gboolean
quit(const Reader *self, const GError *error)
{
    (void) say(self, ap_snapshot_quit((guint8) status_of(error), error->message), NULL, 0);
    return FALSE;
}

/* Once for each time that something is missing; it may be missing for long. */
static void
complain(Reader *self, const char *what)
{
    if (!self->has_complained)
        g_message("%s; waiting", what);
    self->has_complained = TRUE;
}

static void
look_again_in(Reader *self, gint64 usec)
{
    self->look_boot_usec = MIN(self->look_boot_usec, ap_clock_now().boot_usec + usec);
}

static gboolean
tell_place(Reader *self, const ApPlace *place, const int *fds)
{
    g_autofree char *text = ap_place_to_text(place);

    self->place = *place;
    if (place->n > 0) {
        g_message("serving the peers of %s on %s", place->interface, text);
        self->has_served = TRUE;
        self->has_complained = FALSE;
    }
    return say(self, ap_snapshot_place(place), fds, ap_place_n_sockets(place));
}

/* Returns TRUE when all that was wanted was opened; otherwise @fds holds what was. */
static gboolean
open_sockets(const Reader *self, ApPlace *place, int fds[static AP_ROSTER_MAX_OWN], GError **error)
{
    guint n = 0;

    for (guint i = 0; i < place->n; i++) {
        const ApEndpoint at = {.addr = place->own[i].addr, .port = place->port};

        if (!self->wants_sockets || ap_place_holds(&self->place, &at.addr))
            continue;
        fds[n] = ap_listen_open(&at, place->interface, error);
        if (fds[n] < 0)
            return FALSE;
        place->has_socket[i] = TRUE;
        n++;
    }
    return TRUE;
}

static gboolean
same_addresses(const ApPlace *a, const ApPlace *b)
{
    if (a->n != b->n)
        return FALSE;

    for (guint i = 0; i < a->n; i++) {
        if (!ap_addr_equal(&a->own[i].addr, &b->own[i].addr)
            || a->own[i].prefix_len != b->own[i].prefix_len)
            return FALSE;
    }
    return TRUE;
}

/*
 * A socket that cannot be opened is the administrator's mistake when it is the first. Later it is
 * one whose address has just gone and come, or gone for good, and time helps.
 */
static gboolean
judge_failure(Reader *self, const GError *error)
{
    if (!self->has_served && !g_error_matches(error, AP_ERROR, AP_ERROR_GONE))
        return quit(self, error);

    complain(self, error->message);
    look_again_in(self, RETRY_USEC);
    return TRUE;
}

static gboolean
look_at_addresses(Reader *self)
{
    g_autoptr(GError) error = NULL;
    ApPlace place = {.port = self->options->port};
    int fds[AP_ROSTER_MAX_OWN];

    (void) g_strlcpy(place.interface, self->interface, sizeof(place.interface));
    place.n = ap_listen_find_addresses(place.interface, place.own);
    if (same_addresses(&place, &self->place) && self->place.interface[0] != '\0')
        return TRUE;
    if (place.n == 0)
        complain(self, "the tunnel interface has no address yet");

    const gboolean is_told =
        open_sockets(self, &place, fds, &error) && tell_place(self, &place, fds);
    ap_pipe_close_fds(fds, ap_place_n_sockets(&place));
    return error == NULL ? is_told : judge_failure(self, error);
}

static gboolean
lose_device(Reader *self)
{
    const ApPlace nowhere = {.port = self->options->port};

    self->has_device = FALSE;
    if (!tell_place(self, &nowhere, NULL))
        return FALSE;
    complain(self, "the tunnel interface has gone");
    return TRUE;
}

/*
 * The first time a missing interface is the administrator's mistake. Later it is one that is being
 * made again, and it is waited for.
 */
static gboolean
look_for_device(Reader *self)
{
    g_autoptr(GError) error = NULL;
    const gboolean is_first = self->interface[0] == '\0';

    self->has_device = ap_find_device(self->wireguard,
                                      is_first ? self->options->interface : self->interface,
                                      &self->id,
                                      &error);
    if (!self->has_device && is_first)
        return quit(self, error);
    if (self->has_device)
        (void) g_strlcpy(self->interface, self->id.name, sizeof(self->interface));
    else
        look_again_in(self, RETRY_USEC);
    return TRUE;
}

/* Each step returns FALSE when the process is to end. */
static gboolean
look_at_network(Reader *self)
{
    self->look_boot_usec = AP_NEVER;
    if (self->has_device && if_nametoindex(self->id.name) != self->id.ifindex && !lose_device(self))
        return FALSE;
    if (!self->has_device && !look_for_device(self))
        return FALSE;
    return !self->has_device || look_at_addresses(self);
}

static gboolean
open_metrics(const Reader *self)
{
    g_autoptr(GError) error = NULL;
    ap_autofd int fd = -1;

    if (!ap_endpoint_is_set(&self->options->metrics))
        return TRUE;

    fd = ap_listen_open(&self->options->metrics, NULL, &error);
    return fd < 0 ? quit(self, error) : say(self, ap_snapshot_metrics(), &fd, 1);
}

static gboolean
begin(Reader *self, gboolean wants_sockets)
{
    self->is_asked = TRUE;
    self->wants_sockets = wants_sockets;
    return open_metrics(self) && look_at_network(self);
}

static gboolean
say_diff(const Reader *self, const GArray *now)
{
    g_autoptr(GPtrArray) messages = ap_snapshot_diff(self->known, now);

    for (guint i = 0; i < messages->len; i++) {
        if (!say(self, g_byte_array_ref(g_ptr_array_index(messages, i)), NULL, 0))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_device(Reader *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ApDevice) device = NULL;

    if (!self->has_device)
        return say(self, ap_snapshot_failure("it is not there"), NULL, 0);

    device = ap_wireguard_read(self->wireguard, &self->id, &error);
    if (device == NULL)
        return say(self, ap_snapshot_failure(error->message), NULL, 0);

    g_autoptr(GArray) now = ap_snapshot_peers(device);
    const gboolean is_said = say_diff(self, now);
    g_array_unref(self->known);
    self->known = g_steal_pointer(&now);
    return is_said;
}

static gboolean
take_question(Reader *self)
{
    guint8 question;
    ApPipeMessage raw;

    if (!ap_pipe_receive(self->fd, &question, sizeof(question), &raw))
        return TRUE;

    ap_pipe_close_fds(raw.fds, raw.n_fds);
    if (raw.n_bytes == 0)
        return FALSE;
    switch ((ApAsk) question) {
    case AP_ASK_SOCKETS:
    case AP_ASK_PLACE:
        return self->is_asked || begin(self, question == AP_ASK_SOCKETS);
    case AP_ASK_DEVICE:
        return read_device(self);
    }
    return FALSE;
}

static void
note_change(Reader *self)
{
    guint8 ignored[4096];

    while (read(self->watch_fd, ignored, sizeof(ignored)) > 0)
        ;
    look_again_in(self, SETTLE_USEC);
}

static int
timeout_msec(const Reader *self)
{
    const gint64 now = ap_clock_now().boot_usec;

    if (!self->is_asked || self->look_boot_usec == AP_NEVER)
        return -1;
    return (int) (MAX(self->look_boot_usec - now, 0) / AP_USEC_PER_MSEC + 1);
}

/* Returns FALSE when the process is to end. */
static gboolean
turn(Reader *self)
{
    struct pollfd fds[] = {{self->fd, POLLIN, 0}, {self->watch_fd, POLLIN, 0}};

    if (poll(fds, G_N_ELEMENTS(fds), timeout_msec(self)) < 0)
        return errno == EINTR;
    if (fds[1].revents != 0)
        note_change(self);
    if (fds[0].revents != 0 && !take_question(self))
        return FALSE;
    return !self->is_asked || ap_clock_now().boot_usec < self->look_boot_usec
           || look_at_network(self);
}

/**
 * Tells the HTTP process where clients come to, hands it the sockets, and answers each question
 * with what has changed on the device since the last one.
 *
 * Blocks until the other end is closed, or nothing can be read at all, which it says there.
 *
 * @fd: of the HTTP process
 *
 * Returns: the exit status of the process
 */
int
ap_reader_run(int fd, const ApOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_auto(Reader) self = {
        .fd = fd,
        .options = options,
        .wireguard = ap_wireguard_new_system(),
        .look_boot_usec = AP_NEVER,
        .known = g_array_new(FALSE, TRUE, sizeof(ApRosterPeer)),
    };

    self.watch_fd = ap_listen_watch(&error);
    if (self.watch_fd < 0) {
        (void) quit(&self, error);
        return EXIT_FAILURE;
    }
    while (turn(&self))
        ;
    return EXIT_SUCCESS;
}
