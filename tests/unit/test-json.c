/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/json/json.h"

#include <string.h>

static const struct {
    const char *text;
    gboolean ok;
} text_cases[] = {
    {"{}", TRUE},
    {"[]", TRUE},
    {" \t\r\n[ 1 , -2.5e+3 , true , false , null , \"\\u00e9\\n\" ] \n", TRUE},
    {"{\"a\":{\"a\":1},\"b\":[{\"a\":1}]}", TRUE},
    {"[\"\\ud83d\\ude00\"]", TRUE},
    {"[[[[[[[[]]]]]]]]", TRUE},
    {"[[[[[[[[[]]]]]]]]]", FALSE}, /* depth 9 */
    {"", FALSE},
    {"   ", FALSE},
    {"1", FALSE},
    {"null", FALSE},
    {"\"a\"", FALSE},
    {"{", FALSE},
    {"[1", FALSE},
    {"[1,]", FALSE},
    {"[,1]", FALSE},
    {"[1 2]", FALSE},
    {"{\"a\"}", FALSE},
    {"{\"a\":}", FALSE},
    {"{\"a\":1,}", FALSE},
    {"{a:1}", FALSE},
    {"{'a':1}", FALSE},
    {"['a']", FALSE},
    {"[NaN]", FALSE},
    {"[Infinity]", FALSE},
    {"[-Infinity]", FALSE},
    {"[+1]", FALSE},
    {"[01]", FALSE},
    {"[-]", FALSE},
    {"[1.]", FALSE},
    {"[.5]", FALSE},
    {"[1e]", FALSE},
    {"[0x10]", FALSE},
    {"[TRUE]", FALSE},
    {"[tru]", FALSE},
    {"[1] x", FALSE},
    {"[1][2]", FALSE},
    {"[1]}", FALSE},
    {"[1] // comment", FALSE},
    {"/* comment */ [1]", FALSE},
    {"\xef\xbb\xbf[1]", FALSE}, /* byte order mark */
    {"[\"a\tb\"]", FALSE},
    {"[\"a\nb\"]", FALSE},
    {"[\"\\x41\"]", FALSE},
    {"[\"\\u12g4\"]", FALSE},
    {"[\"\\u0000\"]", FALSE},
    {"[\"\\ud83d\"]", FALSE},
    {"[\"\\ude00\\ud83d\"]", FALSE},
    {"[\"\\ud83dx\"]", FALSE},
    {"[\"\xc0\xaf\"]", FALSE},     /* overlong "/" */
    {"[\"\xed\xa0\x80\"]", FALSE}, /* a surrogate as UTF-8 */
    {"[\"\xff\"]", FALSE},
    {"{\"a\":1,\"a\":2}", FALSE},
    {"{\"a\":1,\"\\u0061\":2}", FALSE},
    {"{\"o\":{\"a\":1,\"a\":1}}", FALSE},
    {"[{\"a\":1,\"b\":{},\"a\":null}]", FALSE},
};

static void
test_text(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(text_cases); i++) {
        const char *text = text_cases[i].text;
        g_autoptr(GError) error = NULL;
        g_autoptr(ApJson) json = ap_json_parse(text, strlen(text), AP_JSON_MAX_VALUES, &error);

        g_autofree char *shown = g_strescape(text, NULL);

        g_test_message("case '%s': %s", shown, error != NULL ? error->message : "taken");
        g_assert_cmpint(json != NULL, ==, text_cases[i].ok);
        if (json == NULL)
            g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }
}

static void
test_nul_byte(void)
{
    static const char inside[] = "[\"a\0b\"]", after[] = "[1]\0";

    g_assert_null(ap_json_parse(inside, sizeof(inside) - 1, AP_JSON_MAX_VALUES, NULL));
    g_assert_null(ap_json_parse(after, sizeof(after) - 1, AP_JSON_MAX_VALUES, NULL));
}

static void
test_deep_nesting(void)
{
    const gsize n = 1000000;
    g_autofree char *text = g_malloc(n);

    memset(text, '[', n);
    g_assert_null(ap_json_parse(text, n, AP_JSON_MAX_VALUES, NULL));
}

static void
test_number_of_values(void)
{
    const char *text = "[1,[2,3],{\"a\":4}]"; /* 4 numbers, 3 containers */
    g_autoptr(ApJson) enough = ap_json_parse(text, strlen(text), 7, NULL);

    g_assert_nonnull(enough);
    g_assert_null(ap_json_parse(text, strlen(text), 6, NULL));
}

static const struct {
    const char *value;
    gint64 min, max;
    gboolean ok;
} int_cases[] = {
    {"0", 0, 65535, TRUE},
    {"65535", 0, 65535, TRUE},
    {"65536", 0, 65535, FALSE},
    {"-1", 0, 65535, FALSE},
    {"-1", -1, 1, TRUE},
    {"\"51820\"", 0, 65535, FALSE},
    {"51820.0", 0, 65535, FALSE},
    {"5182e1", 0, 65535, FALSE},
    {"true", 0, 65535, FALSE},
    {"null", 0, 65535, FALSE},
    {"[]", 0, 65535, FALSE},
    {"4294967296", 0, G_MAXUINT32, FALSE},
    {"9007199254740993", 0, G_MAXINT64 - 1, TRUE},
    {"9223372036854775807", 0, G_MAXINT64 - 1, FALSE},
    {"9223372036854775808", 0, G_MAXINT64 - 1, FALSE},
    {"18446744073709551616", 0, G_MAXINT64 - 1, FALSE},
    {"-9223372036854775809", G_MININT64 + 1, 0, FALSE},
    {"1e400", 0, 65535, FALSE},
};

static void
test_integers(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(int_cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"n\":%s}", int_cases[i].value);
        g_autoptr(ApJson) json = ap_json_parse(text, strlen(text), AP_JSON_MAX_VALUES, NULL);
        gint64 value = 77;

        g_test_message("case %s", text);
        g_assert_cmpint(ap_json_get_int(json, "n", int_cases[i].min, int_cases[i].max, &value),
                        ==,
                        int_cases[i].ok);
        g_assert_true(int_cases[i].ok || value == 77);
    }
}

static void
test_types(void)
{
    const char *text = "{\"s\":\"abc\",\"t\":true,\"a\":[1,null],\"o\":{},\"z\":null,\"i\":1}";
    g_autoptr(ApJson) json = ap_json_parse(text, strlen(text), AP_JSON_MAX_VALUES, NULL);
    gboolean flag = FALSE;

    g_assert_cmpstr(ap_json_get_string(json, "s", 3), ==, "abc");
    g_assert_null(ap_json_get_string(json, "s", 2));
    g_assert_null(ap_json_get_string(json, "i", 9));
    g_assert_null(ap_json_get_string(json, "absent", 9));
    g_assert_true(ap_json_get_bool(json, "t", &flag) && flag);
    g_assert_false(ap_json_get_bool(json, "i", &flag));
    g_assert_cmpuint(ap_json_n_items(ap_json_get_array(json, "a")), ==, 2);
    g_assert_null(ap_json_item(ap_json_get_array(json, "a"), 1));
    g_assert_null(ap_json_get_array(json, "o"));
    g_assert_nonnull(ap_json_get_object(json, "o"));
    g_assert_null(ap_json_get_object(json, "a"));
    g_assert_null(ap_json_member(json, "z"));
    g_assert_null(ap_json_member(NULL, "z"));
    g_assert_cmpuint(ap_json_n_items(json), ==, 0);
}

static void
test_written_strings_are_read_back(void)
{
    const char *awkward = "a\"b\\c\x01\x1f\xc3\xa9";
    g_autoptr(GString) out = g_string_new("[");

    ap_json_append_string(out, awkward);
    g_string_append_c(out, ']');
    g_autoptr(ApJson) json = ap_json_parse(out->str, out->len, AP_JSON_MAX_VALUES, NULL);
    g_assert_cmpstr(ap_json_as_string(ap_json_item(json, 0), 99), ==, awkward);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/text", test_text);
    g_test_add_func("/json/nul-byte", test_nul_byte);
    g_test_add_func("/json/deep-nesting", test_deep_nesting);
    g_test_add_func("/json/number-of-values", test_number_of_values);
    g_test_add_func("/json/integers", test_integers);
    g_test_add_func("/json/types", test_types);
    g_test_add_func("/json/written-strings-are-read-back", test_written_strings_are_read_back);
    return g_test_run();
}
