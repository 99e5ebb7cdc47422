/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/peer-words.h"

#include "common/endpoint.h"
#include "common/instant.h"
#include "common/text.h"

#include <glib/gi18n.h>

/**
 * Characters of a text of others that are shown: a sentence of the helper, and still a menu that
 * fits on a small screen.
 */
#define MAX_FOREIGN_CHARS 100

/** Characters of a name that are shown: a menu is as wide as its longest line. */
#define MAX_NAME_CHARS 24

/*
 * Why a peer goes by the hub, to follow "by the hub: ". Shorter than the helper's sentences,
 * because a menu is as wide as its longest line.
 */
static const struct {
    const char *reason;
    const char *phrase;
} phrases[] = {
    {"disabled", N_("direct connections are switched off")},
    {"far-end-down", N_("it does not hear this computer")},
    {"far-end-left", N_("it left")},
    {"far-end-waits", N_("the path works, it is not ready yet")},
    {"gone", N_("it left")},
    {"handshake-old", N_("it did not renew its session")},
    {"held-down", N_("the direct path broke, waiting a while")},
    {"idle", N_("nobody asked for direct connections")},
    {"limit", N_("there are too many direct peers")},
    {"lossy", N_("the direct path keeps breaking")},
    {"mtu", N_("large packets get lost on the direct path")},
    {"network-changed", N_("this computer's network changed")},
    {"new", N_("just announced")},
    {"no-answer", N_("it answered nowhere, trying again later")},
    {"no-endpoint", N_("nobody said where it can be reached")},
    {"no-handshake", N_("no answer on the direct path")},
    {"no-ipv6", N_("the path cannot be tested without IPv6")},
    {"no-neighbour", N_("nobody on this network has its address")},
    {"not-offered", N_("nobody announces it")},
    {"not-same-lan", N_("it is on another network")},
    {"one-way", N_("packets pass in one direction only")},
    {"passive", N_("waiting for it to begin")},
    {"paused", N_("paused")},
    {"peer-offline", N_("it is off, or has no network")},
    {"policy", N_("the hub keeps the two apart")},
    {"probe-blocked", N_("a firewall blocks the test of the path")},
    {"probing", N_("trying the direct path")},
    {"proven", N_("the direct path works")},
    {"revoked", N_("the hub does not know it any more")},
    {"roamed", N_("it moved to a place that is not accepted")},
    {"silent", N_("nothing came back on the direct path")},
    {"slower", N_("the way by the hub is faster")},
    {"taken-over", N_("an administrator changed it")},
};

/* What the guard refused: the window says which rule it was. */
static const struct {
    const char *prefix;
    const char *phrase;
} refusals[] = {
    {"address-", N_("its address is not acceptable")},
    {"endpoint-", N_("its place is not acceptable")},
    {"key-", N_("its key is not acceptable")},
};

/**
 * Makes text of others fit to be shown: one line, nothing that hides or reorders what stands
 * beside it, and not too long.
 *
 * Returns: (transfer full)
 */
char *
ap_words_foreign(const char *text)
{
    g_autofree char *whole = ap_text_escape(text);

    return ap_text_shorten(whole, MAX_FOREIGN_CHARS - 1);
}

/**
 * Says one of the helper's English sentences in the person's language.
 *
 * @sentence: one that no translation has is shown as it is
 * @word: what to show when @sentence is empty
 *
 * Returns: (transfer full)
 */
char *
ap_words_sentence(const char *sentence, const char *word)
{
    /* The translation of "" is the head of the catalogue. */
    return ap_words_foreign(sentence[0] != '\0' ? gettext(sentence) : word);
}

/**
 * Returns: (transfer none) (nullable): @reason in a few words; NULL for a reason that this version
 *     does not know
 */
const char *
ap_words_phrase(const char *reason)
{
    for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++) {
        if (g_str_equal(phrases[i].reason, reason))
            return _(phrases[i].phrase);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (g_str_has_prefix(reason, refusals[i].prefix))
            return _(refusals[i].phrase);
    }
    return NULL;
}

/* Where its tunnel leads to it, or the beginning of its key where it has no address. */
static char *
format_address(const ApClientPeer *peer)
{
    return peer->addresses[0] != NULL ? ap_words_foreign(peer->addresses[0])
                                      : ap_client_peer_short_key(peer);
}

/**
 * Names a peer: what it is called, with its address where another one is called the same; without
 * a name its first address, or the beginning of its key where it has none.
 *
 * Returns: (transfer full)
 */
char *
ap_words_peer_name(const ApClientPeer *peer)
{
    g_autofree char *whole = ap_text_escape(peer->name);

    if (whole[0] != '\0' && !peer->is_twin)
        return ap_text_shorten(whole, MAX_NAME_CHARS);
    return ap_words_peer_name_and_address(peer);
}

/**
 * Names a peer where there is room: what it is called, and its address.
 *
 * Returns: (transfer full)
 */
char *
ap_words_peer_name_and_address(const ApClientPeer *peer)
{
    g_autofree char *whole = ap_text_escape(peer->name);
    g_autofree char *name = ap_text_shorten(whole, MAX_NAME_CHARS);
    g_autofree char *address = format_address(peer);

    return name[0] != '\0' ? g_strdup_printf("%s (%s)", name, address) : g_steal_pointer(&address);
}

/* The port says nothing to a person who looks for the machine. */
static char *
format_place(const char *endpoint)
{
    ApEndpoint parsed;
    char text[AP_ADDR_TEXT_LEN];

    if (!ap_endpoint_parse(&parsed, endpoint, NULL))
        return ap_words_foreign(endpoint);

    ap_addr_to_text(&parsed.addr, text);
    return g_strdup(text);
}

/**
 * Says which way traffic to a peer goes.
 *
 * Returns: (transfer full)
 */
char *
ap_words_peer_path(const ApClientPeer *peer)
{
    g_autofree char *place = format_place(peer->endpoint);

    if (!ap_client_peer_is_direct(peer))
        return g_strdup(_("by the hub"));
    if (place[0] == '\0')
        return g_strdup(_("direct"));

    return g_strdup_printf(_("direct at %s"), place);
}

/**
 * Says in a few words why a peer is where it is.
 *
 * Returns: (transfer full)
 */
char *
ap_words_peer_reason(const ApClientPeer *peer)
{
    const char *phrase = ap_words_phrase(peer->reason);

    return phrase != NULL ? g_strdup(phrase) : ap_words_sentence(peer->reason_text, peer->reason);
}

/* Whole, for where there is room; the translation of "" is the head of the catalogue. */
static char *
translate(const char *sentence)
{
    return ap_text_escape(sentence[0] != '\0' ? gettext(sentence) : sentence);
}

/**
 * Says at length why a peer is where it is, what to do about it, and what to copy for that.
 *
 * Returns: (transfer full): up to three lines
 */
char *
ap_words_peer_advice(const ApClientPeer *peer)
{
    g_autofree char *sentence = translate(peer->reason_text);
    g_autofree char *word = ap_words_foreign(peer->reason);
    g_autofree char *advice = translate(peer->advice);
    g_autofree char *command = ap_text_escape(peer->command);
    GString *text = g_string_new(sentence[0] != '\0' ? sentence : word);

    if (advice[0] != '\0')
        g_string_append_printf(text, "\n%s", advice);
    if (command[0] != '\0')
        g_string_append_printf(text, "\n%s", command);
    return g_string_free(text, FALSE);
}

/**
 * Returns: (transfer full): the round trip of the direct path; empty when it is not known
 */
char *
ap_words_peer_rtt(const ApClientPeer *peer)
{
    if (!ap_client_peer_is_direct(peer) || peer->rtt_usec == 0)
        return g_strdup("");

    return g_strdup_printf(_("%.1f ms"), (double) peer->rtt_usec / AP_USEC_PER_MSEC);
}

/**
 * Says everything about a peer that fits on one line of a menu.
 *
 * Returns: (transfer full)
 */
char *
ap_words_peer_line(const ApClientPeer *peer)
{
    g_autofree char *name = ap_words_peer_name(peer);
    g_autofree char *path = ap_words_peer_path(peer);
    g_autofree char *reason = ap_words_peer_reason(peer);
    g_autofree char *rtt = ap_words_peer_rtt(peer);

    if (!ap_client_peer_is_direct(peer))
        return g_strdup_printf(_("%s – %s: %s"), name, path, reason);
    if (rtt[0] == '\0')
        return g_strdup_printf(_("%s – %s"), name, path);

    return g_strdup_printf(_("%s – %s, %s"), name, path, rtt);
}
