/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/contract/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** Bytes of the key, and of its longer form: hexadecimal digits. */
#define RAW_LEN 32
#define HEX_LEN 64

/** Bytes that are looked at together. */
#define WINDOW_SIZE (1 << 20)

/** Larger mappings are the sanitizers' own, mostly holes. */
#define MAX_MAPPING ((gsize) 64 << 20)

guint8
secret_byte(guint i)
{
    return (guint8) (0x40 | ((i * 7 + 8) & 0x3f));
}

static gboolean
is_raw(const guint8 *bytes)
{
    for (guint i = 0; i < RAW_LEN; i++) {
        if (bytes[i] != secret_byte(i))
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_hex(const guint8 *bytes)
{
    for (guint i = 0; i < HEX_LEN; i++) {
        const guint nibble = i % 2 == 0 ? secret_byte(i / 2) >> 4 : secret_byte(i / 2) & 15;

        if (bytes[i] != (guint8) "0123456789abcdef"[nibble])
            return FALSE;
    }
    return TRUE;
}

/* Most of memory is neither "H", the first byte, nor "4", the first digit of it. */
static guint
count_in_window(const guint8 *bytes, gsize n)
{
    guint count = 0;

    for (gsize i = 0; i + HEX_LEN <= n; i++) {
        if (bytes[i] == 'H')
            count += is_raw(bytes + i) ? 1 : 0;
        else if (bytes[i] == '4')
            count += is_hex(bytes + i) ? 1 : 0;
    }
    return count;
}

static guint
count_in_mapping(int memory, gsize from, gsize to, guint8 *window)
{
    guint count = 0;

    for (gsize at = from; at < to; at += WINDOW_SIZE - HEX_LEN) {
        const gssize n = pread(memory, window, MIN(WINDOW_SIZE, to - at), (off_t) at);

        if (n > 0)
            count += count_in_window(window, (gsize) n);
    }
    /* What was copied here must not be found here. */
    memset(window, 0, WINDOW_SIZE);
    return count;
}

/**
 * Looks for the key in all writable memory of this process, raw and as hexadecimal digits.
 *
 * Returns: how often it was found
 */
guint
secret_count_in_memory(void)
{
    g_autofree guint8 *window = g_malloc0(WINDOW_SIZE);
    FILE *maps = fopen("/proc/self/maps", "re");
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[4096];
    guint count = 0;

    g_assert_true(maps != NULL && memory >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        gsize from, to;
        char writable;

        if (sscanf(line, "%zx-%zx r%c", &from, &to, &writable) == 3 && writable == 'w'
            && to - from <= MAX_MAPPING)
            count += count_in_mapping(memory, from, to, window);
    }
    (void) fclose(maps);
    (void) close(memory);
    return count;
}
