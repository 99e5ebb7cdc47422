/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/exchange.h"

#include "common/reader.h"
#include "common/writer.h"

/**
 * Appends the packet that asks for @self; the socket goes beside it.
 */
void
ap_exchange_write(const ApExchange *self, GByteArray *out)
{
    const gsize n_host = strlen(self->host);

    ap_writer_put_be32(out, self->id);
    ap_writer_put_be16(out, self->wait_sec);
    ap_writer_put_u8(out, (guint8) n_host);
    ap_writer_put(out, self->host, n_host);
    ap_writer_put(out, self->body, self->n_body_bytes);
}

/**
 * Reads what ap_exchange_write() wrote.
 *
 * @out: (out caller-allocates): its @body points into @bytes; left as it was when the function
 *     returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_exchange_read(ApExchange *out, const guint8 *bytes, gsize n_bytes)
{
    ApReader reader = {.data = bytes, .left = n_bytes};
    ApExchange self = {0};
    guint8 n_host;

    if (!ap_reader_take_be32(&reader, &self.id) || !ap_reader_take_be16(&reader, &self.wait_sec)
        || !ap_reader_take_u8(&reader, &n_host) || n_host >= sizeof(self.host)
        || !ap_reader_copy(&reader, n_host, self.host))
        return FALSE;

    self.body = (const char *) reader.data;
    self.n_body_bytes = reader.left;
    *out = self;
    return TRUE;
}

/**
 * Appends the packet that reports @self.
 */
void
ap_exchange_result_write(const ApExchangeResult *self, GByteArray *out)
{
    ap_writer_put_be32(out, self->id);
    ap_writer_put_u8(out, (guint8) self->outcome);
    ap_writer_put_be16(out, self->status);
    ap_writer_put_u8(out, self->too_old ? 1 : 0);
    if (self->offer != NULL)
        ap_offer_write(self->offer, out);
}

/* An answer has a status; only 200 has an offer, and only 400 can be about a handshake. */
static gboolean
is_consistent(const ApExchangeResult *self, gboolean has_offer)
{
    const gboolean answered = self->outcome == AP_EXCHANGE_ANSWERED;

    if (answered ? self->status < 100 || self->status > 599 : self->status != 0)
        return FALSE;
    if (self->too_old && self->status != 400)
        return FALSE;
    return has_offer == (self->status == 200);
}

/**
 * Reads what ap_exchange_result_write() wrote, from a process that a stranger's answer may have
 * taken over.
 *
 * @out: (out caller-allocates): to be cleared with ap_exchange_result_clear(); left as it was when
 *     the function returns FALSE
 *
 * Returns: TRUE when @bytes are one well-formed and consistent result, to the last byte
 */
gboolean
ap_exchange_result_read(ApExchangeResult *out, const guint8 *bytes, gsize n_bytes)
{
    ApReader reader = {.data = bytes, .left = n_bytes};
    ApExchangeResult self = {0};
    guint8 outcome, too_old;

    if (!ap_reader_take_be32(&reader, &self.id) || !ap_reader_take_u8(&reader, &outcome)
        || outcome > AP_EXCHANGE_INVALID || !ap_reader_take_be16(&reader, &self.status)
        || !ap_reader_take_u8(&reader, &too_old) || too_old > 1)
        return FALSE;

    self.outcome = outcome;
    self.too_old = too_old == 1;
    if (!is_consistent(&self, reader.left > 0))
        return FALSE;
    if (reader.left > 0)
        self.offer = ap_offer_read(reader.data, reader.left, NULL);
    if (reader.left > 0 && self.offer == NULL)
        return FALSE;

    *out = self;
    return TRUE;
}

/**
 * Frees what a result owns and zeroes it.
 */
void
ap_exchange_result_clear(ApExchangeResult *self)
{
    g_clear_pointer(&self->offer, ap_offer_free);
    *self = (ApExchangeResult){0};
}
