/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a program costs that only keeps libnm's picture of the network: the measure of memory. */

#include <NetworkManager.h>

int
main(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    g_autoptr(NMClient) client = nm_client_new(NULL, &error);

    if (client == NULL) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    g_main_loop_run(loop);
    return 0;
}
