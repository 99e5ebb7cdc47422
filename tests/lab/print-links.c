/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Prints the list of links as one line of JSON at the start and after each change, with
 * CLOCK_MONOTONIC in milliseconds; ends with standard input. With --ends it prints the first and
 * the last list only, and how many there were: printing costs more than watching.
 */

#include "helper/core/policy.h"
#include "helper/core/uplink.h"
#include "helper/io/netwatch.h"

#include <glib-unix.h>

#include <stdio.h>
#include <string.h>

static void
append_addr(GString *line, const ApAddr *addr)
{
    char text[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(addr, text);
    g_string_append_printf(line, "\"%s\"", text);
}

static void
append_route(GString *line, const char *name, const ApDefaultRoute *route)
{
    g_string_append_printf(line, ",\"%s\":{\"gateway\":", name);
    append_addr(line, &route->gateway);
    g_string_append_printf(line, ",\"metric\":%u}", route->metric);
}

/* Names of interfaces may hold anything but a slash and white space; JSON minds two of those. */
static void
append_name(GString *line, const char *name)
{
    g_string_append(line, "\"name\":\"");
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_c(line, '\\');
        g_string_append_c(line, *c);
    }
    g_string_append_c(line, '"');
}

static void
append_addresses(GString *line, const ApLink *link)
{
    g_string_append(line, ",\"addresses\":[");
    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);
        char text[AP_ADDR_TEXT_LEN];

        ap_addr_to_text(&address->addr, text);
        g_string_append_printf(line,
                               "%s{\"addr\":\"%s/%u\",\"flags\":%u}",
                               i == 0 ? "" : ",",
                               text,
                               address->prefix_len,
                               address->flags);
    }
    g_string_append_c(line, ']');
}

static void
append_dns(GString *line, const ApLink *link)
{
    g_string_append(line, ",\"dns\":[");
    for (guint i = 0; i < link->dns->len; i++) {
        if (i != 0)
            g_string_append_c(line, ',');
        append_addr(line, &g_array_index(link->dns, ApAddr, i));
    }
    g_string_append_c(line, ']');
}

static void
append_link(GString *line, const ApLink *link)
{
    g_string_append_c(line, '{');
    append_name(line, link->name);
    g_string_append_printf(line,
                           ",\"ifindex\":%u,\"kind\":\"%s\",\"running\":%s,\"mtu\":%u",
                           link->ifindex,
                           ap_link_kind_name(link->kind),
                           link->running ? "true" : "false",
                           link->mtu);
    append_route(line, "route4", &link->route4);
    append_route(line, "route6", &link->route6);
    append_addresses(line, link);
    append_dns(line, link);
    g_string_append_c(line, '}');
}

static void
print_links(const GPtrArray *links, guint n_changes)
{
    g_autoptr(ApPolicy) policy = ap_policy_new();
    g_autoptr(GString) line = g_string_new(NULL);

    policy->link_kinds = G_MAXUINT;
    g_string_append_printf(line,
                           "{\"changes\":%u,\"msec\":%" G_GINT64_FORMAT
                           ",\"network\":\"%016" G_GINT64_MODIFIER "x\",\"links\":[",
                           n_changes,
                           g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND,
                           ap_uplink_fingerprint(links, policy));
    for (guint i = 0; i < links->len; i++) {
        if (i != 0)
            g_string_append_c(line, ',');
        append_link(line, g_ptr_array_index(links, i));
    }
    g_string_append(line, "]}");
    puts(line->str);
    (void) fflush(stdout);
}

/* What the callbacks need. */
typedef struct {
    ApNetwatch *netwatch; /* (owned) */
    GMainLoop *loop;      /* (owned) */
    gboolean ends;
    guint n_changes;
} Program;

static void
on_changed(gpointer data)
{
    Program *self = data;

    self->n_changes++;
    if (!self->ends)
        print_links(ap_netwatch_get_links(self->netwatch), self->n_changes);
}

static gboolean
on_end(G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    Program *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static void
run(Program *self)
{
    print_links(ap_netwatch_get_links(self->netwatch), 0);
    (void) g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_end, self);
    g_main_loop_run(self->loop);
    if (self->ends)
        print_links(ap_netwatch_get_links(self->netwatch), self->n_changes);
}

int
main(int argc, char **argv)
{
    Program self = {.ends = argc > 1 && strcmp(argv[1], "--ends") == 0};
    g_autoptr(GError) error = NULL;

    self.netwatch = ap_netwatch_new(on_changed, &self, &error);
    if (self.netwatch == NULL) {
        (void) fprintf(stderr, "print-links: %s\n", error->message);
        return 1;
    }

    self.loop = g_main_loop_new(NULL, FALSE);
    run(&self);
    g_main_loop_unref(self.loop);
    ap_netwatch_free(self.netwatch);
    return 0;
}
