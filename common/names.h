/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The whole outside contract on one screen: bus, files, ports, members, environment.
 */

#pragma once

/* D-Bus; see resources/org.wgautopeer.Autopeer1.xml */
#define AP_BUS_NAME "org.wgautopeer.Autopeer1"
#define AP_BUS_PATH "/org/wgautopeer/Autopeer1"
#define AP_BUS_INTERFACE "org.wgautopeer.Autopeer1.Manager"
#define AP_BUS_ERROR_NOT_FOUND "org.wgautopeer.Error.NotFound"
#define AP_BUS_ERROR_AMBIGUOUS "org.wgautopeer.Error.Ambiguous"
#define AP_BUS_ERROR_TIMED_OUT "org.wgautopeer.Error.TimedOut"
#define AP_BUS_ERROR_FAILED "org.wgautopeer.Error.Failed"

/* polkit; see polkit/org.wgautopeer.policy */
#define AP_ACTION_ACTIVATE "org.wgautopeer.activate"
#define AP_ACTION_RESYNC "org.wgautopeer.resync"
#define AP_ACTION_INSPECT "org.wgautopeer.inspect"
#define AP_ACTION_TOGGLE "org.wgautopeer.toggle"
#define AP_ACTION_CONFIGURE "org.wgautopeer.configure"

/* systemd; see resources/wg-autopeer.service.in */
#define AP_UNIT_NAME "wg-autopeer.service"

/* The system user of the helper; see resources/wg-autopeer.sysusers */
#define AP_USER "wg-autopeer"

/* Files. The configuration directories are read in this order; later ones win. */
#define AP_CONFIG_NAME "wg-autopeer.conf"
#define AP_CONFIG_VENDOR_DIR "/usr/lib/wg-autopeer"
#define AP_CONFIG_ADMIN_DIR "/etc/wg-autopeer"
#define AP_RUNTIME_DIR "/run/wg-autopeer"
#define AP_STATE_DIR "/var/lib/wg-autopeer"

/* What wg-quick saves; see resources/wg-autopeer-survey.service.in */
#define AP_SURVEY_LIST "/run/wg-autopeer-survey/save-config"

/* Coordination: plain HTTP inside the tunnel (coordination-protocol.md 1 and 2) */
#define AP_COORD_PORT 80
#define AP_COORD_PATH "/peering-request"
#define AP_COORD_TYPE "application/json"
