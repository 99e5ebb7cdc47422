/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/shelf.h"

#include "helper/core/plan.h"
#include "helper/record/lines.h"

#include <string.h>

static void
policy_tunnel_free(gpointer item)
{
    ap_table_clear_item(ap_table_get(AP_TABLE_POLICY_TUNNEL), item);
    g_free(item);
}

static GDestroyNotify
get_free_func(ApTableId id)
{
    if (id == AP_TABLE_LINK)
        return (GDestroyNotify) ap_link_free;
    if (id == AP_TABLE_DEVICE)
        return (GDestroyNotify) ap_device_free;
    if (id == AP_TABLE_PEER)
        return (GDestroyNotify) ap_device_peer_free;
    if (id == AP_TABLE_POLICY)
        return (GDestroyNotify) ap_policy_free;
    if (id == AP_TABLE_POLICY_TUNNEL)
        return policy_tunnel_free;
    return id == AP_TABLE_POLICY_PEER ? (GDestroyNotify) ap_peer_policy_free : g_free;
}

/** Makes an empty shelf. Returns: (transfer full) */
GPtrArray *
ap_shelf_new(ApTableId id)
{
    return g_ptr_array_new_with_free_func(get_free_func(id));
}

/** Makes an item that says nothing. Returns: (transfer full): its own kind's free function takes it */
gpointer
ap_shelf_new_item(ApTableId id)
{
    gpointer item = ap_table_new_item(ap_table_get(id));

    if (id == AP_TABLE_DEVICE)
        g_ptr_array_set_free_func(((ApDevice *) item)->peers, get_free_func(AP_TABLE_PEER));
    else if (id == AP_TABLE_POLICY)
        g_ptr_array_set_free_func(((ApPolicy *) item)->tunnels,
                                  get_free_func(AP_TABLE_POLICY_TUNNEL));
    else if (id == AP_TABLE_POLICY_TUNNEL)
        g_ptr_array_set_free_func(((ApTunnelPolicy *) item)->peers,
                                  get_free_func(AP_TABLE_POLICY_PEER));
    return item;
}

static gboolean
read_names(const ApTable *table, gpointer item, char *const *names)
{
    for (guint i = 0; i < table->n_ids; i++) {
        if (names[i] == NULL || !ap_field_read(&table->fields[i], item, names[i]))
            return FALSE;
    }
    return TRUE;
}

/* From the first word after the names on. */
static gboolean
read_tokens(const ApTable *table, gpointer item, char *const *tokens)
{
    for (; *tokens != NULL; tokens++) {
        if (!ap_table_read(table, item, *tokens))
            return FALSE;
    }
    return TRUE;
}

/**
 * Finds an item by its names.
 *
 * @names: as many as the table has, at least
 * @twin: which one of those with these names
 * @at: (out): where it is
 */
gboolean
ap_shelf_find(const GPtrArray *self,
              const ApTable *table,
              char *const *names,
              guint twin,
              guint *at)
{
    gpointer wanted = ap_table_new_item(table);
    const gboolean is_name = read_names(table, wanted, names);
    gboolean found = FALSE;

    for (guint i = 0; i < self->len && is_name && !found; i++) {
        if (ap_table_compare(table, self->pdata[i], wanted) != 0 || twin-- > 0)
            continue;
        *at = i;
        found = TRUE;
    }
    ap_table_clear_item(table, wanted);
    g_free(wanted);
    return found;
}

/**
 * Puts an item in.
 *
 * @words: what follows the list's name: the item's names and tokens
 *
 * Returns: FALSE when @words are no such item, or the shelf is full
 */
gboolean
ap_shelf_add(GPtrArray *self, ApTableId id, char *const *words)
{
    const ApTable *table = ap_table_get(id);
    gpointer item;

    if (self->len >= AP_SHELF_MAX_ITEMS)
        return FALSE;

    item = ap_shelf_new_item(id);
    g_ptr_array_add(self, item);
    return read_names(table, item, words) && read_tokens(table, item, words + table->n_ids);
}

static guint
read_twin(const char *word)
{
    guint64 twin = 0;

    if (word != NULL && g_str_has_prefix(word, AP_LINES_TWIN))
        (void) g_ascii_string_to_unsigned(word + strlen(AP_LINES_TWIN),
                                          10,
                                          0,
                                          AP_SHELF_MAX_ITEMS,
                                          &twin,
                                          NULL);
    return (guint) twin;
}

static guint
count_words(char *const *words, guint max)
{
    guint n = 0;

    while (n < max && words[n] != NULL)
        n++;
    return n;
}

/** Changes an item. Returns: FALSE when there is none of these names, or @words say no such thing */
gboolean
ap_shelf_change(GPtrArray *self, ApTableId id, char *const *words)
{
    const ApTable *table = ap_table_get(id);
    guint twin, at;

    if (count_words(words, table->n_ids) < table->n_ids)
        return FALSE;

    words += table->n_ids;
    twin = read_twin(words[0]);
    if (!ap_shelf_find(self, table, words - table->n_ids, twin, &at))
        return FALSE;
    return read_tokens(table, self->pdata[at], words + (twin > 0 ? 1 : 0));
}

/** Takes an item out, the last one of its names. Returns: FALSE when there is none */
gboolean
ap_shelf_remove(GPtrArray *self, ApTableId id, char *const *words)
{
    const ApTable *table = ap_table_get(id);
    gboolean found = FALSE;
    guint at = 0;

    for (guint twin = 0; ap_shelf_find(self, table, words, twin, &at); twin++)
        found = TRUE;
    if (found)
        (void) g_ptr_array_remove_index(self, at);
    return found;
}

static int
compare_items(gconstpointer a, gconstpointer b, gpointer table)
{
    return ap_table_compare(table, *(gconstpointer const *) a, *(gconstpointer const *) b);
}

/** Sorts the items by name; those of one name, or of none, keep their order. */
void
ap_shelf_sort(GPtrArray *self, ApTableId id)
{
    g_ptr_array_sort_with_data(self, compare_items, (gpointer) ap_table_get(id));
}

/** Copies items without lists of their own. Returns: (transfer full) */
GArray *
ap_shelf_copy(const GPtrArray *self, ApTableId id)
{
    GArray *copy = g_array_new(FALSE, TRUE, ap_table_get(id)->size);

    for (guint i = 0; i < self->len; i++)
        g_array_append_vals(copy, self->pdata[i], 1);
    return copy;
}
