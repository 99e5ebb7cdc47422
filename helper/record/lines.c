/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/lines.h"

#include "helper/record/tables.h"

/* A list, whatever its kind. */
typedef struct {
    const guint8 *data;
    guint n;
    guint stride; /* in bytes; 0: @data are pointers */
} List;

/* Where a list is written, and in whose name. */
typedef struct {
    GString *out;
    const ApTable *table;
    const char *lead;           /* what its lines begin with */
    const ApTable *owner_table; /* (nullable) of @owner */
    gconstpointer owner;        /* the item that the list belongs to */
} Place;

static List
list_of_array(const GArray *array, guint size)
{
    return array != NULL
               ? (List){.data = (const guint8 *) array->data, .n = array->len, .stride = size}
               : (List){.data = NULL};
}

static List
list_of_pointers(const GPtrArray *array)
{
    return array != NULL ? (List){.data = (const guint8 *) array->pdata, .n = array->len}
                         : (List){.data = NULL};
}

static gconstpointer
item_at(const List *self, guint at)
{
    if (self->stride == 0)
        return ((gconstpointer const *) (const void *) self->data)[at];
    return self->data + (gsize) at * self->stride;
}

static void
write_head(const Place *place, char sign, gconstpointer item)
{
    g_string_append(place->out, place->lead);
    if (sign != '\0')
        g_string_append_c(place->out, sign);
    g_string_append(place->out, place->table->name);
    if (place->owner_table != NULL)
        ap_table_write_ids(place->owner_table, place->owner, place->out);
    if (item != NULL)
        ap_table_write_ids(place->table, item, place->out);
}

static void
write_whole(const Place *place, char sign, gconstpointer item)
{
    write_head(place, sign, item);
    (void) ap_table_write(place->table, NULL, item, place->out);
    g_string_append_c(place->out, '\n');
}

static void
write_gone(const Place *place, gconstpointer item)
{
    write_head(place, '-', item);
    g_string_append_c(place->out, '\n');
}

static void
write_changed(const Place *place, gconstpointer old, gconstpointer item, guint twin)
{
    const gsize before = place->out->len;

    write_head(place, '~', item);
    if (twin > 0)
        g_string_append_printf(place->out, " " AP_LINES_TWIN "%u", twin);
    if (ap_table_write(place->table, old, item, place->out) > 0)
        g_string_append_c(place->out, '\n');
    else
        (void) g_string_truncate(place->out, before);
}

/* How many items before number @at have the same name. */
static guint
count_twins(const Place *place, const List *list, guint at)
{
    guint n = 0;

    while (n < at
           && ap_table_compare(place->table, item_at(list, at - n - 1), item_at(list, at)) == 0)
        n++;
    return n;
}

/* Both lists are sorted by name. Of twins, those at the end come and go. */
static void
write_named(const Place *place, List old, List list)
{
    guint at_old = 0, at = 0;

    while (at_old < old.n || at < list.n) {
        gconstpointer was = at_old < old.n ? item_at(&old, at_old) : NULL;
        gconstpointer is = at < list.n ? item_at(&list, at) : NULL;
        const int order = was == NULL  ? 1
                          : is == NULL ? -1
                                       : ap_table_compare(place->table, was, is);

        if (order < 0) {
            write_gone(place, was);
        } else if (order > 0) {
            write_whole(place, '+', is);
        } else {
            write_changed(place, was, is, count_twins(place, &list, at));
        }
        at_old += order <= 0;
        at += order >= 0;
    }
}

static gboolean
lists_equal(const ApTable *table, const List *a, const List *b)
{
    if (a->n != b->n)
        return FALSE;
    for (guint i = 0; i < a->n; i++) {
        if (!ap_table_equal(table, item_at(a, i), item_at(b, i)))
            return FALSE;
    }
    return TRUE;
}

static void
write_nameless(const Place *place, List old, List list)
{
    if (lists_equal(place->table, &old, &list))
        return;

    if (old.n > 0) {
        write_head(place, '=', NULL);
        g_string_append_c(place->out, '\n');
    }
    for (guint i = 0; i < list.n; i++)
        write_whole(place, '+', item_at(&list, i));
}

static void
write_list(const Place *place, List old, List list)
{
    if (place->table->n_ids > 0)
        write_named(place, old, list);
    else
        write_nameless(place, old, list);
}

/* @base: (nullable): NULL has no list */
static List
list_at(const ApListPlace *place, gconstpointer base)
{
    gconstpointer array;

    if (base == NULL)
        return (List){.data = NULL};
    array = *(gconstpointer const *) (const void *) ((const guint8 *) base + place->offset);
    return place->of_pointers ? list_of_pointers(array)
                              : list_of_array(array, ap_table_get(place->table)->size);
}

static void
write_peers(const ApWorld *old, const ApWorld *world, GString *out)
{
    for (guint i = 0; i < world->devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(world->devices, i);
        const ApDevice *was = old != NULL ? ap_world_find_device(old, device->id.ifindex) : NULL;
        const Place place = {
            .out = out,
            .table = ap_table_get(AP_TABLE_PEER),
            .lead = "",
            .owner_table = ap_table_get(AP_TABLE_DEVICE),
            .owner = device,
        };

        write_list(&place,
                   list_of_pointers(was != NULL ? was->peers : NULL),
                   list_of_pointers(device->peers));
    }
}

/**
 * Appends how a world differs from the one before.
 *
 * @old: (nullable): sorted; NULL is an empty world
 * @world: sorted
 */
void
ap_lines_write_world(const ApWorld *old, const ApWorld *world, GString *out)
{
    for (guint i = 0; i < AP_N_WORLD_LISTS; i++) {
        const ApListPlace *list = &ap_world_lists[i];
        const Place place = {.out = out, .table = ap_table_get(list->table), .lead = ""};

        write_list(&place, list_at(list, old), list_at(list, world));
        if (list->table == AP_TABLE_DEVICE)
            write_peers(old, world, out);
    }
}

/**
 * Appends how a plan differs from the one before, and when it wakes.
 *
 * @old: (nullable): NULL is an empty plan
 */
void
ap_lines_write_plan(const ApPlan *old, const ApPlan *plan, GString *out)
{
    Place place = {.out = out, .table = ap_table_get(AP_TABLE_PLAN), .lead = AP_LINES_PLAN};

    write_whole(&place, '\0', plan);
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++) {
        place.table = ap_table_get(ap_plan_lists[i].table);
        write_list(&place, list_at(&ap_plan_lists[i], old), list_at(&ap_plan_lists[i], plan));
    }
}

/**
 * Appends all of a policy that the planner may look at. A reader forgets the one before at the
 * first of these lines.
 */
void
ap_lines_write_policy(const ApPolicy *policy, GString *out)
{
    Place place = {.out = out, .table = ap_table_get(AP_TABLE_POLICY), .lead = ""};

    write_whole(&place, '\0', policy);
    for (guint i = 0; i < policy->tunnels->len; i++) {
        const ApTunnelPolicy *tunnel = g_ptr_array_index(policy->tunnels, i);
        const Place peers = {
            .out = out,
            .table = ap_table_get(AP_TABLE_POLICY_PEER),
            .lead = "",
            .owner_table = ap_table_get(AP_TABLE_POLICY_TUNNEL),
            .owner = tunnel,
        };

        place.table = ap_table_get(AP_TABLE_POLICY_TUNNEL);
        write_whole(&place, '+', tunnel);
        for (guint j = 0; j < tunnel->peers->len; j++)
            write_whole(&peers, '+', g_ptr_array_index(tunnel->peers, j));
    }
}
