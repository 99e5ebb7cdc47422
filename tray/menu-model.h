/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The menu as a value. Its shape never changes: each item has a slot of its own, and what is not
 * needed is hidden. So an open menu is changed in place, item by item. Pure.
 */

#pragma once

#include "tray/facts.h"

G_BEGIN_DECLS

/**
 * Peers and addresses that the menu shows; the window shows all. Source: the design of the tray.
 */
#define AP_MENU_MAX_PEERS 12

typedef enum {
    AP_MENU_HEADLINE,
    AP_MENU_NOTE,
    AP_MENU_START,
    AP_MENU_PEERS_BELOW, /* separator */
    AP_MENU_PEER_FIRST,
    AP_MENU_PEER_LAST = AP_MENU_PEER_FIRST + AP_MENU_MAX_PEERS - 1,
    AP_MENU_SHOW_ALL,
    AP_MENU_PEERS_ABOVE, /* separator */
    AP_MENU_ENABLED,
    AP_MENU_RESYNC,
    AP_MENU_PAUSE, /* submenu */
    AP_MENU_PAUSE_NETWORK,
    AP_MENU_PAUSE_HOUR,
    AP_MENU_PAUSE_UNTIL_RESUMED,
    AP_MENU_RESUME,
    AP_MENU_COPY, /* submenu */
    AP_MENU_COPY_FIRST,
    AP_MENU_COPY_LAST = AP_MENU_COPY_FIRST + AP_MENU_MAX_PEERS - 1,
    AP_MENU_NOTIFICATIONS,
    AP_MENU_END_BELOW, /* separator */
    AP_MENU_ABOUT,
    AP_MENU_QUIT,
    AP_MENU_N_SLOTS,
} ApMenuSlot;

typedef enum {
    AP_MENU_KIND_ITEM,
    AP_MENU_KIND_CHECK,
    AP_MENU_KIND_SUBMENU,
    AP_MENU_KIND_SEPARATOR,
} ApMenuKind;

typedef struct {
    char *label;    /* (owned) empty for a separator */
    char *argument; /* (owned) the address to copy, or the peer to show; empty for others */
    gboolean visible;
    gboolean sensitive;
    gboolean checked;
} ApMenuItem;

/** Immutable. */
typedef struct {
    ApMenuItem items[AP_MENU_N_SLOTS];
} ApMenuModel;

ApMenuKind ap_menu_slot_kind(ApMenuSlot slot) G_GNUC_CONST;
ApMenuSlot ap_menu_slot_parent(ApMenuSlot slot) G_GNUC_CONST;

ApMenuModel *ap_menu_model_new(const ApTrayFacts *facts);
void ap_menu_model_free(ApMenuModel *self);
GArray *ap_menu_model_diff(const ApMenuModel *before, const ApMenuModel *after);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApMenuModel, ap_menu_model_free)

G_END_DECLS
