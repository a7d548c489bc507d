/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that final delivery puts in front of a message: RFC 5321 section 4.4, RFC 3848, RFC 6531 section 3.7.3.
 * What comes from a peer was parsed before and holds nothing that would end a line or a comment.
 */
#ifndef PH_DELIVERY_TRACE_H
#define PH_DELIVERY_TRACE_H

#include "base/buf.h"
#include "delivery/delivery.h"

enum { PH_TRACE_BYTES_MAX = 4096 }; /* of all of them together */

void ph_trace_put_return_path(struct ph_buf *out, struct ph_bytes sender);
/* Delivered-To: by it a message that comes back is known (see delivery.h). */
void ph_trace_put_delivered_to(struct ph_buf *out, struct ph_bytes user);
/* ONLY_RECIPIENT: what the client named, if it named but one; empty otherwise, so that none learns of others. */
void ph_trace_put_received(struct ph_buf *out, const struct ph_trace *trace, const char *hostname,
                           const char *id, struct ph_bytes only_recipient, uint64_t unix_us);

#endif
