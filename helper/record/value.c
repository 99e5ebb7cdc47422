/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/value.h"

#include "common/cidr.h"
#include "common/decimal.h"
#include "common/endpoint.h"
#include "common/instant.h"
#include "common/key.h"
#include "helper/core/world.h"

#include <string.h>

/**
 * The latest instant that is read, in microseconds, "never" apart: 2^53, or 285 years. Sums of a few
 * of them stay in range, whatever somebody wrote into a file.
 */
#define MAX_TIME_USEC (G_GINT64_CONSTANT(1) << 53)

/** Length of a fingerprint as text: "#" and 16 hexadecimal digits. */
#define FINGERPRINT_LEN 17

static guint64
get_number(gconstpointer value, guint size)
{
    guint8 u8;
    guint16 u16;
    guint32 u32;
    guint64 u64;

    switch (size) {
    case sizeof(u8):
        memcpy(&u8, value, sizeof(u8));
        return u8;
    case sizeof(u16):
        memcpy(&u16, value, sizeof(u16));
        return u16;
    case sizeof(u32):
        memcpy(&u32, value, sizeof(u32));
        return u32;
    }
    memcpy(&u64, value, sizeof(u64));
    return u64;
}

static void
set_number(gpointer out, guint size, guint64 number)
{
    const guint8 u8 = (guint8) number;
    const guint16 u16 = (guint16) number;
    const guint32 u32 = (guint32) number;

    switch (size) {
    case sizeof(u8):
        memcpy(out, &u8, sizeof(u8));
        return;
    case sizeof(u16):
        memcpy(out, &u16, sizeof(u16));
        return;
    case sizeof(u32):
        memcpy(out, &u32, sizeof(u32));
        return;
    }
    memcpy(out, &number, sizeof(number));
}

static void
write_time(gint64 usec, GString *out)
{
    if (usec == AP_NEVER) {
        g_string_append(out, "never");
        return;
    }
    if (usec < 0)
        g_string_append_c(out, '-');
    ap_decimal_append(out, usec < 0 ? -(guint64) usec : (guint64) usec);
}

static void
write_word(const ApValueKind *kind, gconstpointer value, GString *out)
{
    const guint number = (guint) get_number(value, kind->size);
    const char *word = ap_word(kind->words, number);

    if (word != NULL)
        g_string_append(out, word);
    else
        ap_decimal_append(out, number);
}

static void
write_addr(const ApAddr *addr, GString *out)
{
    char text[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(addr, text);
    g_string_append(out, text);
}

static void
write_cidr(const ApCidr *cidr, GString *out)
{
    char text[AP_CIDR_TEXT_LEN];

    ap_cidr_to_text(cidr, text);
    g_string_append(out, text);
}

static void
write_endpoint(const ApEndpoint *endpoint, GString *out)
{
    char text[AP_ENDPOINT_TEXT_LEN];

    ap_endpoint_to_text(endpoint, text);
    g_string_append(out, text);
}

static void
write_key(const ApKey *key, GString *out)
{
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(key, text);
    g_string_append_len(out, text, AP_KEY_TEXT_LEN - 1);
}

static void
write_link_address(const ApLinkAddress *address, GString *out)
{
    write_addr(&address->addr, out);
    g_string_append_c(out, '/');
    ap_decimal_append(out, address->prefix_len);
    g_string_append_c(out, '/');
    ap_decimal_append(out, address->flags);
}

static void
write_pin(const ApPin *pin, GString *out)
{
    write_addr(&pin->addr, out);
    g_string_append_c(out, '@');
    write_time(pin->until_boot_usec, out);
}

static gboolean
is_plain(char c)
{
    return g_ascii_isalnum(c) || strchr("._-:+@", c) != NULL;
}

/** Writes a name so that it has no space, comma or other sign with a meaning: "a%20b". */
void
ap_value_write_name(const char *name, GString *out)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (is_plain(*p))
            g_string_append_c(out, *p);
        else
            g_string_append_printf(out, "%%%02X", (guint) (guchar) *p);
    }
}

/**
 * Reads what ap_value_write_name() wrote.
 *
 * @max_len: in bytes, without a final NUL
 *
 * Returns: (transfer full) (nullable): NULL when @text is no such name
 */
char *
ap_value_read_name(const char *text, gsize max_len)
{
    g_autofree char *name = g_uri_unescape_string(text, NULL);

    return name != NULL && strlen(name) <= max_len ? g_steal_pointer(&name) : NULL;
}

/** Appends the text of @value. Nothing is written for an address that is not set. */
void
ap_value_write(const ApValueKind *kind, gconstpointer value, GString *out)
{
    switch (kind->type) {
    case AP_FIELD_FLAG:
        g_string_append(out, get_number(value, kind->size) != 0 ? "yes" : "no");
        break;
    case AP_FIELD_NUMBER:
        ap_decimal_append(out, get_number(value, kind->size));
        break;
    case AP_FIELD_TIME:
        write_time((gint64) get_number(value, kind->size), out);
        break;
    case AP_FIELD_FINGERPRINT:
        g_string_append_printf(out, "#%016" G_GINT64_MODIFIER "x", get_number(value, kind->size));
        break;
    case AP_FIELD_WORD:
        write_word(kind, value, out);
        break;
    case AP_FIELD_NAME:
        ap_value_write_name(value, out);
        break;
    case AP_FIELD_KEY:
        write_key(value, out);
        break;
    case AP_FIELD_ADDR:
        write_addr(value, out);
        break;
    case AP_FIELD_CIDR:
        write_cidr(value, out);
        break;
    case AP_FIELD_ENDPOINT:
        write_endpoint(value, out);
        break;
    case AP_FIELD_LINK_ADDRESS:
        write_link_address(value, out);
        break;
    case AP_FIELD_PIN:
        write_pin(value, out);
        break;
    case AP_FIELD_NAMES:
    case AP_FIELD_LINES:
    case AP_FIELD_UNREAD:
    case AP_N_FIELD_TYPES:
        break;
    }
}

static gboolean
read_flag(const char *text, gboolean *out)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return FALSE;
    *out = text[0] == 'y';
    return TRUE;
}

static gboolean
read_number(const char *text, guint64 max, guint64 *out)
{
    return g_ascii_string_to_unsigned(text, 10, 0, max, out, NULL);
}

static gboolean
read_time(const char *text, gint64 *out)
{
    if (strcmp(text, "never") == 0) {
        *out = AP_NEVER;
        return TRUE;
    }
    return g_ascii_string_to_signed(text, 10, -MAX_TIME_USEC, MAX_TIME_USEC, out, NULL);
}

static gboolean
read_fingerprint(const char *text, guint64 *out)
{
    return text[0] == '#' && strlen(text) == FINGERPRINT_LEN
           && g_ascii_string_to_unsigned(text + 1, 16, 0, G_MAXUINT64, out, NULL);
}

static gboolean
read_word(const ApValueKind *kind, const char *text, gpointer out)
{
    const char *word;

    for (guint i = 0; (word = ap_word(kind->words, i)) != NULL; i++) {
        if (strcmp(word, text) == 0) {
            set_number(out, kind->size, i);
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
read_name(const ApValueKind *kind, const char *text, char *out)
{
    g_autofree char *name = ap_value_read_name(text, kind->size - 1);

    if (name == NULL)
        return FALSE;
    memset(out, 0, kind->size);
    memcpy(out, name, strlen(name));
    return TRUE;
}

static gboolean
read_addr(const char *text, ApAddr *out)
{
    *out = (ApAddr){0};
    return text[0] == '\0' || ap_addr_parse(out, text, NULL);
}

/* A device may have been told port 0, which is no endpoint to anybody else. */
static gboolean
read_endpoint(const char *text, ApEndpoint *out)
{
    const gsize len = strlen(text);
    char buffer[AP_VALUE_TEXT_LEN];

    *out = (ApEndpoint){0};
    if (len == 0 || ap_endpoint_parse(out, text, NULL))
        return TRUE;
    if (len >= sizeof(buffer) || !g_str_has_suffix(text, ":0"))
        return FALSE;

    memcpy(buffer, text, len + 1);
    buffer[len - 1] = '1';
    if (!ap_endpoint_parse(out, buffer, NULL))
        return FALSE;
    out->port = 0;
    return TRUE;
}

static gboolean
read_link_address(const char *text, ApLinkAddress *out)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 4);
    guint64 prefix_len, flags;

    *out = (ApLinkAddress){0};
    if (g_strv_length(parts) != 3 || !ap_addr_parse(&out->addr, parts[0], NULL)
        || !read_number(parts[1], ap_addr_n_bits(out->addr.family), &prefix_len)
        || !read_number(parts[2], G_MAXUINT8, &flags))
        return FALSE;

    out->prefix_len = (guint8) prefix_len;
    out->flags = (guint8) flags;
    return TRUE;
}

static gboolean
read_pin(const char *text, ApPin *out)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", 3);

    *out = (ApPin){0};
    return g_strv_length(parts) == 2 && ap_addr_parse(&out->addr, parts[0], NULL)
           && read_time(parts[1], &out->until_boot_usec);
}

static guint64
max_of(guint size)
{
    return size == sizeof(guint64) ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << 8 * size) - 1;
}

/**
 * Reads what ap_value_write() wrote.
 *
 * @text: from a file that anybody may have written
 * @out: (out caller-allocates): of the kind's size; undefined when the function fails
 *
 * Returns: FALSE when @text is no such value
 */
gboolean
ap_value_read(const ApValueKind *kind, const char *text, gpointer out)
{
    guint64 number;

    switch (kind->type) {
    case AP_FIELD_FLAG:
        return read_flag(text, out);
    case AP_FIELD_NUMBER:
        if (!read_number(text, max_of(kind->size), &number))
            return FALSE;
        set_number(out, kind->size, number);
        return TRUE;
    case AP_FIELD_TIME:
        return read_time(text, out);
    case AP_FIELD_FINGERPRINT:
        return read_fingerprint(text, out);
    case AP_FIELD_WORD:
        return read_word(kind, text, out);
    case AP_FIELD_NAME:
        return read_name(kind, text, out);
    case AP_FIELD_KEY:
        return ap_key_parse(out, text, NULL);
    case AP_FIELD_ADDR:
        return read_addr(text, out);
    case AP_FIELD_CIDR:
        return ap_cidr_parse(out, text, NULL);
    case AP_FIELD_ENDPOINT:
        return read_endpoint(text, out);
    case AP_FIELD_LINK_ADDRESS:
        return read_link_address(text, out);
    case AP_FIELD_PIN:
        return read_pin(text, out);
    case AP_FIELD_NAMES:
    case AP_FIELD_LINES:
    case AP_FIELD_UNREAD:
    case AP_N_FIELD_TYPES:
        break;
    }
    return FALSE;
}

static int
compare_numbers(guint64 a, guint64 b)
{
    if (a == b)
        return 0;
    return a < b ? -1 : 1;
}

/**
 * Orders two values as the lists of a world are: numbers by size, keys and addresses by bytes.
 * Values of kinds that identify nothing are only told apart.
 */
int
ap_value_compare(const ApValueKind *kind, gconstpointer a, gconstpointer b)
{
    const ApPin *pin_a = a, *pin_b = b;

    switch (kind->type) {
    case AP_FIELD_FLAG:
        return compare_numbers(get_number(a, kind->size) != 0, get_number(b, kind->size) != 0);
    case AP_FIELD_NUMBER:
    case AP_FIELD_TIME:
    case AP_FIELD_FINGERPRINT:
    case AP_FIELD_WORD:
        return compare_numbers(get_number(a, kind->size), get_number(b, kind->size));
    case AP_FIELD_NAME:
        return strcmp(a, b);
    case AP_FIELD_CIDR:
        return ap_cidr_compare(a, b);
    case AP_FIELD_PIN:
        return ap_addr_equal(&pin_a->addr, &pin_b->addr)
                   ? compare_numbers((guint64) pin_a->until_boot_usec,
                                     (guint64) pin_b->until_boot_usec)
                   : ap_addr_compare(&pin_a->addr, &pin_b->addr);
    case AP_FIELD_ADDR:
        return ap_addr_compare(a, b);
    case AP_FIELD_KEY:
    case AP_FIELD_ENDPOINT:
    case AP_FIELD_LINK_ADDRESS: /* without padding */
        return memcmp(a, b, kind->size);
    case AP_FIELD_NAMES:
    case AP_FIELD_LINES:
    case AP_FIELD_UNREAD:
    case AP_N_FIELD_TYPES:
        break;
    }
    return 0;
}

gboolean
ap_value_equal(const ApValueKind *kind, gconstpointer a, gconstpointer b)
{
    return ap_value_compare(kind, a, b) == 0;
}
