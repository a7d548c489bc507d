/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored for a mailbox is a header of its own (the trace fields, then the header as it came) and a body that
 * all of them share. Together they are the trace fields and the message, octet for octet, but for Return-Path
 * fields: a delivered message has one (RFC 5321 section 4.4). Loops are known by the number of Received fields
 * (section 6.3) and, mailbox by mailbox, by our own Delivered-To.
 */
#include "base/mem.h"
#include "delivery/delivery-private.h"
#include "delivery/trace.h"
#include "mime/date.h"

enum { ID_AGE_MAX_US = 10 * 1000 * 1000 };

/* What the header says that delivery must know. */
struct header_facts {
    unsigned received;
    bool has_date;
    bool has_message_id;
    size_t return_path_end; /* behind the last Return-Path field; 0: none */
};

struct span {
    size_t at;
    size_t len;
};

/* The header in one piece: the spool's own memory, or the arena's. */
static int read_header(struct ph_delivery *delivery, struct ph_bytes *out_header)
{
    size_t len = (size_t)ph_delivery_header_bytes(delivery);
    struct ph_bytes all = ph_spool_view(&delivery->spool);
    if (all.ptr != NULL || len == 0) {
        *out_header = ph_bytes_first(all, len);
        return PH_OK;
    }
    uint8_t *copy = ph_arena_alloc(&delivery->arena, len);
    *out_header = (struct ph_bytes){copy, len};
    return ph_spool_read(&delivery->spool, 0, copy, len, &delivery->error);
}

/* A value without the blanks and line ends around it: relays fold fields anew. */
static struct ph_bytes bare_value(struct ph_bytes value)
{
    struct ph_bytes before;
    do {
        before = value;
        value = ph_bytes_trim(value);
        value = ph_bytes_starts(value, PH_BYTES("\r\n")) ? ph_bytes_from(value, 2) : value;
    } while (value.len != before.len);
    return ph_bytes_first(value, ph_bytes_find_crlf(value));
}

static void read_facts(struct ph_delivery *delivery, struct ph_bytes header, struct header_facts *out_facts)
{
    struct ph_bytes rest = header;
    struct ph_header_field field;
    *out_facts = (struct header_facts){0};
    while (ph_header_next(&rest, &field)) {
        if (ph_header_is(&field, PH_BYTES("Received"))) {
            out_facts->received++;
        } else if (ph_header_is(&field, PH_BYTES("Delivered-To"))) {
            ph_target_set_mark_loop(&delivery->targets, bare_value(field.value));
        } else if (ph_header_is(&field, PH_BYTES("Return-Path"))) {
            out_facts->return_path_end = header.len - rest.len;
        } else if (ph_header_is(&field, PH_BYTES("Date"))) {
            out_facts->has_date = true;
        } else if (ph_header_is(&field, PH_BYTES("Message-ID"))) {
            out_facts->has_message_id = true;
        }
    }
}

static int check_loops(struct ph_delivery *delivery, const struct header_facts *facts)
{
    if (facts->received > delivery->shared->options.hops_max) {
        return ph_fail(&delivery->error, PH_ECONFLICT, "mail loop: %u Received fields", facts->received);
    }
    for (unsigned i = 0; i < delivery->targets.count; i++) {
        if (!delivery->targets.list[i].is_loop) {
            return PH_OK;
        }
    }
    return ph_fail(&delivery->error, PH_ECONFLICT, "mail loop: delivered to these mailboxes before");
}

/* What stands behind the trace fields of each mailbox and in front of what is taken from the spool. *OUT_ADDED: where
 * in it fields begin that the message lacked. */
static void put_common(struct ph_delivery *delivery, const struct ph_trace *trace, uint64_t now_us,
                       struct ph_bytes header, const struct header_facts *facts, struct ph_buf *out,
                       struct span *out_added)
{
    const char *hostname = delivery->shared->options.hostname;
    struct ph_bytes only =
        delivery->recipient_count == 1 ? delivery->recipients[0].address : (struct ph_bytes){NULL, 0};
    ph_trace_put_received(out, trace, hostname, delivery->id_text, only, now_us);
    out_added->at = out->len;
    if (trace->is_submission && !facts->has_message_id) {
        ph_buf_printf(out, "Message-ID: <%s@%s>\r\n", delivery->id_text, hostname);
    }
    if (trace->is_submission && !facts->has_date) {
        ph_buf_str(out, "Date: ");
        ph_date_put(out, now_us);
        ph_buf_str(out, "\r\n");
    }
    out_added->len = out->len - out_added->at;
    struct ph_bytes rest = ph_bytes_first(header, facts->return_path_end);
    struct ph_header_field field;
    while (ph_header_next(&rest, &field)) {
        if (!ph_header_is(&field, PH_BYTES("Return-Path"))) {
            ph_buf_bytes(out, field.whole);
        }
    }
}

/* The header of one mailbox's copy, and next to it the body, for BODY_REFERENCES copies; 0: it was put before. */
static int put_content(struct ph_delivery *delivery, const struct ph_blob_content *header,
                       unsigned body_references, struct ph_append *append)
{
    struct ph_blob_item items[2] = {
        {.kind = PH_BLOB_HEADER, .content = *header, .references = 1},
        {.kind = PH_BLOB_BODY,
         .content = {.spool = &delivery->spool,
                     .offset = ph_delivery_header_bytes(delivery),
                     .length = delivery->spool.size - ph_delivery_header_bytes(delivery)},
         .references = body_references},
    };
    int rc = ph_blob_put_all(delivery->shared->options.blobs, &delivery->plan, items,
                             body_references > 0 ? 2 : 1, &delivery->error);
    if (rc == PH_OK) {
        append->header_blob = items[0].id;
        append->body_blob = body_references > 0 ? items[1].id : append->body_blob;
    }
    return rc;
}

static int add_to_mailbox(struct ph_delivery *delivery, const struct ph_target *target, struct ph_buf *prefix,
                          struct ph_bytes common, uint64_t header_from, unsigned body_references,
                          struct ph_append *append)
{
    const struct ph_deliveries_options *options = &delivery->shared->options;
    ph_buf_clear(prefix);
    ph_trace_put_return_path(prefix, delivery->sender);
    ph_trace_put_delivered_to(prefix, target->user);
    ph_buf_bytes(prefix, common);
    if (prefix->has_overflowed) {
        return ph_fail(&delivery->error, PH_EBUG, "no room for the trace fields");
    }
    struct ph_blob_content header = {
        .prefix = ph_buf_view(prefix),
        .spool = &delivery->spool,
        .offset = header_from,
        .length = ph_delivery_header_bytes(delivery) - header_from,
    };
    append->header_bytes = header.prefix.len + header.length;
    append->total_bytes = append->header_bytes + delivery->spool.size - ph_delivery_header_bytes(delivery);
    int rc = put_content(delivery, &header, body_references, append);
    if (rc != PH_OK) {
        return rc;
    }
    struct ph_access access = {.user = target->user, .is_administrator = true};
    return ph_mailbox_append(options->mailboxes, &access, target->user, target->mailbox, append,
                             &delivery->plan, &delivery->error);
}

/* Of a message that has no header it would take the first line for one. */
static void summarize(struct ph_delivery *delivery, struct ph_bytes added, struct ph_append *append)
{
    append->has_summary = !delivery->is_all_body;
    if (append->has_summary) {
        ph_summary_finish(&delivery->summary, added, &append->envelope, &append->bodystructure);
    }
}

static int make_plan(struct ph_delivery *delivery, struct ph_bytes common, struct span added,
                     uint64_t header_from, uint64_t now_us)
{
    const struct ph_deliveries_options *options = &delivery->shared->options;
    struct ph_buf prefix = PH_BUF(common.len + PH_TRACE_BYTES_MAX);
    struct ph_append append = {.message_id = delivery->id, .internal_date_ms = (int64_t)(now_us / 1000)};
    bool has_one_body = ph_blob_shares(options->blobs);
    summarize(delivery, ph_bytes_first(ph_bytes_from(common, added.at), added.len), &append);
    unsigned copies = 0;
    for (unsigned i = 0; i < delivery->targets.count; i++) {
        copies += delivery->targets.list[i].is_loop ? 0 : 1;
    }
    int rc = PH_OK;
    bool is_first = true;
    for (unsigned i = 0; i < delivery->targets.count && rc == PH_OK; i++) {
        const struct ph_delivery_target *one = &delivery->targets.list[i];
        if (one->is_loop) {
            continue;
        }
        /* The first copy has the id of the delivery, so that the log leads to the message. */
        if (!is_first) {
            append.message_id = ph_uuid_gen_next(options->ids);
        }
        unsigned body_references = !has_one_body ? 1 : is_first ? copies : 0;
        is_first = false;
        rc = add_to_mailbox(delivery, &one->target, &prefix, common, header_from, body_references, &append);
    }
    ph_buf_fini(&prefix);
    return rc;
}

/* What the store says, as the sender of a message must take it. Its LIMIT is a full disk, its NOTFOUND and CONFLICT
 * are races with an administrator: none of them will be so for ever, so none may become a bounce. */
static int trouble_of_store(struct ph_delivery *delivery, int rc)
{
    if (rc == PH_ELIMIT) {
        rc = PH_EBUSY;
    } else if (rc == PH_ENOTFOUND || rc == PH_ECONFLICT) {
        rc = PH_EUNAVAILABLE;
    }
    delivery->error.code = rc;
    return rc;
}

static int prepare(struct ph_delivery *delivery, const struct ph_trace *trace)
{
    struct ph_bytes header;
    struct header_facts facts;
    uint64_t now_us = ph_real_us(delivery->shared->options.clock);
    if (delivery->failure != PH_OK) {
        return delivery->failure;
    }
    if (delivery->targets.count == 0) {
        return ph_fail(&delivery->error, PH_EBUG, "a delivery without a recipient");
    }
    int rc = trouble_of_store(delivery, read_header(delivery, &header));
    if (rc != PH_OK) {
        return rc;
    }
    read_facts(delivery, header, &facts);
    rc = check_loops(delivery, &facts);
    if (rc != PH_OK) {
        return rc;
    }
    struct ph_buf common = PH_BUF(header.len + PH_TRACE_BYTES_MAX);
    struct span added;
    put_common(delivery, trace, now_us, header, &facts, &common, &added);
    rc = common.has_overflowed ? ph_fail(&delivery->error, PH_EBUG, "no room for the trace fields")
                               : trouble_of_store(delivery, make_plan(delivery, ph_buf_view(&common), added,
                                                                      facts.return_path_end, now_us));
    ph_buf_fini(&common);
    return rc;
}

static void on_stored(struct ph_plan *plan, int result, void *ctx)
{
    struct ph_delivery *delivery = ctx;
    if (result != PH_OK) {
        delivery->error = plan->error;
    }
    delivery->done(delivery->done_ctx, trouble_of_store(delivery, result));
}

/* A client may take its time between MAIL and the final dot. Stores count on new messages having young ids: what an
 * id says is when the message was complete. */
static void renew_id(struct ph_delivery *delivery)
{
    const struct ph_deliveries_options *options = &delivery->shared->options;
    if (ph_real_us(options->clock) > ph_uuid_unix_us(&delivery->id) + ID_AGE_MAX_US) {
        delivery->id = ph_uuid_gen_next(options->ids);
        ph_uuid_format(&delivery->id, delivery->id_text);
    }
}

void ph_delivery_submit(struct ph_delivery *delivery, const struct ph_trace *trace,
                        void (*done)(void *ctx, int result), void *ctx)
{
    delivery->done = done;
    delivery->done_ctx = ctx;
    ph_plan_init(&delivery->plan, &delivery->arena);
    renew_id(delivery);
    int rc = prepare(delivery, trace);
    if (rc != PH_OK) {
        done(ctx, rc);
        return;
    }
    ph_db_submit(ph_mailboxes_db(delivery->shared->options.mailboxes), &delivery->plan, on_stored, delivery);
}
