/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/recorder.h"

#include "helper/core/uplink.h"
#include "helper/record/lines.h"
#include "helper/record/packed-text.h"
#include "helper/record/tables.h"

#include <string.h>

/**
 * Most text that is kept, in bytes before it is packed: 256 KiB. A turn with two direct peers that
 * are both in use takes 0.9 KiB, and there is one each second: this holds four minutes of it, and
 * more of quieter times.
 */
#define MAX_TEXT (256 * 1024)

/** How much a chapter holds besides its beginning, in bytes: the oldest is dropped as a whole. */
#define MAX_CHAPTER (48 * 1024)

/**
 * How far back a record goes, in microseconds: 10 min. Who notices that something was wrong asks
 * within that time, or can make it happen again.
 */
#define MAX_AGE_USEC (600 * AP_USEC_PER_SEC)

/** How long a chapter goes on, in microseconds: a quarter of what is kept. */
#define MAX_SPAN_USEC (MAX_AGE_USEC / 4)

/**
 * Most items of a world that is recorded: 512. That is a machine with about a hundred peers of
 * ours; beyond lie hubs, whose turns must not get slower by it (decisions.md 31).
 */
#define MAX_ITEMS 512

/* It begins with all that is known, so that it can be read alone. */
typedef struct {
    GString *text;  /* (owned) (nullable): of a chapter that may go on */
    GBytes *packed; /* (owned) (nullable): of one that will not */
    gsize n_text;   /* bytes of text, packed or not */
    gsize n_begin;  /* bytes of its first turn */
    gint64 since_boot_usec;
    gint64 until_boot_usec; /* its latest turn */
} Chapter;

struct _ApRecorder {
    GPtrArray *chapters; /* (owned) (element-type Chapter) oldest first */
    gsize n_text;        /* bytes of all of them */
    gboolean is_open;    /* the next turn may continue the last chapter */

    /* the latest turn, to which the next one is compared */
    ApWorld world;              /* (owned) sorted */
    GPtrArray *links, *devices; /* (owned) the lists that the items of @world belong to */
    ApPlan plan;                /* (owned) references to its lists */
    guint64 network;            /* fingerprint of the uplinks */
    GString *policy;            /* (owned) as text: the engine edits its policy in place */
    GString *scratch;           /* (owned) */

    guint64 n_turns;
    guint64 n_too_large; /* turns that were not recorded */
};

static void
chapter_free(Chapter *self)
{
    if (self->text != NULL)
        (void) g_string_free(self->text, TRUE);
    g_clear_pointer(&self->packed, g_bytes_unref);
    g_free(self);
}

/* A chapter that is over takes a sixth of the room, or less. */
static void
pack(Chapter *self)
{
    if (self->text == NULL)
        return;

    self->packed = ap_packed_text_new(self->text->str, self->text->len);
    (void) g_string_free(self->text, TRUE);
    self->text = NULL;
}

/**
 * Makes a recorder that has recorded nothing.
 *
 * Returns: (transfer full)
 */
ApRecorder *
ap_recorder_new(void)
{
    ApRecorder *self = g_new0(ApRecorder, 1);

    self->chapters = g_ptr_array_new_with_free_func((GDestroyNotify) chapter_free);
    self->policy = g_string_new(NULL);
    self->scratch = g_string_new(NULL);
    return self;
}

static GArray **
plan_list(ApPlan *plan, guint at)
{
    return (GArray **) (void *) ((guint8 *) plan + ap_plan_lists[at].offset);
}

/* Forgets the latest turn. */
static void
forget_turn(ApRecorder *self)
{
    if (!self->is_open)
        return;

    ap_world_clear_sorted(&self->world);
    g_clear_pointer(&self->links, g_ptr_array_unref);
    g_clear_pointer(&self->devices, g_ptr_array_unref);
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++)
        g_clear_pointer(plan_list(&self->plan, i), g_array_unref);
    self->is_open = FALSE;
}

/* Makes the next turn begin a chapter. */
static void
close_chapter(ApRecorder *self)
{
    forget_turn(self);
    if (self->chapters->len > 0)
        pack(g_ptr_array_index(self->chapters, self->chapters->len - 1));
}

void
ap_recorder_free(ApRecorder *self)
{
    if (self == NULL)
        return;

    forget_turn(self);
    g_clear_pointer(&self->chapters, g_ptr_array_unref);
    (void) g_string_free(self->policy, TRUE);
    (void) g_string_free(self->scratch, TRUE);
    g_free(self);
}

/* Takes the lists of @world over, but for the paths: the next world has those of the plan. */
static void
remember(ApRecorder *self, const ApWorld *given, const ApWorld *world, const ApPlan *plan)
{
    forget_turn(self);
    self->links = g_ptr_array_ref((GPtrArray *) given->links);
    self->devices = g_ptr_array_ref((GPtrArray *) given->devices);
    self->world = *world;

    self->plan = *plan;
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++)
        (void) g_array_ref(*plan_list(&self->plan, i));

    /* A person who asks for another try has the engine edit its paths. */
    g_array_unref(self->plan.paths);
    self->plan.paths = g_array_copy(plan->paths);
    g_array_unref((GArray *) self->world.paths);
    self->world.paths = g_array_ref(self->plan.paths);
    self->is_open = TRUE;
}

static guint
length(const GArray *array)
{
    return array != NULL ? array->len : 0;
}

static guint
count_items(const ApWorld *world)
{
    guint n = world->links->len + length(world->owned) + length(world->addresses)
              + length(world->loans) + length(world->candidates) + length(world->proofs)
              + length(world->mute) + length(world->hosts) + length(world->paths);

    for (guint i = 0; i < world->devices->len; i++)
        n += 1 + ((const ApDevice *) g_ptr_array_index(world->devices, i))->peers->len;
    return n;
}

/* The policy is mostly the same, and is compared as a whole. Returns: whether it is another one */
static gboolean
note_policy(ApRecorder *self, const ApPolicy *policy)
{
    (void) g_string_truncate(self->scratch, 0);
    ap_lines_write_policy(policy, self->scratch);
    if (self->is_open && g_string_equal(self->scratch, self->policy))
        return FALSE;

    (void) g_string_truncate(self->policy, 0);
    g_string_append_len(self->policy, self->scratch->str, (gssize) self->scratch->len);
    return TRUE;
}

/* Whoever reads a masked record cannot make the fingerprints out of the addresses. */
static void
write_head(ApRecorder *self,
           const ApWorld *sorted,
           const ApWorld *given,
           const ApPolicy *policy,
           ApInstant now,
           GString *out)
{
    const gboolean is_new = note_policy(self, policy);
    const ApTurnHead before = {.network = self->is_open ? self->network : 0};
    ApTurnHead head = {
        .boot_usec = now.boot_usec,
        .real_usec = now.real_usec,
        .network = self->network,
    };

    if (is_new || self->links != given->links)
        head.network = ap_uplink_fingerprint(sorted->links, policy);
    self->network = head.network;

    g_string_append(out, self->is_open ? "turn" : "begin\nturn");
    (void) ap_table_write(ap_table_get(AP_TABLE_TURN), &before, &head, out);
    g_string_append_c(out, '\n');
    if (is_new)
        g_string_append_len(out, self->policy->str, (gssize) self->policy->len);
}

static gboolean
is_full(const ApRecorder *self, const Chapter *chapter, ApInstant now)
{
    return chapter->n_text - chapter->n_begin > MAX_CHAPTER
           || now.boot_usec - chapter->since_boot_usec > MAX_SPAN_USEC
           || now.boot_usec < chapter->until_boot_usec || self->n_text > MAX_TEXT;
}

/* The chapter that the next turn goes into; one that has no text begins with everything. */
static Chapter *
get_chapter(ApRecorder *self, ApInstant now)
{
    Chapter *last =
        self->chapters->len > 0 ? g_ptr_array_index(self->chapters, self->chapters->len - 1) : NULL;

    if (last != NULL && self->is_open && !is_full(self, last, now))
        return last;

    close_chapter(self);
    last = g_new0(Chapter, 1);
    last->text = g_string_new(NULL);
    last->since_boot_usec = now.boot_usec;
    g_ptr_array_add(self->chapters, last);
    return last;
}

/* Drops what is too old or too much; all of it, if the last chapter alone is too much. */
static void
make_room(ApRecorder *self, ApInstant now)
{
    while (self->chapters->len > 0) {
        const Chapter *first = g_ptr_array_index(self->chapters, 0);
        const gboolean is_old = now.boot_usec - first->until_boot_usec > MAX_AGE_USEC;

        if (!is_old && self->n_text <= MAX_TEXT)
            return;
        self->n_text -= first->n_text;
        (void) g_ptr_array_remove_index(self->chapters, 0);
    }
    close_chapter(self);
}

/**
 * Records one turn. A world of too many items is only counted; what is too old by then goes.
 *
 * @world: borrowed for the call, but its links and devices are kept until the next one: they must
 *     never change, only be replaced
 * @policy: borrowed for the call
 * @plan: the answer to @world, @policy and @now; borrowed, but its lists, the paths apart, are
 *     kept and must not change any more
 */
void
ap_recorder_add(ApRecorder *self,
                const ApWorld *world,
                const ApPolicy *policy,
                ApInstant now,
                const ApPlan *plan)
{
    ApWorld sorted;
    Chapter *chapter;
    gboolean is_first;

    if (count_items(world) > MAX_ITEMS) {
        self->n_too_large++;
        close_chapter(self);
        make_room(self, now);
        return;
    }

    chapter = get_chapter(self, now);
    is_first = !self->is_open;
    ap_world_sort(world, &sorted);
    write_head(self, &sorted, world, policy, now, chapter->text);
    ap_lines_write_world(is_first ? NULL : &self->world, &sorted, chapter->text);
    /* Paths stay what they are until the plan says otherwise. */
    ap_lines_write_plan(is_first ? NULL : &self->plan, plan, chapter->text);

    self->n_text += chapter->text->len - chapter->n_text;
    chapter->n_text = chapter->text->len;
    if (is_first)
        chapter->n_begin = chapter->n_text;
    chapter->until_boot_usec = now.boot_usec;
    self->n_turns++;
    remember(self, world, &sorted, plan);
    make_room(self, now);
}

/**
 * Writes down what was recorded: a line with the format and what is missing, then the turns.
 *
 * Nothing is masked: keys and addresses are whole.
 *
 * Returns: (transfer full)
 */
char *
ap_recorder_write(const ApRecorder *self)
{
    GString *out = g_string_sized_new(self->n_text + 256);

    g_string_append_printf(out,
                           AP_RECORD_FORMAT " turns=%" G_GUINT64_FORMAT
                                            " too-large=%" G_GUINT64_FORMAT "\n",
                           self->n_turns,
                           self->n_too_large);
    for (guint i = 0; i < self->chapters->len; i++) {
        const Chapter *chapter = g_ptr_array_index(self->chapters, i);

        if (chapter->packed != NULL)
            ap_packed_text_append_to(chapter->packed, out);
        else
            g_string_append_len(out, chapter->text->str, (gssize) chapter->text->len);
    }
    return g_string_free(out, FALSE);
}
