/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "tray/indicator.h"

#include <libayatana-appindicator/app-indicator.h>

/** Part of the item's name on the bus. Panels remember by it where a person put the icon. */
#define INDICATOR_ID "wg-autopeer"

struct _ApIndicator {
    AppIndicator *indicator; /* (owned) */
    char *description;       /* (owned) (nullable) what is shown */
};

/**
 * Puts an icon into the panel, or into the one that will come.
 *
 * @menu: opened by the icon
 *
 * Returns: (transfer full)
 */
ApIndicator *
ap_indicator_new(GtkMenu *menu)
{
    ApIndicator *self = g_new0(ApIndicator, 1);

    self->indicator = app_indicator_new_with_path(INDICATOR_ID,
                                                  ap_words_icon_name(AP_ICON_OFF),
                                                  APP_INDICATOR_CATEGORY_SYSTEM_SERVICES,
                                                  AP_ICONDIR);
    app_indicator_set_menu(self->indicator, menu);
    app_indicator_set_status(self->indicator, APP_INDICATOR_STATUS_ACTIVE);
    return self;
}

/**
 * Shows another icon.
 *
 * @description: the same in words, for screen readers and tooltips
 */
void
ap_indicator_update(ApIndicator *self, ApIcon icon, const char *description)
{
    app_indicator_set_icon_full(self->indicator, ap_words_icon_name(icon), description);
    /* The library announces also a title that is the same. */
    if (g_strcmp0(self->description, description) == 0)
        return;

    app_indicator_set_title(self->indicator, description);
    g_free(self->description);
    self->description = g_strdup(description);
}

void
ap_indicator_free(ApIndicator *self)
{
    if (self == NULL)
        return;

    g_object_unref(self->indicator);
    g_free(self->description);
    g_free(self);
}
