/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/http.h"

#include <string.h>
#include <time.h>

/** What ends a head: the end of its last line and an empty one. */
#define END "\r\n\r\n"

/**
 * Finds where a head ends.
 *
 * Returns: its length with the empty line; 0 when the end has not come yet
 */
gsize
ap_http_find_end(const char *bytes, gsize n_bytes)
{
    const char *end = memmem(bytes, n_bytes, END, strlen(END));

    return end != NULL ? (gsize) (end - bytes) + strlen(END) : 0;
}

/* Everything but visible characters, spaces, tabs and bytes above 127; so CR and LF, too. */
static gboolean
has_control(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == 0x7f || ((guchar) *c < 0x20 && *c != '\t'))
            return TRUE;
    }
    return FALSE;
}

/* RFC 9110 5.6.2; so a folded line, or a space before the colon, is no field. */
static gboolean
is_token(const char *text)
{
    const char *c = text;

    while (g_ascii_isalnum(*c) || (*c != '\0' && strchr("!#$%&'*+-.^_`|~", *c) != NULL))
        c++;
    return *c == '\0' && c != text;
}

/* RFC 9112 3: "POST /peering-request HTTP/1.1". A query means nothing to anybody here. */
static gboolean
read_request_line(ApHead *self, char *line)
{
    char *path = strchr(line, ' ');
    char *version = path != NULL ? strchr(path + 1, ' ') : NULL;

    if (version == NULL)
        return FALSE;

    *path++ = '\0';
    *version++ = '\0';
    if (!is_token(line) || *path == '\0'
        || (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0))
        return FALSE;

    self->method = line;
    self->path = path;
    path[strcspn(path, "?")] = '\0';
    return TRUE;
}

static gboolean
read_field(ApHead *self, char *line)
{
    char *colon = strchr(line, ':');

    if (colon == NULL)
        return FALSE;

    *colon = '\0';
    if (!is_token(line))
        return FALSE;

    ap_head_add(self, line, g_strstrip(colon + 1));
    return TRUE;
}

/* Cuts the next line off, without its CR LF, which is there: the head ends with two of them. */
static char *
cut_line(char **rest)
{
    char *line = *rest;
    char *end = strstr(line, "\r\n");

    *end = '\0';
    *rest = end + strlen("\r\n");
    return line;
}

/**
 * Reads a whole head.
 *
 * @out: (out caller-allocates): its strings are in @bytes; left as it was when the function fails
 * @bytes: as they came, up to and with the empty line; written to
 * @n_bytes: what ap_http_find_end() returned
 *
 * Returns: FALSE when this is no head of HTTP/1.0 or 1.1, or one that two readers could
 *     understand in two ways
 */
gboolean
ap_http_read_head(ApHead *out, char *bytes, gsize n_bytes)
{
    ApHead head = {0};
    char *rest = bytes;

    if (memchr(bytes, '\0', n_bytes) != NULL)
        return FALSE;

    /* the last line is what ends the empty one */
    bytes[n_bytes - strlen("\r\n")] = '\0';
    char *line = cut_line(&rest);
    if (has_control(line) || !read_request_line(&head, line))
        return FALSE;
    while (*rest != '\0') {
        line = cut_line(&rest);
        if (has_control(line) || !read_field(&head, line))
            return FALSE;
    }
    *out = head;
    return TRUE;
}

static const char *
reason(guint status)
{
    static const struct {
        guint status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "";
}

/* RFC 9110 5.6.7, in English whatever the locale. */
static void
append_date(GString *out, ApInstant now)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const time_t seconds = (time_t) (now.real_usec / AP_USEC_PER_SEC);
    struct tm tm = {0};

    (void) gmtime_r(&seconds, &tm);
    g_string_append_printf(out,
                           "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                           days + 3 * tm.tm_wday,
                           tm.tm_mday,
                           months + 3 * tm.tm_mon,
                           1900 + tm.tm_year,
                           tm.tm_hour,
                           tm.tm_min,
                           tm.tm_sec);
}

/**
 * Appends the head of an answer, after whose body the connection is closed.
 */
void
ap_http_write_head(GString *out, const ApHttpAnswer *answer, ApInstant now)
{
    g_string_append_printf(out, "HTTP/1.1 %u %s\r\n", answer->status, reason(answer->status));
    append_date(out, now);
    g_string_append_printf(out,
                           "Connection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
                           answer->type,
                           answer->n_body);
    if (answer->allow != NULL)
        g_string_append_printf(out, "Allow: %s\r\n", answer->allow);
    g_string_append(out, "\r\n");
}
