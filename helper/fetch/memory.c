/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/fetch/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)

/* The shadow memory of the sanitizer takes seconds to list, and it is not what is measured. */
static void
forget_files(void)
{
}

#else

/** A mapping as /proc/self/smaps lists it. */
typedef struct {
    gsize start;
    gsize end;
    char access[5]; /* "r-xp" */
    gboolean is_file;
} Mapping;

/* "55…-55… r-xp 00001000 fe:00 1234   /usr/lib/…"; the details of a mapping follow it. */
static gboolean
read_mapping(const char *line, Mapping *out)
{
    Mapping mapping = {0};
    unsigned long inode = 0;

    if (sscanf(line,
               "%zx-%zx %4s %*s %*s %lu",
               &mapping.start,
               &mapping.end,
               mapping.access,
               &inode)
        != 4)
        return FALSE;

    mapping.is_file = inode != 0;
    *out = mapping;
    return TRUE;
}

static void
forget(const Mapping *mapping)
{
    if (mapping->is_file && mapping->access[1] == '-' && mapping->access[3] == 'p')
        (void) madvise(GSIZE_TO_POINTER(mapping->start),
                       mapping->end - mapping->start,
                       MADV_DONTNEED);
}

static void
forget_files(void)
{
    g_autofree char *smaps = NULL;
    g_auto(GStrv) lines = NULL;
    Mapping mapping = {0};

    if (!g_file_get_contents("/proc/self/smaps", &smaps, NULL, NULL))
        return;

    lines = g_strsplit(smaps, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        unsigned long anonymous_kib;

        if (read_mapping(*line, &mapping))
            continue;
        if (sscanf(*line, "Anonymous: %lu kB", &anonymous_kib) == 1 && anonymous_kib == 0)
            forget(&mapping);
    }
}

#endif

/**
 * Unmaps the pages of programs and libraries that nobody has written to; those that are used
 * again come back from the page cache by themselves.
 *
 * Starting touches all of libcurl's forty libraries, running hardly any: this takes 7 MiB of the
 * process down to 3. A mapping with a page of its own ("Anonymous") was changed by the dynamic
 * linker and is left alone. Needs /proc; without it nothing is given back.
 */
void
ap_memory_forget_files(void)
{
    forget_files();
}

/**
 * Gives free memory of the heap back: an answer is read into many small pieces.
 */
void
ap_memory_trim_heap(void)
{
    (void) malloc_trim(0);
}
