/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/packed-text.h"

#include <string.h>

/* More than one chunk of any size that zlib or we may use. */
#define LARGE 300000

static void
assert_comes_back(const char *text, gsize n_bytes)
{
    g_autoptr(GBytes) packed = ap_packed_text_new(text, n_bytes);
    g_autoptr(GString) out = g_string_new("before ");

    ap_packed_text_append_to(packed, out);
    g_assert_cmpmem(out->str, 7, "before ", 7);
    g_assert_cmpmem(out->str + 7, (int) out->len - 7, text, (int) n_bytes);
}

static void
test_comes_back(void)
{
    g_autofree char *large = g_malloc(LARGE);

    assert_comes_back("", 0);
    assert_comes_back("x", 1);
    assert_comes_back("turn boot_usec=81334567\n~peer 7 KEY rx_bytes=296\n", 49);

    memset(large, 'a', LARGE);
    assert_comes_back(large, LARGE);
    for (gsize i = 0; i < LARGE; i++)
        large[i] = (char) g_test_rand_int();
    assert_comes_back(large, LARGE);
}

static void
test_takes_less_room(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GBytes) packed = NULL;

    for (guint i = 0; i < 1000; i++)
        g_string_append_printf(text, "turn boot_usec=%u\n>~path 7 KEY rx_base=%u\n", i * 7919, i);
    packed = ap_packed_text_new(text->str, text->len);
    g_assert_cmpuint(g_bytes_get_size(packed), <, text->len / 4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packed-text/comes-back", test_comes_back);
    g_test_add_func("/packed-text/takes-less-room", test_takes_less_room);
    return g_test_run();
}
