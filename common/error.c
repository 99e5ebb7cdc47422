/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"

GQuark
ap_error_quark(void)
{
    return g_quark_from_static_string("ap-error-quark");
}
