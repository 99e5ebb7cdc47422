/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/reader.h"

#include "common/error.h"
#include "helper/record/lines.h"
#include "helper/record/recorder.h"
#include "helper/record/shelf.h"

#include <string.h>

/** The line that begins what stands alone, and what begins the line of a turn. */
#define BEGIN_LINE "begin"
#define TURN_WORD "turn"

struct _ApRecordReader {
    char **lines; /* (owned) */
    guint at;     /* the next line */

    /* what is known at this point, by table; NULL for what is no list of its own */
    GPtrArray *world[AP_N_TABLES]; /* (owned) */
    GPtrArray *plan[AP_N_TABLES];  /* (owned) */
    ApPolicy *policy;              /* (owned) (nullable) */
    ApPlan answer;                 /* what the plan is besides its lists, which are not set */
    ApTurnHead head;

    ApRecordTurn turn; /* the latest */
};

/* One line, taken apart. */
typedef struct {
    char **words; /* (owned) */
    gboolean is_plan;
    char sign;        /* of "+-~="; 0: none */
    const char *name; /* of the table */
} Line;

static void
line_clear(Line *self)
{
    g_clear_pointer(&self->words, g_strfreev);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

static gboolean
set_damaged(const ApRecordReader *self, GError **error)
{
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "line %u of the record is damaged: '%.60s'",
                self->at,
                self->at > 0 ? self->lines[self->at - 1] : "");
    return FALSE;
}

static void
clear_turn(ApRecordTurn *turn)
{
    if (turn->world.links != NULL)
        ap_world_clear_sorted(&turn->world);
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++)
        g_clear_pointer((GArray **) (void *) ((guint8 *) &turn->plan + ap_plan_lists[i].offset),
                        g_array_unref);
    if (turn->lines != NULL)
        (void) g_string_free(turn->lines, TRUE);
    *turn = (ApRecordTurn){0};
}

static void
forget_all(ApRecordReader *self)
{
    for (guint i = 0; i < AP_N_WORLD_LISTS; i++)
        g_ptr_array_set_size(self->world[ap_world_lists[i].table], 0);
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++)
        g_ptr_array_set_size(self->plan[ap_plan_lists[i].table], 0);
    g_clear_pointer(&self->policy, ap_policy_free);
    self->answer = (ApPlan){.changes = NULL};
    self->head = (ApTurnHead){.network = 0};
}

/**
 * Begins to read a record.
 *
 * @text: from its first line on; what it says is not trusted
 * @error: AP_ERROR_INVALID when it is no record; AP_ERROR_UNSUPPORTED when it is one of another
 *     format
 *
 * Returns: (transfer full) (nullable)
 */
ApRecordReader *
ap_record_reader_new(const char *text, GError **error)
{
    g_autoptr(ApRecordReader) self = NULL;

    if (!g_str_has_prefix(text, "record ")) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "it holds no record");
        return NULL;
    }
    if (!g_str_has_prefix(text, AP_RECORD_FORMAT " ")) {
        g_set_error_literal(error,
                            AP_ERROR,
                            AP_ERROR_UNSUPPORTED,
                            "its record has another format than this version reads");
        return NULL;
    }

    self = g_new0(ApRecordReader, 1);
    self->lines = g_strsplit(text, "\n", -1);
    self->at = 1;
    for (guint i = 0; i < AP_N_WORLD_LISTS; i++)
        self->world[ap_world_lists[i].table] = ap_shelf_new(ap_world_lists[i].table);
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++)
        self->plan[ap_plan_lists[i].table] = ap_shelf_new(ap_plan_lists[i].table);
    return g_steal_pointer(&self);
}

void
ap_record_reader_free(ApRecordReader *self)
{
    if (self == NULL)
        return;

    clear_turn(&self->turn);
    for (guint i = 0; i < AP_N_TABLES; i++) {
        g_clear_pointer(&self->world[i], g_ptr_array_unref);
        g_clear_pointer(&self->plan[i], g_ptr_array_unref);
    }
    g_clear_pointer(&self->policy, ap_policy_free);
    g_clear_pointer(&self->lines, g_strfreev);
    g_free(self);
}

static gboolean
split_line(const char *text, Line *line)
{
    *line = (Line){.is_plan = g_str_has_prefix(text, AP_LINES_PLAN)};
    line->words = g_strsplit(line->is_plan ? text + strlen(AP_LINES_PLAN) : text, " ", -1);
    line->name = line->words[0];
    if (line->name == NULL || line->name[0] == '\0')
        return FALSE;
    if (strchr("+-~=", line->name[0]) != NULL)
        line->sign = *line->name++;
    return TRUE;
}

static gboolean
find_table(const char *name, ApTableId *out)
{
    for (guint i = 0; i < AP_N_TABLES; i++) {
        if (strcmp(ap_table_get(i)->name, name) == 0) {
            *out = i;
            return TRUE;
        }
    }
    return FALSE;
}

/* The list that a line is about; @words is moved behind the names of the item that has it. */
static GPtrArray *
find_shelf(const ApRecordReader *self, const Line *line, ApTableId table, char ***words)
{
    GPtrArray *devices = self->world[AP_TABLE_DEVICE];
    guint at;

    if (table == AP_TABLE_PEER) {
        if (!ap_shelf_find(devices, ap_table_get(AP_TABLE_DEVICE), *words, 0, &at))
            return NULL;
        (*words)++;
        return ((ApDevice *) g_ptr_array_index(devices, at))->peers;
    }
    if (table == AP_TABLE_POLICY_TUNNEL)
        return self->policy != NULL ? self->policy->tunnels : NULL;
    if (table == AP_TABLE_POLICY_PEER) {
        if (self->policy == NULL
            || !ap_shelf_find(self->policy->tunnels,
                              ap_table_get(AP_TABLE_POLICY_TUNNEL),
                              *words,
                              0,
                              &at))
            return NULL;
        (*words)++;
        return ((ApTunnelPolicy *) g_ptr_array_index(self->policy->tunnels, at))->peers;
    }
    return line->is_plan ? self->plan[table] : self->world[table];
}

static gboolean
read_single(ApTableId id, gpointer item, char *const *tokens)
{
    for (; *tokens != NULL; tokens++) {
        if (!ap_table_read(ap_table_get(id), item, *tokens))
            return FALSE;
    }
    return TRUE;
}

/* Lines without a sign: there is one such thing. */
static gboolean
read_thing(ApRecordReader *self, ApTableId table, char *const *tokens)
{
    ApPlan answer = {.changes = NULL};

    if (table == AP_TABLE_POLICY) {
        g_clear_pointer(&self->policy, ap_policy_free);
        self->policy = ap_shelf_new_item(AP_TABLE_POLICY);
        return read_single(table, self->policy, tokens);
    }
    if (table != AP_TABLE_PLAN || !read_single(table, &answer, tokens))
        return FALSE;
    self->answer = answer;
    self->turn.is_complete = TRUE;
    return TRUE;
}

static gboolean
read_line(ApRecordReader *self, const char *text)
{
    g_auto(Line) line = {.words = NULL};
    ApTableId table;
    GPtrArray *shelf;
    char **words;

    if (!split_line(text, &line) || !find_table(line.name, &table))
        return FALSE;

    words = line.words + 1;
    if (line.sign == '\0')
        return read_thing(self, table, words);
    shelf = find_shelf(self, &line, table, &words);
    if (shelf == NULL)
        return FALSE;

    switch (line.sign) {
    case '+':
        return ap_shelf_add(shelf, table, words);
    case '~':
        return ap_shelf_change(shelf, table, words);
    case '-':
        return ap_shelf_remove(shelf, table, words);
    }
    g_ptr_array_set_size(shelf, 0);
    return TRUE;
}

/* The paths that the plan left are those of the next world, until it says something else. */
static void
hand_paths_on(ApRecordReader *self)
{
    GPtrArray *from = self->plan[AP_TABLE_PATH];
    GPtrArray *to = self->world[AP_TABLE_PATH];

    g_ptr_array_set_size(to, 0);
    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, g_memdup2(from->pdata[i], sizeof(ApPath)));
}

static gboolean
is_turn(const char *line)
{
    return strcmp(line, BEGIN_LINE) == 0 || g_str_has_prefix(line, TURN_WORD " ");
}

static gboolean
read_lines(ApRecordReader *self, GError **error)
{
    for (; self->lines[self->at] != NULL && !is_turn(self->lines[self->at]); self->at++) {
        const char *line = self->lines[self->at];

        if (line[0] == '\0')
            continue;
        if (!read_line(self, line)) {
            self->at++;
            return set_damaged(self, error);
        }
        g_string_append(self->turn.lines, line);
        g_string_append_c(self->turn.lines, '\n');
    }
    return TRUE;
}

static gboolean
read_head(ApRecordReader *self, GError **error)
{
    g_auto(GStrv) words = NULL;

    if (strcmp(self->lines[self->at], BEGIN_LINE) == 0) {
        self->turn.begins = TRUE;
        forget_all(self);
        self->at++;
    } else {
        hand_paths_on(self);
    }
    if (self->lines[self->at] == NULL)
        return set_damaged(self, error);

    words = g_strsplit(self->lines[self->at++], " ", -1);
    if (words[0] == NULL || strcmp(words[0], TURN_WORD) != 0
        || !read_single(AP_TABLE_TURN, &self->head, words + 1) || self->head.boot_usec < 0)
        return set_damaged(self, error);
    self->turn.now =
        (ApInstant){.boot_usec = self->head.boot_usec, .real_usec = self->head.real_usec};
    self->turn.network = self->head.network;
    return TRUE;
}

/* Makes world and plan of what is known. Lists within an item keep the order in which they were
 * recorded: a mask changes addresses, and with them what their order would be. */
static void
fill_turn(ApRecordReader *self)
{
    ApRecordTurn *turn = &self->turn;
    guint8 *world = (guint8 *) &turn->world;
    guint8 *plan = (guint8 *) &turn->plan;

    turn->plan = self->answer;
    ap_shelf_sort(self->world[AP_TABLE_LINK], AP_TABLE_LINK);
    for (guint i = 0; i < self->world[AP_TABLE_DEVICE]->len; i++) {
        ApDevice *device = g_ptr_array_index(self->world[AP_TABLE_DEVICE], i);

        ap_shelf_sort(device->peers, AP_TABLE_PEER);
    }
    for (guint i = 0; i < AP_N_WORLD_LISTS; i++) {
        const ApListPlace *place = &ap_world_lists[i];
        GPtrArray *shelf = self->world[place->table];
        gpointer list = place->of_pointers ? (gpointer) g_ptr_array_ref(shelf)
                                           : (gpointer) ap_shelf_copy(shelf, place->table);

        *(gpointer *) (void *) (world + place->offset) = list;
    }
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++) {
        const ApListPlace *place = &ap_plan_lists[i];

        ap_shelf_sort(self->plan[place->table], place->table);
        *(GArray **) (void *) (plan + place->offset) =
            ap_shelf_copy(self->plan[place->table], place->table);
    }
    turn->policy = self->policy;
}

/**
 * Reads the next turn.
 *
 * @error: AP_ERROR_INVALID when the record is damaged there
 *
 * Returns: (transfer none) (nullable): until the next call; NULL without an error: that was all
 */
const ApRecordTurn *
ap_record_reader_next(ApRecordReader *self, GError **error)
{
    clear_turn(&self->turn);
    while (self->lines[self->at] != NULL && self->lines[self->at][0] == '\0')
        self->at++;
    if (self->lines[self->at] == NULL)
        return NULL;

    self->turn.lines = g_string_new(NULL);
    if (!is_turn(self->lines[self->at])) {
        self->at++;
        (void) set_damaged(self, error);
        return NULL;
    }
    if (!read_head(self, error) || !read_lines(self, error))
        return NULL;
    if (self->policy == NULL || !self->turn.is_complete) {
        (void) set_damaged(self, error);
        return NULL;
    }
    fill_turn(self);
    return &self->turn;
}
