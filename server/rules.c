/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/rules.h"

#include "common/error.h"

#include <string.h>

#define GROUP_SERVER "Server"
#define GROUP_OTHERS "Others"
#define GROUP_PREFIX "Group "

/** The group of all who are in no other: the first bit of ApPass. */
#define OTHERS 0

/** Stands for all groups in With=. */
#define ALL "*"

/** A group as the file has it. */
typedef struct {
    char *name; /* (owned) */
    gboolean may_peer;
    GStrv with;    /* (owned) (nullable) */
    guint64 reach; /* groups that its members may peer with */
} Group;

/** A network whose addresses belong to a group. */
typedef struct {
    ApCidr network;
    guint group;
} Network;

struct _ApRules {
    gboolean is_enabled;
    GArray *groups;   /* (owned) (element-type Group) by bit */
    GHashTable *keys; /* (owned) (owned) ApKey → (owned) guint64: the groups that name it */
    GArray *networks; /* (owned) (element-type Network) */
};

/** What a value looks like. */
typedef enum {
    VALUE_BOOLEAN,
    VALUE_MEMBERS, /* public keys and networks */
    VALUE_NAMES,   /* groups */
} ValueType;

/**
 * One key.
 *
 * @group: "Group" for those of groups with a name
 * @offset: in bytes, of the place for a boolean or for names: in ApRules for [Server], else in
 *     Group
 */
typedef struct {
    const char *group;
    const char *key;
    ValueType type;
    gsize offset;
} RuleKey;

/* clang-format off */
static const RuleKey rule_keys[] = {
    {GROUP_SERVER, "Enabled", VALUE_BOOLEAN, offsetof(ApRules, is_enabled)},
    {"Group", "Members", VALUE_MEMBERS, 0},
    {"Group", "Peer", VALUE_BOOLEAN, offsetof(Group, may_peer)},
    {"Group", "With", VALUE_NAMES, offsetof(Group, with)},
    {GROUP_OTHERS, "Peer", VALUE_BOOLEAN, offsetof(Group, may_peer)},
    {GROUP_OTHERS, "With", VALUE_NAMES, offsetof(Group, with)},
};
/* clang-format on */

static Group *
group_at(const ApRules *self, guint i)
{
    return &g_array_index(self->groups, Group, i);
}

static void
clear_group(gpointer data)
{
    Group *group = data;

    g_clear_pointer(&group->name, g_free);
    g_clear_pointer(&group->with, g_strfreev);
}

static guint
add_group(ApRules *self, const char *name)
{
    const Group group = {.name = g_strdup(name), .may_peer = TRUE};

    g_array_append_val(self->groups, group);
    return self->groups->len - 1;
}

/* Whose name is not used stays at the number of groups. */
static guint
find_group(const ApRules *self, const char *name)
{
    guint i = 0;

    while (i < self->groups->len && strcmp(group_at(self, i)->name, name) != 0)
        i++;
    return i;
}

static ApRules *
rules_new(void)
{
    ApRules *self = g_new0(ApRules, 1);

    self->is_enabled = TRUE;
    self->groups = g_array_new(FALSE, FALSE, sizeof(Group));
    g_array_set_clear_func(self->groups, clear_group);
    self->keys = g_hash_table_new_full(ap_key_hash, ap_key_same, g_free, g_free);
    self->networks = g_array_new(FALSE, FALSE, sizeof(Network));
    (void) add_group(self, GROUP_OTHERS);
    return self;
}

void
ap_rules_free(ApRules *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->groups, g_array_unref);
    g_clear_pointer(&self->keys, g_hash_table_unref);
    g_clear_pointer(&self->networks, g_array_unref);
    g_free(self);
}

static void
add_key(ApRules *self, const ApKey *key, guint group)
{
    guint64 *mask = g_hash_table_lookup(self->keys, key);

    if (mask == NULL) {
        mask = g_new0(guint64, 1);
        (void) g_hash_table_insert(self->keys, g_memdup2(key, sizeof(*key)), mask);
    }
    *mask |= G_GUINT64_CONSTANT(1) << group;
}

static gboolean
add_member(ApRules *self, const char *text, guint group, GError **error)
{
    Network network = {.group = group};
    ApKey key;

    if (ap_key_parse(&key, text, NULL)) {
        add_key(self, &key, group);
        return TRUE;
    }
    if (ap_cidr_parse(&network.network, text, NULL)) {
        g_array_append_val(self->networks, network);
        return TRUE;
    }
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "'%s' is neither a public key nor an address or network of the tunnel",
                text);
    return FALSE;
}

static GStrv
split(const char *value)
{
    GStrv words = g_strsplit(value, ";", -1);
    guint n = 0;

    for (guint i = 0; words[i] != NULL; i++) {
        char *word = g_strstrip(words[i]);

        if (*word != '\0')
            words[n++] = word;
        else
            g_free(word);
    }
    words[n] = NULL;
    return words;
}

static gboolean
read_members(ApRules *self, const char *value, guint group, GError **error)
{
    g_auto(GStrv) words = split(value);

    for (guint i = 0; words[i] != NULL; i++) {
        if (!add_member(self, words[i], group, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_boolean(const char *value, gboolean *out, GError **error)
{
    static const char *const words[] = {"no", "yes", "false", "true", "0", "1", "off", "on"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i], value) == 0) {
            *out = i % 2 == 1;
            return TRUE;
        }
    }
    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "'%s' is not yes or no", value);
    return FALSE;
}

static gboolean
read_value(ApRules *self, const RuleKey *key, guint group, const char *value, GError **error)
{
    gpointer base = strcmp(key->group, GROUP_SERVER) == 0 ? (gpointer) self : group_at(self, group);
    gpointer place = (guint8 *) base + key->offset;

    switch (key->type) {
    case VALUE_BOOLEAN:
        return read_boolean(value, place, error);
    case VALUE_MEMBERS:
        return read_members(self, value, group, error);
    case VALUE_NAMES:
        g_strfreev(*(GStrv *) place);
        *(GStrv *) place = split(value);
        return TRUE;
    }
    g_return_val_if_reached(FALSE);
}

static const RuleKey *
find_key(const char *group, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rule_keys); i++) {
        if (strcmp(rule_keys[i].group, group) == 0 && strcmp(rule_keys[i].key, name) == 0)
            return &rule_keys[i];
    }
    return NULL;
}

static gboolean
is_good_name(const char *name)
{
    const gsize n = strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-");

    return n > 0 && n <= AP_RULES_MAX_NAME && name[n] == '\0' && strcmp(name, GROUP_OTHERS) != 0;
}

/* Returns: which keys may stand there; NULL when the group is not known */
static const char *
kind_of(const char *title)
{
    if (g_str_has_prefix(title, GROUP_PREFIX))
        return is_good_name(title + strlen(GROUP_PREFIX)) ? "Group" : NULL;
    return strcmp(title, GROUP_SERVER) == 0 || strcmp(title, GROUP_OTHERS) == 0 ? title : NULL;
}

static gboolean
read_group(ApRules *self, GKeyFile *file, const char *title, GError **error)
{
    const char *kind = kind_of(title);
    const gboolean is_named = g_strcmp0(kind, "Group") == 0;
    g_auto(GStrv) names = g_key_file_get_keys(file, title, NULL, NULL);

    if (kind == NULL || (is_named && self->groups->len == AP_RULES_MAX_GROUPS)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    kind == NULL ? "[%s] is not known" : "[%s] is one group too many",
                    title);
        return FALSE;
    }

    const guint group = is_named ? add_group(self, title + strlen(GROUP_PREFIX)) : OTHERS;
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        const RuleKey *key = find_key(kind, names[i]);
        g_autofree char *value = g_key_file_get_value(file, title, names[i], NULL);
        g_autoptr(GError) reason = NULL;

        if (key != NULL && read_value(self, key, group, g_strstrip(value), &reason))
            continue;
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "[%s] %s=%s%s",
                    title,
                    names[i],
                    key == NULL ? " is not known" : ": ",
                    key == NULL ? "" : reason->message);
        return FALSE;
    }
    return TRUE;
}

static void
join(ApRules *self, guint a, guint b)
{
    group_at(self, a)->reach |= G_GUINT64_CONSTANT(1) << b;
    group_at(self, b)->reach |= G_GUINT64_CONSTANT(1) << a;
}

static gboolean
join_named(ApRules *self, guint group, const char *name, GError **error)
{
    const guint other = find_group(self, name);

    if (strcmp(name, ALL) == 0) {
        for (guint i = 0; i < self->groups->len; i++)
            join(self, group, i);
        return TRUE;
    }
    if (other == self->groups->len) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "[%s%s] With=: there is no group '%s'",
                    group == OTHERS ? "" : GROUP_PREFIX,
                    group_at(self, group)->name,
                    name);
        return FALSE;
    }
    join(self, group, other);
    return TRUE;
}

/* When all groups are known: who is named by one side is named by both. */
static gboolean
join_groups(ApRules *self, GError **error)
{
    for (guint i = 0; i < self->groups->len; i++) {
        const GStrv with = group_at(self, i)->with;

        join(self, i, i);
        for (guint j = 0; with != NULL && with[j] != NULL; j++) {
            if (!join_named(self, i, with[j], error))
                return FALSE;
        }
    }
    return TRUE;
}

/**
 * Makes the rules of a server without a policy file: everybody may peer with everybody.
 *
 * Returns: (transfer full)
 */
ApRules *
ap_rules_new(void)
{
    ApRules *self = rules_new();

    join(self, OTHERS, OTHERS);
    return self;
}

/**
 * Reads a policy file. What is not understood makes all of it invalid: a rule that is left out
 * would let clients peer that should not.
 *
 * @error: AP_ERROR_INVALID; AP_ERROR_LIMIT when it has more than AP_RULES_MAX_BYTES
 *
 * Returns: (transfer full): NULL on failure
 */
ApRules *
ap_rules_parse(const char *text, gsize n_bytes, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(ApRules) self = rules_new();
    g_autoptr(GError) reason = NULL;

    if (n_bytes > AP_RULES_MAX_BYTES) {
        g_set_error(error, AP_ERROR, AP_ERROR_LIMIT, "%zu bytes are too many", n_bytes);
        return NULL;
    }
    if (!g_key_file_load_from_data(file, text, n_bytes, G_KEY_FILE_NONE, &reason)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, reason->message);
        return NULL;
    }

    g_auto(GStrv) titles = g_key_file_get_groups(file, NULL);
    for (guint i = 0; titles[i] != NULL; i++) {
        if (!read_group(self, file, titles[i], error))
            return NULL;
    }
    return join_groups(self, error) ? g_steal_pointer(&self) : NULL;
}

static guint64
groups_of(const ApRules *self, const ApRosterPeer *peer)
{
    const guint64 *mask = g_hash_table_lookup(self->keys, &peer->key);
    guint64 groups = mask != NULL ? *mask : 0;

    for (guint i = 0; i < self->networks->len; i++) {
        const Network *network = &g_array_index(self->networks, Network, i);

        for (guint j = 0; j < peer->n_addresses; j++) {
            if (ap_cidr_holds(&network->network, &peer->addresses[j]))
                groups |= G_GUINT64_CONSTANT(1) << network->group;
        }
    }
    return groups != 0 ? groups : G_GUINT64_CONSTANT(1) << OTHERS;
}

/**
 * Tells what the rules say of @peer: a member of several groups has the reach of all of them,
 * unless one of them may not peer.
 */
ApPass
ap_rules_judge(const ApRules *self, const ApRosterPeer *peer)
{
    ApPass pass = {.groups = groups_of(self, peer)};

    for (guint i = 0; i < self->groups->len; i++) {
        if ((pass.groups & G_GUINT64_CONSTANT(1) << i) == 0)
            continue;
        if (!self->is_enabled || !group_at(self, i)->may_peer)
            return (ApPass){0};
        pass.reach |= group_at(self, i)->reach;
    }
    return pass;
}

/** Returns: FALSE when nobody is to be told of anybody */
gboolean
ap_rules_is_enabled(const ApRules *self)
{
    return self->is_enabled;
}

/** Counts the groups that have a name in the file. */
guint
ap_rules_n_groups(const ApRules *self)
{
    return self->groups->len - 1;
}
