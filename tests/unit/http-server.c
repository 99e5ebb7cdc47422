/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/http-server.h"

#include "common/endpoint.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/** Time between two bytes of HTTP_THEN_DRIP, in milliseconds. */
#define DRIP_MSEC 200

/**
 * @stop: an eventfd; readable when the thread is to end
 * @lock: protects what follows
 */
struct _HttpServer {
    int listener;
    int stop;
    guint16 port;
    GThread *thread;
    GMutex lock;
    GBytes *script;
    HttpThen then;
    GString *request;
    guint n_connections;
    gsize n_sent;
};

/* Returns: FALSE when the time is over, or the server is to stop */
static gboolean
wait_for(const HttpServer *self, int fd, short events, int timeout_msec)
{
    struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = self->stop, .events = POLLIN}};

    return poll(fds, G_N_ELEMENTS(fds), timeout_msec) > 0 && fds[1].revents == 0;
}

static gboolean
is_whole(const GString *request)
{
    const char *end = strstr(request->str, "\r\n\r\n");
    const char *length = strcasestr(request->str, "\r\nContent-Length:");

    if (end == NULL)
        return FALSE;
    return length == NULL
           || strlen(end + 4) >= g_ascii_strtoull(strchr(length + 2, ':') + 1, NULL, 10);
}

static void
read_request(HttpServer *self, int fd)
{
    g_autoptr(GString) request = g_string_new(NULL);
    char buffer[4096];

    while (!is_whole(request) && wait_for(self, fd, POLLIN, -1)) {
        const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

        if (n <= 0)
            break;
        g_string_append_len(request, buffer, n);
    }

    g_mutex_lock(&self->lock);
    g_string_assign(self->request, request->str);
    g_mutex_unlock(&self->lock);
}

static gboolean
send_all(HttpServer *self, int fd, const char *bytes, gsize n_bytes)
{
    while (n_bytes > 0) {
        if (!wait_for(self, fd, POLLOUT, -1))
            return FALSE;

        const ssize_t n = send(fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return FALSE;
        bytes += n;
        n_bytes -= (gsize) n;
        g_mutex_lock(&self->lock);
        self->n_sent += (gsize) n;
        g_mutex_unlock(&self->lock);
    }
    return TRUE;
}

static void
finish(HttpServer *self, int fd, HttpThen then, const char *bytes, gsize n_bytes)
{
    const struct linger at_once = {.l_onoff = 1};
    gboolean open = TRUE;

    switch (then) {
    case HTTP_THEN_CLOSE:
        return;
    case HTTP_THEN_RESET:
        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return;
    case HTTP_THEN_HOLD:
        (void) wait_for(self, fd, POLLIN, -1);
        return;
    case HTTP_THEN_DRIP:
        while (open && !wait_for(self, self->stop, POLLIN, DRIP_MSEC))
            open = send_all(self, fd, "x", 1);
        return;
    case HTTP_THEN_FLOOD:
        while (open)
            open = send_all(self, fd, bytes, n_bytes);
        return;
    }
}

static void
serve(HttpServer *self, int fd)
{
    gsize n_bytes;

    read_request(self, fd);
    g_mutex_lock(&self->lock);
    g_autoptr(GBytes) script = g_bytes_ref(self->script);
    const HttpThen then = self->then;
    self->n_connections++;
    g_mutex_unlock(&self->lock);

    const char *bytes = g_bytes_get_data(script, &n_bytes);
    if (send_all(self, fd, bytes, n_bytes))
        finish(self, fd, then, bytes, n_bytes);
    (void) close(fd);
}

static gpointer
run(gpointer data)
{
    HttpServer *self = data;

    while (wait_for(self, self->listener, POLLIN, -1)) {
        const int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0)
            serve(self, fd);
    }
    return NULL;
}

static HttpServer *
new_at(const char *text)
{
    HttpServer *self = g_new0(HttpServer, 1);
    struct sockaddr_storage sockaddr;
    ApEndpoint endpoint = {0};

    g_assert_true(ap_addr_parse(&endpoint.addr, text, NULL));
    socklen_t n = ap_endpoint_to_sockaddr(&endpoint, &sockaddr);

    g_mutex_init(&self->lock);
    self->script = g_bytes_new(NULL, 0);
    self->request = g_string_new(NULL);
    self->stop = eventfd(0, EFD_CLOEXEC);
    self->listener = socket(endpoint.addr.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(self->listener, (struct sockaddr *) &sockaddr, n), ==, 0);
    g_assert_cmpint(listen(self->listener, 16), ==, 0);
    g_assert_cmpint(getsockname(self->listener, (struct sockaddr *) &sockaddr, &n), ==, 0);
    g_assert_true(ap_endpoint_from_sockaddr(&endpoint, (struct sockaddr *) &sockaddr));
    self->port = endpoint.port;
    self->thread = g_thread_new("http-server", run, self);
    return self;
}

HttpServer *
http_server_new(void)
{
    return new_at("127.0.0.1");
}

HttpServer *
http_server_new_v6(void)
{
    return new_at("::1");
}

guint16
http_server_get_port(HttpServer *self)
{
    return self->port;
}

/**
 * Sets what every connection from now on gets.
 */
void
http_server_script(HttpServer *self, const char *bytes, gsize n_bytes, HttpThen then)
{
    g_mutex_lock(&self->lock);
    g_bytes_unref(self->script);
    self->script = g_bytes_new(bytes, n_bytes);
    self->then = then;
    self->n_connections = 0;
    self->n_sent = 0;
    g_mutex_unlock(&self->lock);
}

char *
http_server_dup_request(HttpServer *self)
{
    g_mutex_lock(&self->lock);
    char *request = g_strdup(self->request->str);
    g_mutex_unlock(&self->lock);
    return request;
}

/**
 * Counts the requests since the last script.
 */
guint
http_server_n_connections(HttpServer *self)
{
    g_mutex_lock(&self->lock);
    const guint n = self->n_connections;
    g_mutex_unlock(&self->lock);
    return n;
}

/**
 * Counts the bytes that the other side took since the last script, or that its kernel did.
 */
gsize
http_server_n_sent(HttpServer *self)
{
    g_mutex_lock(&self->lock);
    const gsize n = self->n_sent;
    g_mutex_unlock(&self->lock);
    return n;
}

void
http_server_free(HttpServer *self)
{
    if (self == NULL)
        return;

    (void) eventfd_write(self->stop, 1);
    (void) g_thread_join(self->thread);
    (void) close(self->listener);
    (void) close(self->stop);
    g_bytes_unref(self->script);
    (void) g_string_free(self->request, TRUE);
    g_mutex_clear(&self->lock);
    g_free(self);
}
