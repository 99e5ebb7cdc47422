/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/configuration.h"

#include "common/error.h"
#include "common/names.h"
#include "helper/engine/configuration-value.h"

#include <string.h>

/* Groups of which there may be many, by name: "Tunnel wg0", "Peer wg0 KEY". */
#define GROUP_TUNNEL "Tunnel"
#define GROUP_PEER "Peer"

/** The public key in the sample: one that was made up. */
#define SAMPLE_KEY "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY="

/* clang-format off */
static const ApConfigKey config_keys[] = {
    {"General", "Enabled", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, enabled), 0, 0, "yes",
     "Whether peers are made direct at all. `wg-autopeer enable` and `disable` win over it."},
    {"General", "Manage", AP_CONFIG_MANAGE, offsetof(ApPolicy, manage), 0, 0, "auto",
     "Which tunnels: auto takes those whose own address is private and routed by a private\n"
     "prefix of the hub; yes takes all; no takes only those with Manage=yes of their own."},
    {"General", "MaxTunnels", AP_CONFIG_NUMBER, offsetof(ApPolicy, max_tunnels), 1, 256, "8",
     "How many tunnels are managed at most."},
    {"General", "Persistent", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, persistent), 0, 0, "no",
     "Whether the helper works though nobody holds it: no tray, no session. Enabling its unit\n"
     "does the same."},

    {"Network", "LinkKinds", AP_CONFIG_KINDS, offsetof(ApPolicy, link_kinds), 0, 0,
     "ethernet;wifi;mobile;vlan;bond",
     "Kinds of interfaces whose addresses a server may be told. Also known: bridge, veth,\n"
     "macvlan, dummy, other. Tunnels are never told."},
    {"Network", "HiddenNetworks", AP_CONFIG_NETWORKS, offsetof(ApPolicy, hidden), 0, 0, "",
     "Networks that no server is ever told about, as 192.168.7.0/24;fd00:7::/64"},

    {"Server", "Port", AP_CONFIG_NUMBER16, offsetof(ApPolicy, coord_port), 1, 65535, "80",
     "TCP port of the coordination server inside the tunnel."},

    {"Peers", "Scope", AP_CONFIG_SCOPE, offsetof(ApPolicy, scope), 0, 0, "lan",
     "How far away a direct peer may be: lan means in one of our own networks; any means\n"
     "wherever its endpoint can be reached."},
    {"Peers", "MaxPeers", AP_CONFIG_NUMBER, offsetof(ApPolicy, max_peers), 1, 1024, "256",
     "How many peers are added to one tunnel at most."},
    {"Peers", "Keepalive", AP_CONFIG_NUMBER16, offsetof(ApPolicy, keepalive_sec), 1, 3600, "25",
     "Seconds between keepalives of a direct peer."},
    {"Peers", "SlowerAfter", AP_CONFIG_NUMBER16, offsetof(ApPolicy, slower_sec), 0, 3600, "60",
     "Seconds for which a direct path may be clearly slower than the way by the hub: more than\n"
     "twice its round trip, and by more than 20 ms. Then its traffic goes back. 0: never."},
    {"Peers", "RequirePresharedKey", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, require_psk), 0, 0, "no",
     "Leaves tunnels alone whose hub has a preshared key: direct peers have none."},
    {"Peers", "LowPorts", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, allow_low_ports), 0, 0, "no",
     "Accepts endpoints with a port below 1024."},
    {"Peers", "PublicLans", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, allow_public_lan), 0, 0, "no",
     "Accepts endpoints in an IPv4 LAN with public addresses."},
    {"Peers", "BlockedKeys", AP_CONFIG_KEYS, offsetof(ApPolicy, blocked), 0, 0, "",
     "Public keys that are never added, separated by semicolons."},

    {"Gossip", "Enabled", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, gossip), 0, 0, "no",
     "Whether peers tell each other who and where they are, by the protocol of wirelink. It\n"
     "gives the hub, or on a hub each peer, its link-local address as one more allowed IP."},
    {"Gossip", "Port", AP_CONFIG_NUMBER16, offsetof(ApPolicy, gossip_port), 1, 65535, "51821",
     "UDP port of gossip inside the tunnel, the same for all peers."},
    {"Gossip", "TellEndpoints", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, peers_tell_endpoints), 0, 0,
     "no",
     "Whether any peer may say where every other one is. Otherwise each peer says so of itself,\n"
     "and a hub of all."},

    {GROUP_TUNNEL, "Manage", AP_CONFIG_MANAGE, offsetof(ApTunnelPolicy, manage), 0, 0, "auto",
     "Whether this tunnel is managed: auto, yes or no."},
    {GROUP_TUNNEL, "Gossip", AP_CONFIG_MANAGE, offsetof(ApTunnelPolicy, gossip), 0, 0, "auto",
     "Whether gossip is spoken on it: yes, no, or auto for what [Gossip] Enabled= says."},
    {GROUP_TUNNEL, "Server", AP_CONFIG_SERVER, offsetof(ApTunnelPolicy, server), 0, 0, "",
     "Address of its coordination server, as 10.9.0.1 or [fd09:9::1]:8080. Found by itself\n"
     "when empty: the first host of the network that the hub routes."},
    {GROUP_TUNNEL, "Networks", AP_CONFIG_NETWORKS, offsetof(ApTunnelPolicy, networks), 0, 0, "",
     "Networks in which its peers may have addresses. Needed only where the hub routes\n"
     "everything (0.0.0.0/0) and the interface has a /32 address."},

    {GROUP_PEER, "Trust", AP_CONFIG_TRUST, offsetof(ApPeerPolicy, trust), 0, 0, "auto",
     "What the peer may tell us by gossip: nothing; endpoints of peers that we know; their\n"
     "allowed-ips, too; or membership, who else is there. With auto a peer that routes a\n"
     "network may tell all that, and any other speaks for itself; as soon as one peer of the\n"
     "tunnel has another value, routing gives no right."},
    {GROUP_PEER, "Name", AP_CONFIG_PEER_NAME, offsetof(ApPeerPolicy, name), 0, 0, "",
     "What to call the peer, 64 bytes at most."},
    {GROUP_PEER, "Endpoints", AP_CONFIG_ENDPOINTS, offsetof(ApPeerPolicy, endpoints), 0, 0, "",
     "Where it can be reached, as 192.168.7.12:51820;[fd00:7::12]:51820"},
    {GROUP_PEER, "AllowedIPs", AP_CONFIG_NETWORKS, offsetof(ApPeerPolicy, allowed), 0, 0, "",
     "Its addresses inside the tunnel, as 10.9.0.12/32;fd09:9::12/128"},
    {GROUP_PEER, "Basic", AP_CONFIG_BOOLEAN, offsetof(ApPeerPolicy, is_basic), 0, 0, "no",
     "Whether it runs no gossip, so that its silence means nothing."},
    {GROUP_PEER, "FactExchanger", AP_CONFIG_BOOLEAN, offsetof(ApPeerPolicy, is_exchanger), 0, 0,
     "no", "Whether it is told everything, as a hub is."},
};
/* clang-format on */

static const ApConfigKey *
find_key(const char *group, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) == 0 && strcmp(config_keys[i].key, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}

/* Sets the keys of @group, and of those alone, to their defaults. */
static void
set_initial(const char *group, gpointer base)
{
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) == 0)
            g_warn_if_fail(
                ap_config_value_read(&config_keys[i], config_keys[i].initial, base, NULL));
    }
}

static gboolean
is_many(const char *group)
{
    return strcmp(group, GROUP_TUNNEL) == 0 || strcmp(group, GROUP_PEER) == 0;
}

static gboolean
is_interface_name(const char *name)
{
    const gsize n = strlen(name);

    return n > 0 && n < IF_NAMESIZE && strpbrk(name, "/ \t") == NULL;
}

/* The entry of a tunnel, made with defaults when it is the first mention. */
static ApTunnelPolicy *
tunnel_of_name(ApPolicy *policy, const char *name)
{
    ApTunnelPolicy *tunnel = (ApTunnelPolicy *) ap_policy_find_tunnel(policy, name);

    if (tunnel == NULL) {
        tunnel = ap_policy_add_tunnel(policy, name);
        set_initial(GROUP_TUNNEL, tunnel);
    }
    return tunnel;
}

/*
 * Finds where the keys of a group belong: "Tunnel wg0" and "Peer wg0 KEY" have places of their
 * own, every other group is the policy's.
 *
 * @table_group: (out): what the group is called in the table
 *
 * Returns: (nullable): NULL when the name is not right for any group
 */
static gpointer
find_place(ApPolicy *policy, const char *group, const char **table_group)
{
    g_auto(GStrv) words = g_strsplit(group, " ", -1);
    const guint n = g_strv_length(words);
    ApKey key;

    *table_group = group;
    if (n == 1)
        return is_many(group) ? NULL : policy;
    if (!is_interface_name(words[1]))
        return NULL;

    if (n == 2 && strcmp(words[0], GROUP_TUNNEL) == 0) {
        *table_group = GROUP_TUNNEL;
        return tunnel_of_name(policy, words[1]);
    }
    if (n == 3 && strcmp(words[0], GROUP_PEER) == 0 && ap_key_parse(&key, words[2], NULL)) {
        *table_group = GROUP_PEER;
        return ap_tunnel_policy_get_peer(tunnel_of_name(policy, words[1]), &key);
    }
    return NULL;
}

static void
apply_group(ApPolicy *policy,
            GKeyFile *file,
            const char *name,
            const char *group,
            GPtrArray *warnings)
{
    const char *table_group;
    gpointer base = find_place(policy, group, &table_group);
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

    for (guint i = 0; keys != NULL && keys[i] != NULL; i++) {
        const ApConfigKey *key = base != NULL ? find_key(table_group, keys[i]) : NULL;
        g_autofree char *value = g_key_file_get_value(file, group, keys[i], NULL);
        g_autoptr(GError) error = NULL;

        if (key == NULL)
            g_ptr_array_add(warnings,
                            g_strdup_printf("%s: [%s] %s= is not known", name, group, keys[i]));
        else if (!ap_config_value_read(key, g_strstrip(value), base, &error))
            g_ptr_array_add(
                warnings,
                g_strdup_printf("%s: [%s] %s=: %s", name, group, keys[i], error->message));
    }
}

/**
 * Applies the text of one file on top of what @policy says already.
 *
 * A key that is not known or does not make sense keeps the value that it had: one typing
 * error must not switch everything off.
 *
 * @name: the file's name, for warnings
 * @warnings: (element-type utf8): gets a line for each thing that was left out
 */
void
ap_config_apply_text(ApPolicy *policy, const char *name, const char *text, GPtrArray *warnings)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &error)) {
        g_ptr_array_add(warnings, g_strdup_printf("%s: %s", name, error->message));
        return;
    }

    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (guint i = 0; groups[i] != NULL; i++)
        apply_group(policy, file, name, groups[i], warnings);
}

/**
 * Makes the policy of an installation without any file.
 *
 * Returns: (transfer full)
 */
ApPolicy *
ap_config_defaults(void)
{
    ApPolicy *policy = ap_policy_new();

    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        const char *group = config_keys[i].group;
        const gboolean is_first = i == 0 || strcmp(group, config_keys[i - 1].group) != 0;

        if (is_first && !is_many(group))
            set_initial(group, policy);
    }
    return policy;
}

static void
apply_file(ApPolicy *policy, const char *path, gboolean must_exist, GPtrArray *warnings)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, &error))
        ap_config_apply_text(policy, path, text, warnings);
    else if (must_exist || !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_ptr_array_add(warnings, g_strdup(error->message));
}

static int
compare_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
apply_directory(ApPolicy *policy, const char *path, GPtrArray *warnings)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_strdup(name));
    }

    g_ptr_array_sort(names, compare_text);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *full = g_build_filename(path, g_ptr_array_index(names, i), NULL);

        apply_file(policy, full, TRUE, warnings);
    }
}

/* A server without a port of its own is asked on the common one, wherever that was set. */
static void
complete_servers(ApPolicy *policy)
{
    for (guint i = 0; i < policy->tunnels->len; i++) {
        ApTunnelPolicy *tunnel = g_ptr_array_index(policy->tunnels, i);

        if (ap_endpoint_is_set(&tunnel->server) && tunnel->server.port == 0)
            tunnel->server.port = policy->coord_port;
    }
}

/**
 * Reads the configuration: the vendor's file, the administrator's, then conf.d in the order
 * of names, then what was set over the bus; what comes later wins.
 *
 * @file: (nullable): read this one file instead of the vendor's and the administrator's
 * @options_file: (nullable): what was set over the bus; need not be there
 * @warnings: (element-type utf8): gets a line for each thing that was left out
 *
 * Returns: (transfer full): never NULL
 */
ApPolicy *
ap_config_load(const char *file, const char *options_file, GPtrArray *warnings)
{
    ApPolicy *policy = ap_config_defaults();

    if (file != NULL) {
        apply_file(policy, file, TRUE, warnings);
    } else {
        apply_file(policy, AP_CONFIG_VENDOR_DIR "/" AP_CONFIG_NAME, FALSE, warnings);
        apply_file(policy, AP_CONFIG_ADMIN_DIR "/" AP_CONFIG_NAME, FALSE, warnings);
        apply_directory(policy, AP_CONFIG_ADMIN_DIR "/conf.d", warnings);
    }

    if (options_file != NULL)
        apply_file(policy, options_file, FALSE, warnings);
    complete_servers(policy);
    return policy;
}

/**
 * Tells whether a file could say @value for the key @name of @group, which is not a tunnel's
 * or a peer's.
 *
 * @error: AP_ERROR_INVALID when there is no such key, or the value makes no sense for it
 */
gboolean
ap_config_check(const char *group, const char *name, const char *value, GError **error)
{
    g_autoptr(ApPolicy) scratch = ap_config_defaults();
    const ApConfigKey *key = !is_many(group) ? find_key(group, name) : NULL;

    if (key != NULL)
        return ap_config_value_read(key, value, scratch, error);

    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "there is no key %s=", name);
    return FALSE;
}

static void
print_group(GString *out, const char *title, const char *group, gconstpointer base)
{
    g_string_append_printf(out, "%s[%s]\n", out->len > 0 ? "\n" : "", title);
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) != 0)
            continue;
        g_string_append_printf(out, "%s=", config_keys[i].key);
        ap_config_value_append(out, &config_keys[i], base);
        g_string_append_c(out, '\n');
    }
}

/* Calls @visit for each group of which there is one, in the order of the table. */
static void
foreach_group(void (*visit)(GString *out, const char *group, gconstpointer data),
              GString *out,
              gconstpointer data)
{
    const char *last = "";

    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        const char *group = config_keys[i].group;

        if (strcmp(group, last) != 0 && !is_many(group))
            visit(out, group, data);
        last = group;
    }
}

static void
print_global_group(GString *out, const char *group, gconstpointer policy)
{
    print_group(out, group, group, policy);
}

static void
print_tunnel(GString *out, const ApTunnelPolicy *tunnel)
{
    g_autofree char *title = g_strdup_printf(GROUP_TUNNEL " %s", tunnel->name);

    print_group(out, title, GROUP_TUNNEL, tunnel);
    for (guint i = 0; i < tunnel->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(tunnel->peers, i);
        g_autofree char *peer_title = NULL;
        char key[AP_KEY_TEXT_LEN];

        ap_key_to_text(&peer->key, key);
        peer_title = g_strdup_printf(GROUP_PEER " %s %s", tunnel->name, key);
        print_group(out, peer_title, GROUP_PEER, peer);
    }
}

/**
 * Writes the whole configuration in force, in the form in which it is read.
 *
 * Returns: (transfer full)
 */
char *
ap_config_print(const ApPolicy *policy)
{
    GString *out = g_string_new(NULL);

    foreach_group(print_global_group, out, policy);
    for (guint i = 0; i < policy->tunnels->len; i++)
        print_tunnel(out, g_ptr_array_index(policy->tunnels, i));
    return g_string_free(out, FALSE);
}

/* @off: "#" where the group itself would say something */
static void
sample_group(GString *out, const char *off, const char *title, const char *group)
{
    g_string_append_printf(out, "\n%s[%s]\n", off, title);
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) != 0)
            continue;

        g_auto(GStrv) lines = g_strsplit(config_keys[i].doc, "\n", -1);
        for (guint line = 0; lines[line] != NULL; line++)
            g_string_append_printf(out, "# %s\n", lines[line]);
        g_string_append_printf(out, "#%s=%s\n", config_keys[i].key, config_keys[i].initial);
    }
}

static void
sample_global_group(GString *out, const char *group, gconstpointer unused)
{
    (void) unused;
    sample_group(out, "", group, group);
}

/**
 * Writes the sample file: every key with its explanation and default, all commented out.
 *
 * Returns: (transfer full)
 */
char *
ap_config_sample(void)
{
    GString *out =
        g_string_new("# wg-autopeer.conf: see wg-autopeer.conf(5). Every line shows the default.\n"
                     "# What is set here, or in conf.d/*.conf beside this file, wins.\n");

    foreach_group(sample_global_group, out, NULL);
    g_string_append(out, "\n# One group for each tunnel that needs something of its own.");
    sample_group(out, "", GROUP_TUNNEL " wg0", GROUP_TUNNEL);
    g_string_append(out,
                    "\n# One group for each peer of a tunnel of which gossip has more to know.");
    sample_group(out, "#", GROUP_PEER " wg0 " SAMPLE_KEY, GROUP_PEER);
    return g_string_free(out, FALSE);
}
