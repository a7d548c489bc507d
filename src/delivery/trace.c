/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/trace.h"

#include "base/utf8.h"
#include "mime/date.h"

void ph_trace_put_return_path(struct ph_buf *out, struct ph_bytes sender)
{
    ph_buf_str(out, "Return-Path: <");
    ph_buf_bytes(out, sender);
    ph_buf_str(out, ">\r\n");
}

void ph_trace_put_delivered_to(struct ph_buf *out, struct ph_bytes user)
{
    ph_buf_str(out, "Delivered-To: ");
    ph_buf_bytes(out, user);
    ph_buf_str(out, "\r\n");
}

static void put_from(struct ph_buf *out, const struct ph_trace *trace)
{
    ph_buf_str(out, "from ");
    ph_buf_bytes(out, trace->helo);
    if (trace->peer != NULL && trace->peer->family == PH_ADDRESS_IP) {
        char literal[PH_ADDRESS_TEXT_MAX];
        ph_address_format_literal(trace->peer, literal);
        ph_buf_printf(out, " (%s)", literal);
    }
    ph_buf_str(out, "\r\n\t");
}

void ph_trace_put_received(struct ph_buf *out, const struct ph_trace *trace, const char *hostname,
                           const char *id, struct ph_bytes only_recipient, uint64_t unix_us)
{
    ph_buf_str(out, "Received: ");
    if (trace->helo.len > 0) {
        put_from(out, trace);
    }
    ph_buf_printf(out, "by %s with %s", hostname, trace->protocol);
    if (trace->tls[0] != '\0') {
        ph_buf_printf(out, " (%s)", trace->tls);
    }
    ph_buf_printf(out, "\r\n\tid %s", id);
    /* Without SMTPUTF8 the trace fields stay ASCII. */
    if (only_recipient.len > 0 && (trace->is_utf8 || ph_utf8_is_ascii(only_recipient))) {
        ph_buf_str(out, "\r\n\tfor <");
        ph_buf_bytes(out, only_recipient);
        ph_buf_str(out, ">");
    }
    ph_buf_str(out, ";\r\n\t");
    ph_date_put(out, unix_us);
    ph_buf_str(out, "\r\n");
}
