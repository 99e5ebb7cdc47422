/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/json/scan.h"

#include "common/error.h"

#include <string.h>

/**
 * A position in a text that is known to be valid UTF-8.
 *
 * @why: (not owned) static text: the first rule that was broken, NULL so far
 */
typedef struct {
    const char *start;
    const char *at;
    const char *end;
    guint depth;
    guint max_depth;
    guint n_values;
    guint max_values;
    guint n_members;
    const char *why;
} Scanner;

static gboolean scan_value(Scanner *self);

static gboolean
fail(Scanner *self, const char *why)
{
    if (self->why == NULL)
        self->why = why;
    return FALSE;
}

/* The next byte, 0 at the end: 0 itself cannot occur, it is not valid for us in UTF-8. */
static char
peek(const Scanner *self)
{
    return self->at < self->end ? *self->at : '\0';
}

static gboolean
take(Scanner *self, char c)
{
    if (peek(self) != c)
        return FALSE;

    self->at++;
    return TRUE;
}

static void
skip_space(Scanner *self)
{
    while (self->at < self->end && strchr(" \t\r\n", *self->at) != NULL)
        self->at++;
}

static gboolean
scan_word(Scanner *self, const char *word)
{
    const gsize n = strlen(word);

    if ((gsize) (self->end - self->at) < n || memcmp(self->at, word, n) != 0)
        return fail(self, "an unknown word");

    self->at += n;
    return TRUE;
}

static gboolean
scan_digits(Scanner *self)
{
    if (!g_ascii_isdigit(peek(self)))
        return fail(self, "a malformed number");

    while (g_ascii_isdigit(peek(self)))
        self->at++;
    return TRUE;
}

/* RFC 8259 6 */
static gboolean
scan_number(Scanner *self)
{
    (void) take(self, '-');
    if (!take(self, '0') && !scan_digits(self))
        return FALSE;
    if (take(self, '.') && !scan_digits(self))
        return FALSE;
    if (take(self, 'e') || take(self, 'E')) {
        if (!take(self, '+'))
            (void) take(self, '-');
        return scan_digits(self);
    }
    return TRUE;
}

static gboolean
scan_hex4(Scanner *self, guint *out)
{
    guint value = 0;

    for (guint i = 0; i < 4; i++) {
        const int digit = g_ascii_xdigit_value(peek(self));

        if (digit < 0)
            return fail(self, "a malformed \\u escape");
        value = value << 4 | (guint) digit;
        self->at++;
    }

    *out = value;
    return TRUE;
}

/* After "\u": a surrogate comes in pairs, and a NUL would end the text early in C. */
static gboolean
scan_unicode_escape(Scanner *self)
{
    guint high, low;

    if (!scan_hex4(self, &high))
        return FALSE;
    if (high == 0)
        return fail(self, "a NUL character");
    if (high < 0xd800 || high > 0xdfff)
        return TRUE;

    if (high > 0xdbff || !take(self, '\\') || !take(self, 'u') || !scan_hex4(self, &low)
        || low < 0xdc00 || low > 0xdfff)
        return fail(self, "half a surrogate pair");
    return TRUE;
}

static gboolean
scan_escape(Scanner *self)
{
    const char c = peek(self);

    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return fail(self, "an unknown escape");

    self->at++;
    return c != 'u' || scan_unicode_escape(self);
}

static gboolean
scan_string(Scanner *self)
{
    if (!take(self, '"'))
        return fail(self, "something else where a string belongs");

    while (self->at < self->end) {
        const guchar c = (guchar) *self->at++;

        if (c == '"')
            return TRUE;
        if (c < 0x20)
            return fail(self, "a control character in a string");
        if (c == '\\' && !scan_escape(self))
            return FALSE;
    }
    return fail(self, "an unfinished string");
}

static gboolean
scan_member(Scanner *self)
{
    self->n_members++;
    skip_space(self);
    if (!scan_string(self))
        return FALSE;

    skip_space(self);
    if (!take(self, ':'))
        return fail(self, "a member without a colon");
    return scan_value(self);
}

/* After the opening bracket, up to and with the closing one. */
static gboolean
scan_list(Scanner *self, char close, gboolean (*scan_one)(Scanner *))
{
    skip_space(self);
    if (take(self, close))
        return TRUE;

    do {
        if (!scan_one(self))
            return FALSE;
        skip_space(self);
    } while (take(self, ','));

    return take(self, close) || fail(self, "an unfinished list");
}

static gboolean
scan_container(Scanner *self)
{
    const gboolean is_object = *self->at++ == '{';

    if (++self->depth > self->max_depth)
        return fail(self, "too deep nesting");
    if (!scan_list(self, is_object ? '}' : ']', is_object ? scan_member : scan_value))
        return FALSE;

    self->depth--;
    return TRUE;
}

/* Recursion is bounded by max_depth: scan_container() counts. */
static gboolean
scan_value(Scanner *self)
{
    if (++self->n_values > self->max_values)
        return fail(self, "too many values");

    skip_space(self);
    switch (peek(self)) {
    case '{':
    case '[':
        return scan_container(self);
    case '"':
        return scan_string(self);
    case 't':
        return scan_word(self, "true");
    case 'f':
        return scan_word(self, "false");
    case 'n':
        return scan_word(self, "null");
    default:
        return scan_number(self);
    }
}

static gboolean
scan_text(Scanner *self)
{
    skip_space(self);
    self->start = self->at;
    if (peek(self) != '{' && peek(self) != '[')
        return fail(self, "neither an object nor an array");

    return scan_value(self);
}

/**
 * Checks that @text is one JSON object or array and nothing else (RFC 8259), and stricter: no
 * NUL in any spelling, no half surrogate pairs, UTF-8 in its shortest form.
 *
 * @out: (out caller-allocates): where the value is; left as it was when the function fails
 * @text: @n_bytes bytes from an untrusted source; needs no final NUL
 * @max_depth: deepest nesting; 1 allows a flat object
 * @max_values: most values of any kind, containers included
 * @error: AP_ERROR_INVALID
 *
 * It does not compare member names: the same name can be spelled in many ways.
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_scan(ApJsonScan *out,
             const char *text,
             gsize n_bytes,
             guint max_depth,
             guint max_values,
             GError **error)
{
    Scanner self = {.at = text,
                    .end = text + n_bytes,
                    .max_depth = max_depth,
                    .max_values = max_values};

    if (!g_utf8_validate_len(text, n_bytes, NULL)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "the text is not UTF-8");
        return FALSE;
    }

    gboolean ok = scan_text(&self);
    const char *end = self.at;

    skip_space(&self);
    if (ok && self.at != self.end)
        ok = fail(&self, "bytes after the end");
    if (!ok) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "%s at byte %" G_GSIZE_FORMAT,
                    self.why,
                    (gsize) (self.at - text));
        return FALSE;
    }

    *out = (ApJsonScan){.start = (gsize) (self.start - text),
                        .n_bytes = (gsize) (end - self.start),
                        .n_members = self.n_members};
    return TRUE;
}
