/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/table.h"

/** Between two columns. */
#define GAP 2

/**
 * Columns of a terminal that a note may fill, with its indentation: what a terminal has at
 * least.
 */
#define NOTE_WIDTH 80
#define NOTE_INDENT 4

/** Ends every colour. Source: ECMA-48, SGR 0. */
#define COLOUR_OFF "\033[0m"

typedef struct {
    char *text;         /* (owned) */
    const char *colour; /* (not owned) (nullable) static */
} Cell;

struct _ApTable {
    guint n_columns;
    GArray *cells;    /* (owned) (element-type Cell) row after row */
    GPtrArray *notes; /* (owned) (element-type utf8) one for each row; NULL: none */
};

static void
clear_cell(gpointer data)
{
    Cell *cell = data;

    g_free(cell->text);
}

/** Returns: (transfer full): a table without rows */
ApTable *
ap_table_new(guint n_columns)
{
    ApTable *self = g_new0(ApTable, 1);

    self->n_columns = n_columns;
    self->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
    g_array_set_clear_func(self->cells, clear_cell);
    self->notes = g_ptr_array_new_with_free_func(g_free);
    return self;
}

/**
 * Adds a row.
 *
 * @cells: as many as the table has columns; UTF-8 that may go to a terminal as it is; copied
 */
void
ap_table_add(ApTable *self, const char *const *cells)
{
    for (guint i = 0; i < self->n_columns; i++) {
        const Cell cell = {.text = g_strdup(cells[i])};

        g_array_append_val(self->cells, cell);
    }
    g_ptr_array_add(self->notes, NULL);
}

/**
 * Says something below the last row, over the whole width.
 *
 * @note: as a cell's text; copied
 */
void
ap_table_note(ApTable *self, const char *note)
{
    g_return_if_fail(self->notes->len > 0);

    g_free(self->notes->pdata[self->notes->len - 1]);
    self->notes->pdata[self->notes->len - 1] = g_strdup(note);
}

/**
 * Colours a cell of the last row.
 *
 * @sequence: (transfer none): static; what switches the colour on
 */
void
ap_table_colour_cell(ApTable *self, guint column, const char *sequence)
{
    g_return_if_fail(self->cells->len >= self->n_columns && column < self->n_columns);

    g_array_index(self->cells, Cell, self->cells->len - self->n_columns + column).colour = sequence;
}

/* In columns of a terminal: some characters take two, and some none. */
static glong
text_width(const char *text)
{
    glong width = 0;

    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        const gunichar c = g_utf8_get_char(p);

        if (!g_unichar_iszerowidth(c))
            width += g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

static glong
column_width(const ApTable *self, guint column)
{
    glong width = 0;

    for (guint i = column; i < self->cells->len; i += self->n_columns)
        width = MAX(width, text_width(g_array_index(self->cells, Cell, i).text));

    return width;
}

static void
write_cell(GString *out, const Cell *cell)
{
    if (cell->colour != NULL)
        g_string_append(out, cell->colour);
    g_string_append(out, cell->text);
    if (cell->colour != NULL)
        g_string_append(out, COLOUR_OFF);
}

static void
write_gap(GString *out, const Cell *cell, glong width)
{
    g_string_append_printf(out, "%*s", (int) (width + GAP - text_width(cell->text)), "");
}

static void
write_note(GString *out, const char *note)
{
    g_auto(GStrv) words = g_strsplit(note, " ", -1);
    glong width = NOTE_WIDTH;

    for (gsize i = 0; words[i] != NULL; i++) {
        const glong more = text_width(words[i]);

        if (width + 1 + more > NOTE_WIDTH) {
            g_string_append_printf(out, "%s%*s", i > 0 ? "\n" : "", NOTE_INDENT, "");
            width = NOTE_INDENT + more;
        } else {
            g_string_append_c(out, ' ');
            width += 1 + more;
        }
        g_string_append(out, words[i]);
    }
    g_string_append_c(out, '\n');
}

static void
end_row(GString *out, const char *note)
{
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
    if (note != NULL)
        write_note(out, note);
}

/** Appends the table to @out: a line for each row, without spaces at its end, and its note. */
void
ap_table_write(const ApTable *self, GString *out)
{
    g_autofree glong *widths = g_new0(glong, self->n_columns);

    for (guint i = 0; i < self->n_columns; i++)
        widths[i] = column_width(self, i);

    for (guint i = 0; i < self->cells->len; i++) {
        const Cell *cell = &g_array_index(self->cells, Cell, i);

        write_cell(out, cell);
        if ((i + 1) % self->n_columns == 0)
            end_row(out, self->notes->pdata[i / self->n_columns]);
        else
            write_gap(out, cell, widths[i % self->n_columns]);
    }
}

void
ap_table_free(ApTable *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->cells, g_array_unref);
    g_clear_pointer(&self->notes, g_ptr_array_unref);
    g_free(self);
}
