/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/fetch/head.h"

#include "common/names.h"

#include <string.h>

/* RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be empty, and so may the space before it. */
static gboolean
read_status(ApHead *self, const char *line)
{
    const gsize n_version = strlen("HTTP/1.x ");

    if (!g_str_has_prefix(line, "HTTP/1.1 ") && !g_str_has_prefix(line, "HTTP/1.0 "))
        return FALSE;

    const char *digits = line + n_version;
    for (guint i = 0; i < 3; i++) {
        if (!g_ascii_isdigit(digits[i]))
            return FALSE;
        self->status = self->status * 10 + (guint) g_ascii_digit_value(digits[i]);
    }
    return self->status >= 100 && self->status < 600 && (digits[3] == '\0' || digits[3] == ' ');
}

/* Digits only: no sign, no list, and no second field of that name. */
static gboolean
read_length(ApHead *self, const char *value)
{
    guint64 length;

    if (self->has_length
        || !g_ascii_string_to_unsigned(value, 10, 0, AP_HEAD_MAX_BODY_BYTES, &length, NULL))
        return FALSE;

    self->has_length = TRUE;
    self->length = (guint) length;
    return TRUE;
}

static gboolean
read_type(ApHead *self, const char *value)
{
    const gsize n = strlen(AP_COORD_TYPE);

    if (self->has_type)
        return FALSE;

    self->has_type = TRUE;
    self->is_json = g_ascii_strncasecmp(value, AP_COORD_TYPE, n) == 0
                    && (value[n] == '\0' || strchr("; \t", value[n]) != NULL);
    return TRUE;
}

/*
 * Whatever changes the length of the body on its way is refused: the protocol has none of it
 * (coordination-protocol.md 3), and two ways to find the end are one too many.
 */
static gboolean
read_known_field(ApHead *self, const char *name, const char *value)
{
    if (g_ascii_strcasecmp(name, "Content-Length") == 0)
        return read_length(self, value);
    if (g_ascii_strcasecmp(name, "Content-Type") == 0)
        return read_type(self, value);
    if (g_ascii_strcasecmp(name, "Transfer-Encoding") == 0)
        return FALSE;
    if (g_ascii_strcasecmp(name, "Content-Encoding") == 0)
        return g_ascii_strcasecmp(value, "identity") == 0;
    return TRUE;
}

/* RFC 9110 5.6.2; so a folded line, or a space before the colon, is no field. */
static gboolean
is_field_name(const char *name)
{
    const char *c = name;

    while (g_ascii_isalnum(*c) || (*c != '\0' && strchr("!#$%&'*+-.^_`|~", *c) != NULL))
        c++;
    return *c == '\0' && c != name;
}

/* @line: is written to */
static gboolean
read_field(ApHead *self, char *line)
{
    char *colon = strchr(line, ':');

    if (colon == NULL)
        return FALSE;

    *colon = '\0';
    return is_field_name(line) && read_known_field(self, line, g_strstrip(colon + 1));
}

static gboolean
end_head(ApHead *self)
{
    if (self->status >= 200) {
        self->complete = TRUE;
        return TRUE;
    }
    if (self->status == 101 || ++self->n_interim > AP_HEAD_MAX_INTERIM)
        return FALSE;

    *self = (ApHead){.n_bytes = self->n_bytes, .n_interim = self->n_interim};
    return TRUE;
}

/* Everything but visible characters, spaces, tabs and bytes above 127. */
static gboolean
has_control(const char *text, gsize n_bytes)
{
    for (gsize i = 0; i < n_bytes; i++) {
        if ((guchar) text[i] == 0x7f || ((guchar) text[i] < 0x20 && text[i] != '\t'))
            return TRUE;
    }
    return FALSE;
}

/**
 * Takes the next line of the head.
 *
 * @line: @n_bytes bytes from an untrusted server, with the CR LF at their end
 *
 * Returns: FALSE when the answer must not be used, and nothing more of it read
 */
gboolean
ap_head_add_line(ApHead *self, const char *line, gsize n_bytes)
{
    self->n_bytes += n_bytes;
    if (self->complete || self->n_bytes > AP_HEAD_MAX_BYTES || n_bytes < 2
        || memcmp(line + n_bytes - 2, "\r\n", 2) != 0 || has_control(line, n_bytes - 2))
        return FALSE;

    g_autofree char *text = g_strndup(line, n_bytes - 2);
    if (self->status == 0)
        return read_status(self, text);
    return text[0] == '\0' ? end_head(self) : read_field(self, text);
}
