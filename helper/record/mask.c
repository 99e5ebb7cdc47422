/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/mask.h"

#include "common/key.h"
#include "helper/record/mask-address.h"

#include <string.h>

/** Characters of a key in base64 before its "=", and of one in hexadecimal digits. */
#define BASE64_LEN 43
#define HEX_LEN (2 * AP_KEY_LEN)

/** Digits of a fingerprint, after "#". */
#define FINGERPRINT_DIGITS 16

/** Length of a network card's number as text: "02:00:5e:00:53:01". */
#define CARD_LEN 17

typedef enum {
    PIECE_NONE, /* one character of no meaning */
    PIECE_KEY,
    PIECE_HEX_KEY,
    PIECE_FINGERPRINT,
    PIECE_CARD,
    PIECE_ADDR,
} PieceKind;

/* What stands at one place of a text. */
typedef struct {
    PieceKind kind;
    gsize len;
    ApKey key;
    ApAddr addr;
    int prefix_len; /* of @addr, as far as it has one; -1: none */
} Piece;

/* What one text is masked with. */
typedef struct {
    ApAddressMask addresses;
    GHashTable *known; /* (owned) (element-type ApAddr ApAddr) masked before, or made of a key */
    GArray *networks;  /* (owned) (element-type ApCidr) */
} Mask;

static void
mask_clear(Mask *self)
{
    g_clear_pointer(&self->known, g_hash_table_unref);
    g_clear_pointer(&self->networks, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mask, mask_clear)

static guint
hash_addr(gconstpointer value)
{
    const ApAddr *addr = value;
    guint hash = 5381;

    for (gsize i = 0; i < sizeof(addr->bytes); i++)
        hash = hash * 33 + addr->bytes[i];
    return hash + addr->family;
}

static gboolean
addrs_equal(gconstpointer a, gconstpointer b)
{
    return ap_addr_equal(a, b);
}

static gboolean
is_base64(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/';
}

static gsize
count_digits(const char *text)
{
    gsize n = 0;

    while (g_ascii_isxdigit(text[n]))
        n++;
    return n;
}

/* The last 43 characters before a "=" are a key, whatever stands before them. */
static gboolean
find_key(const char *text, Piece *piece)
{
    char buffer[AP_KEY_TEXT_LEN];

    for (gsize i = 0; i < BASE64_LEN; i++) {
        if (!is_base64(text[i]))
            return FALSE;
    }
    if (text[BASE64_LEN] != '=' || text[BASE64_LEN + 1] == '=')
        return FALSE;

    memcpy(buffer, text, AP_KEY_TEXT_LEN - 1);
    buffer[AP_KEY_TEXT_LEN - 1] = '\0';
    *piece = (Piece){.kind = PIECE_KEY, .len = AP_KEY_TEXT_LEN - 1};
    if (ap_key_parse(&piece->key, buffer, NULL))
        return TRUE;
    buffer[BASE64_LEN - 1] = 'A'; /* bits after the last byte: no key to us, but to others */
    return ap_key_parse(&piece->key, buffer, NULL);
}

static gboolean
find_hex_key(const char *text, Piece *piece)
{
    if (count_digits(text) != HEX_LEN)
        return FALSE;

    *piece = (Piece){.kind = PIECE_HEX_KEY, .len = HEX_LEN};
    for (gsize i = 0; i < AP_KEY_LEN; i++)
        piece->key.bytes[i] = (guint8) (g_ascii_xdigit_value(text[2 * i]) << 4
                                        | g_ascii_xdigit_value(text[2 * i + 1]));
    return TRUE;
}

static gboolean
find_card(const char *text, Piece *piece)
{
    for (gsize i = 0; i < CARD_LEN; i++) {
        if (i % 3 == 2 ? text[i] != ':' : !g_ascii_isxdigit(text[i]))
            return FALSE;
    }
    if (text[CARD_LEN] == ':' || g_ascii_isxdigit(text[CARD_LEN]))
        return FALSE;

    *piece = (Piece){.kind = PIECE_CARD, .len = CARD_LEN};
    return TRUE;
}

/* Reads the first @len characters, fewer if the last ones are punctuation. */
static gboolean
parse_addr(const char *text, gsize len, Piece *piece)
{
    char buffer[AP_ADDR_TEXT_LEN];

    while (len > 0 && len < sizeof(buffer)) {
        memcpy(buffer, text, len);
        buffer[len] = '\0';
        if (ap_addr_parse(&piece->addr, buffer, NULL)) {
            piece->kind = PIECE_ADDR;
            piece->len = len;
            return TRUE;
        }
        if (text[len - 1] != '.' && text[len - 1] != ':')
            return FALSE;
        len--;
    }
    return FALSE;
}

/* "/24" after an address; a length that the family does not have is something else. */
static int
find_prefix_len(const char *text, const ApAddr *addr)
{
    int length = 0;

    if (text[0] != '/' || !g_ascii_isdigit(text[1]))
        return -1;
    for (gsize i = 1; i < 4 && g_ascii_isdigit(text[i]); i++)
        length = 10 * length + g_ascii_digit_value(text[i]);
    return length <= (int) ap_addr_n_bits(addr->family) ? length : -1;
}

/* How far @text may be an IPv4 address: digits and dots, three of these. */
static gsize
count_addr4(const char *text)
{
    gsize n = 0;
    guint n_dots = 0;

    for (; g_ascii_isdigit(text[n]) || text[n] == '.'; n++)
        n_dots += text[n] == '.';
    return n_dots >= 3 ? n : 0;
}

/* How far @text may be an IPv6 address: two colons at least. */
static gsize
count_addr6(const char *text)
{
    gsize n = 0;
    guint n_colons = 0;

    for (; g_ascii_isxdigit(text[n]) || text[n] == ':' || text[n] == '.'; n++)
        n_colons += text[n] == ':';
    return n_colons >= 2 ? n : 0;
}

static gboolean
find_addr(const char *text, Piece *piece)
{
    *piece = (Piece){.prefix_len = -1};
    if (!parse_addr(text, count_addr6(text), piece) && !parse_addr(text, count_addr4(text), piece))
        return FALSE;
    piece->prefix_len = find_prefix_len(text + piece->len, &piece->addr);
    return TRUE;
}

/*
 * How much of @text has no meaning at its beginning: one sign, or a whole word; but a word that
 * runs into a key ends there.
 */
static gsize
count_idle(const char *text)
{
    gsize n_word = 0, n_run;

    while (g_ascii_isalnum(text[n_word]))
        n_word++;
    for (n_run = n_word; is_base64(text[n_run]); n_run++)
        ;
    if (n_run > BASE64_LEN && text[n_run] == '=')
        n_word = MIN(n_word, n_run - BASE64_LEN);
    return MAX(n_word, 1);
}

static Piece
find_piece(const char *text)
{
    Piece piece;

    if (text[0] == '#' && count_digits(text + 1) == FINGERPRINT_DIGITS)
        return (Piece){.kind = PIECE_FINGERPRINT, .len = 1 + FINGERPRINT_DIGITS};
    if (find_key(text, &piece) || find_hex_key(text, &piece) || find_card(text, &piece)
        || find_addr(text, &piece))
        return piece;
    return (Piece){.kind = PIECE_NONE, .len = count_idle(text)};
}

/*
 * Keys that no device takes stay so, and others do not become such: the planner refuses them
 * (security rule K2). Byte 31 is the highest, and its highest bit makes any key such a one.
 */
static ApKey
mask_key(const ApKey *key)
{
    static const ApKey zero;
    ApKey masked = {{0}};

    if (ap_key_equal(key, &zero))
        return zero;
    memcpy(masked.bytes, key->bytes, AP_MASK_KEY_BYTES);
    if (!ap_key_is_safe(key))
        masked.bytes[AP_KEY_LEN - 1] = 0x80;
    else if (!ap_key_is_safe(&masked))
        masked.bytes[AP_MASK_KEY_BYTES] = 1;
    return masked;
}

static void
learn(Mask *self, const Piece *piece)
{
    if (piece->kind == PIECE_KEY || piece->kind == PIECE_HEX_KEY) {
        const ApKey masked = mask_key(&piece->key);
        const ApAddr from = ap_key_link_local(&piece->key);
        const ApAddr to = ap_key_link_local(&masked);

        (void) g_hash_table_insert(self->known,
                                   g_memdup2(&from, sizeof(from)),
                                   g_memdup2(&to, sizeof(to)));
    } else if (piece->kind == PIECE_ADDR && piece->prefix_len >= 0) {
        const ApCidr network = ap_cidr_network(&piece->addr, (guint8) piece->prefix_len);

        for (guint i = 0; i < self->networks->len; i++) {
            if (ap_cidr_equal(&g_array_index(self->networks, ApCidr, i), &network))
                return;
        }
        if (!ap_cidr_is_host(&network))
            g_array_append_val(self->networks, network);
    }
}

static void
write_addr(Mask *self, const ApAddr *addr, GString *out)
{
    const ApAddr *known = g_hash_table_lookup(self->known, addr);
    char text[AP_ADDR_TEXT_LEN];

    if (known == NULL) {
        const ApAddr masked = ap_mask_address(&self->addresses, addr);
        ApAddr *kept = g_memdup2(&masked, sizeof(masked));

        (void) g_hash_table_insert(self->known, g_memdup2(addr, sizeof(*addr)), kept);
        known = kept;
    }
    ap_addr_to_text(known, text);
    g_string_append(out, text);
}

static void
write_key(const ApKey *key, gboolean as_hex, GString *out)
{
    const ApKey masked = mask_key(key);
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(&masked, text);
    if (!as_hex)
        g_string_append(out, text);
    for (gsize i = 0; as_hex && i < AP_KEY_LEN; i++)
        g_string_append_printf(out, "%02x", masked.bytes[i]);
}

/* Of a hash of addresses nothing may stay: whoever knows most of them could try the rest. */
static void
write_fingerprint(const Mask *self, const char *text, GString *out)
{
    const guint64 hash = ap_mask_hash(self->addresses.key,
                                      "fingerprint",
                                      (const guint8 *) text,
                                      1 + FINGERPRINT_DIGITS);

    if (strspn(text + 1, "0") >= FINGERPRINT_DIGITS)
        g_string_append_len(out, text, 1 + FINGERPRINT_DIGITS);
    else
        g_string_append_printf(out, "#%016" G_GINT64_MODIFIER "x", hash);
}

static void
write_card(const Mask *self, const char *text, GString *out)
{
    const guint64 hash = ap_mask_hash(self->addresses.key, "card", (const guint8 *) text, CARD_LEN);

    g_string_append_printf(out,
                           "02:00:%02x:%02x:%02x:%02x",
                           (guint) (hash & 0xff),
                           (guint) (hash >> 8 & 0xff),
                           (guint) (hash >> 16 & 0xff),
                           (guint) (hash >> 24 & 0xff));
}

static void
write_piece(Mask *self, const Piece *piece, const char *text, GString *out)
{
    switch (piece->kind) {
    case PIECE_NONE:
        g_string_append_len(out, text, (gssize) piece->len);
        break;
    case PIECE_KEY:
        write_key(&piece->key, FALSE, out);
        break;
    case PIECE_HEX_KEY:
        write_key(&piece->key, TRUE, out);
        break;
    case PIECE_FINGERPRINT:
        write_fingerprint(self, text, out);
        break;
    case PIECE_CARD:
        write_card(self, text, out);
        break;
    case PIECE_ADDR:
        write_addr(self, &piece->addr, out);
        break;
    }
}

/**
 * Masks a text: of keys 48 bits stay, of public addresses 16 bits (IPv6: 32), of the numbers of
 * network cards nothing. Private addresses, interfaces' names and everything else stay.
 *
 * What was equal in @text is equal afterwards. Nothing can be compared with a text that was
 * masked by another key.
 *
 * @key: random, and thrown away afterwards: with it addresses could be tried
 *
 * Returns: (transfer full)
 */
char *
ap_mask_text(const char *text, const guint8 key[static AP_MASK_KEY_LEN])
{
    g_auto(Mask) mask = {.known = NULL};
    GString *out = g_string_sized_new(strlen(text) + 1);
    Piece piece;

    mask.known = g_hash_table_new_full(hash_addr, addrs_equal, g_free, g_free);
    mask.networks = g_array_new(FALSE, FALSE, sizeof(ApCidr));
    mask.addresses = (ApAddressMask){.key = key, .networks = mask.networks};

    for (const char *p = text; *p != '\0'; p += piece.len) {
        piece = find_piece(p);
        learn(&mask, &piece);
    }
    for (const char *p = text; *p != '\0'; p += piece.len) {
        piece = find_piece(p);
        write_piece(&mask, &piece, p, out);
    }
    return g_string_free(out, FALSE);
}
