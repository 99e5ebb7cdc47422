/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/ledger.h"

#include "common/error.h"
#include "common/fd.h"
#include "helper/io/ledger-file.h"
#include "helper/io/ledger-text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

/** Held with flock() for as long as the ledger is open. */
#define LOCK_NAME "lock"

/** What the names of records end in. */
#define SUFFIX ".json"

struct _ApLedger {
    int directory;       /* (owned) */
    int lock;            /* (owned) */
    GHashTable *refused; /* (owned) indexes whose record a later version wrote */
};

typedef DIR Directory;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Directory, closedir)

static gboolean
check_directory(int fd, const char *name, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        ap_ledger_file_set_error(error, "look at", name);
        return FALSE;
    }

    if (st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return TRUE;

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_DENIED,
                "%s must belong to user %u, and nobody else may write to it",
                name,
                geteuid());
    return FALSE;
}

static int
take_lock(int directory, GError **error)
{
    ap_autofd int fd = openat(directory,
                              LOCK_NAME,
                              O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                              0600);

    if (fd < 0) {
        ap_ledger_file_set_error(error, "open", LOCK_NAME);
        return -1;
    }

    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ap_fd_steal(&fd);

    if (errno == EWOULDBLOCK)
        g_set_error_literal(error, AP_ERROR, AP_ERROR_BUSY, "another helper is already running");
    else
        ap_ledger_file_set_error(error, "lock", LOCK_NAME);
    return -1;
}

/**
 * Opens the ledger in @directory, which must be there, and keeps everybody else out until it is
 * freed or the process ends.
 *
 * @error: AP_ERROR_BUSY when another process has it open, AP_ERROR_DENIED when the directory is
 *     not ours alone, AP_ERROR_FAILED for every other failure of the system
 *
 * Returns: (transfer full): NULL on error
 */
ApLedger *
ap_ledger_open(const char *directory, GError **error)
{
    ap_autofd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    ap_autofd int lock = -1;
    ApLedger *self;

    if (fd < 0) {
        ap_ledger_file_set_error(error, "open", directory);
        return NULL;
    }

    if (!check_directory(fd, directory, error))
        return NULL;

    lock = take_lock(fd, error);
    if (lock < 0)
        return NULL;

    self = g_new0(ApLedger, 1);
    self->directory = ap_fd_steal(&fd);
    self->lock = ap_fd_steal(&lock);
    self->refused = g_hash_table_new(NULL, NULL);
    return self;
}

/* "7.json" names the device with index 7; everything else in the directory is not a record. */
static gboolean
parse_name(const char *name, guint32 *ifindex)
{
    g_autofree char *digits = NULL;
    guint64 number;

    if (!g_str_has_suffix(name, SUFFIX) || name[0] == '0')
        return FALSE;

    digits = g_strndup(name, strlen(name) - strlen(SUFFIX));
    if (!g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT32, &number, NULL))
        return FALSE;

    *ifindex = (guint32) number;
    return TRUE;
}

/*
 * What cannot be read is moved out of the way, so that its device can have a record again; what a
 * later version wrote stays, and its device is left alone.
 */
static void
set_aside(ApLedger *self, const char *name, const GError *why, GPtrArray *warnings)
{
    char bad[AP_LEDGER_FILE_NAME_LEN];

    g_snprintf(bad, sizeof(bad), "%s.bad", name);
    if (renameat(self->directory, name, self->directory, bad) == 0)
        g_ptr_array_add(warnings,
                        g_strdup_printf("ledger %s ignored and renamed to %s: %s; peers that it "
                                        "named now count as the administrator's",
                                        name,
                                        bad,
                                        why->message));
    else
        g_ptr_array_add(warnings,
                        g_strdup_printf("ledger %s ignored, and could not be renamed (%s): %s",
                                        name,
                                        g_strerror(errno),
                                        why->message));
}

static ApLedgerText
read_record(ApLedger *self, const char *name, guint32 ifindex, ApHoldings *out, GError **error)
{
    g_autoptr(GByteArray) bytes = ap_ledger_file_read(self->directory, name, error);

    if (bytes == NULL)
        return AP_LEDGER_TEXT_BAD;
    return ap_ledger_text_read((const char *) bytes->data, bytes->len, ifindex, out, error);
}

static gboolean
load_one(ApLedger *self,
         const char *name,
         guint32 ifindex,
         ApHoldings *out,
         GPtrArray *warnings,
         GError **error)
{
    g_autoptr(GError) why = NULL;
    const ApLedgerText verdict = read_record(self, name, ifindex, out, &why);

    if (verdict == AP_LEDGER_TEXT_BAD && !g_error_matches(why, AP_ERROR, AP_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }

    switch (verdict) {
    case AP_LEDGER_TEXT_OK:
        break;
    case AP_LEDGER_TEXT_BAD:
        set_aside(self, name, why, warnings);
        break;
    case AP_LEDGER_TEXT_NEWER:
        (void) g_hash_table_add(self->refused, GUINT_TO_POINTER(ifindex));
        g_ptr_array_add(warnings,
                        g_strdup_printf("ledger %s left as it is: %s", name, why->message));
        break;
    }

    return TRUE;
}

/**
 * Reads the records of all devices.
 *
 * @warnings: (element-type utf8) (nullable): a sentence is added for each record that was ignored;
 *     the array must free its items
 * @error: AP_ERROR_DENIED or AP_ERROR_FAILED when the directory cannot be read, or a record cannot
 *     for a reason that is not the record's own
 *
 * A record that is damaged, not a plain file, or not ours alone is ignored and renamed to NAME.bad:
 * what it named counts as the administrator's from then on. One that a later version wrote is
 * neither used nor touched, and ap_ledger_store() refuses its device until it is gone.
 *
 * Returns: (transfer full): in order
 */
ApHoldings *
ap_ledger_load(ApLedger *self, GPtrArray *warnings, GError **error)
{
    g_autoptr(ApHoldings) holdings = ap_holdings_new();
    g_autoptr(GPtrArray) ignored =
        warnings != NULL ? g_ptr_array_ref(warnings) : g_ptr_array_new_with_free_func(g_free);
    ap_autofd int fd = openat(self->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(Directory) directory = fd >= 0 ? fdopendir(fd) : NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    if (directory == NULL) {
        ap_ledger_file_set_error(error, "read", "the ledger");
        return NULL;
    }

    /* From here on the stream owns the descriptor. */
    (void) ap_fd_steal(&fd);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        g_ptr_array_add(names, g_strdup(entry->d_name));

    g_hash_table_remove_all(self->refused);
    for (guint i = 0; i < names->len; i++) {
        guint32 ifindex;

        if (parse_name(names->pdata[i], &ifindex)
            && !load_one(self, names->pdata[i], ifindex, holdings, ignored, error))
            return NULL;
    }

    ap_holdings_sort(holdings);
    return g_steal_pointer(&holdings);
}

static gboolean
has_any(const ApHoldings *holdings, guint32 ifindex)
{
    for (guint i = 0; i < holdings->peers->len; i++) {
        if (g_array_index(holdings->peers, ApOwned, i).ifindex == ifindex)
            return TRUE;
    }
    for (guint i = 0; i < holdings->addresses->len; i++) {
        if (g_array_index(holdings->addresses, ApOwnedAddress, i).ifindex == ifindex)
            return TRUE;
    }
    for (guint i = 0; i < holdings->loans->len; i++) {
        if (g_array_index(holdings->loans, ApLoan, i).ifindex == ifindex)
            return TRUE;
    }
    return FALSE;
}

/**
 * Records what is ours on one device; the record that was there is replaced as a whole, and is on
 * the disk when this returns.
 *
 * @device_key: the device's own public key
 * @holdings: all that is ours on that device; where that is nothing, the record goes away. What it
 *     says of other devices is not looked at
 * @error: AP_ERROR_LIMIT when that is more than a record may hold, AP_ERROR_DENIED when the
 *     directory may not be written or a later version's record is in the way, AP_ERROR_FAILED when
 *     the disk is full or broken; the old record or the new one then stands, and nothing may
 *     be changed on the device
 *
 * Returns: TRUE when it is on record
 */
gboolean
ap_ledger_store(ApLedger *self,
                const ApDeviceId *id,
                const ApKey *device_key,
                const ApHoldings *holdings,
                GError **error)
{
    g_autofree char *text = NULL;
    char name[AP_LEDGER_FILE_NAME_LEN];

    g_return_val_if_fail(id->ifindex != 0, FALSE);

    if (g_hash_table_contains(self->refused, GUINT_TO_POINTER(id->ifindex))) {
        g_set_error_literal(error,
                            AP_ERROR,
                            AP_ERROR_DENIED,
                            "a later version's ledger is in the way");
        return FALSE;
    }

    g_snprintf(name, sizeof(name), "%" G_GUINT32_FORMAT SUFFIX, id->ifindex);
    if (!has_any(holdings, id->ifindex))
        return ap_ledger_file_remove(self->directory, name, error);

    text = ap_ledger_text_write(id, device_key, holdings);
    if (strlen(text) > AP_LEDGER_MAX_BYTES) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_LIMIT, "too many peers for one ledger file");
        return FALSE;
    }

    return ap_ledger_file_write(self->directory, name, text, error);
}

/** Closes the ledger and lets others in; the records stay. */
void
ap_ledger_free(ApLedger *self)
{
    if (self == NULL)
        return;

    ap_fd_clear(&self->directory);
    ap_fd_clear(&self->lock);
    g_clear_pointer(&self->refused, g_hash_table_unref);
    g_free(self);
}
