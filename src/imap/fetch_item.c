/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row, or the view, knows of a message (RFC 9051 section 7.5.2; MODSEQ: RFC 7162; EMAILID: RFC 8474; SAVEDATE: RFC 8514;
 * PREVIEW: RFC 8970).
 */
#include "imap/envelope.h"
#include "imap/fetch.h"
#include "mime/preview.h"

static bool covers_all(const struct ph_imap_section *section)
{
    for (size_t i = 0; i < section->field_count; i++) {
        if (!ph_summary_covers(section->fields[i])) {
            return false;
        }
    }
    return true;
}

static void plan_section(struct ph_imap_session *session, struct ph_imap_fetching *fetching,
                         const struct ph_imap_fetch_item *item, struct ph_imap_planned *planned)
{
    const struct ph_imap_section *section = &item->section;
    struct ph_buf label = PH_BUF(PH_IMAP_RENDERED_MAX);
    ph_imap_put_section(&label, item);
    planned->label = ph_arena_bytes(&session->arena, ph_buf_view(&label));
    ph_buf_fini(&label);
    planned->is_covered =
        section->part_count == 0 && section->text == PH_IMAP_TEXT_HEADER_FIELDS && covers_all(section);
    fetching->needs_rows = true;
    if (section->part_count > 0) {
        fetching->wants |= PH_VIEW_WANT_STRUCTURE;
    } else if (planned->is_covered) {
        fetching->wants |= PH_VIEW_WANT_ENVELOPE;
    }
}

static void plan_item(struct ph_imap_session *session, struct ph_imap_fetching *fetching,
                      const struct ph_imap_fetch_item *item, struct ph_imap_planned *planned)
{
    switch (item->kind) {
    case PH_IMAP_FETCH_FLAGS:
    case PH_IMAP_FETCH_EMAILID:
    case PH_IMAP_FETCH_THREADID:
    case PH_IMAP_FETCH_INTERNALDATE:
    case PH_IMAP_FETCH_RFC822_SIZE: break;
    case PH_IMAP_FETCH_UID: fetching->adds_uid = false; break;
    case PH_IMAP_FETCH_MODSEQ:
        fetching->adds_modseq = false;
        ph_imap_enable_condstore(session);
        break;
    case PH_IMAP_FETCH_ENVELOPE:
        fetching->needs_rows = true;
        fetching->wants |= PH_VIEW_WANT_ENVELOPE;
        break;
    case PH_IMAP_FETCH_BODY:
    case PH_IMAP_FETCH_BODYSTRUCTURE:
        fetching->needs_rows = true;
        fetching->wants |= PH_VIEW_WANT_STRUCTURE;
        break;
    case PH_IMAP_FETCH_SECTION:
    case PH_IMAP_FETCH_BINARY:
    case PH_IMAP_FETCH_BINARY_SIZE:
        plan_section(session, fetching, item, planned);
        fetching->sets_seen |= !item->is_peek && item->kind != PH_IMAP_FETCH_BINARY_SIZE;
        break;
    case PH_IMAP_FETCH_SAVEDATE: fetching->needs_rows = true; break;
    case PH_IMAP_FETCH_PREVIEW:
        fetching->needs_rows = true;
        fetching->wants |= PH_VIEW_WANT_PREVIEW | (item->is_lazy ? 0U : (unsigned)PH_VIEW_WANT_STRUCTURE);
        break;
    }
}

void ph_imap_fetch_plan(struct ph_imap_session *session, struct ph_imap_fetching *fetching)
{
    const struct ph_imap_fetch *fetch = fetching->fetch;
    fetching->planned =
        ph_arena_zalloc(&session->arena, (fetch->item_count + 1) * sizeof fetching->planned[0]);
    for (size_t i = 0; i < fetch->item_count; i++) {
        plan_item(session, fetching, &fetch->items[i], &fetching->planned[i]);
    }
}

void ph_imap_fetch_put_flags(struct ph_buf *out, const struct ph_imap_session *session, uint32_t number,
                             unsigned more_flags)
{
    const struct ph_view_message *message = ph_view_at(session->view, number);
    ph_buf_str(out, "FLAGS (");
    ph_imap_put_flags(out, ph_view_flags(session->view, message) | more_flags,
                      ph_view_keywords(session->view, message));
    ph_buf_byte(out, ')');
}

/* \Seen, where this command has set it: the snapshot is as it was before. */
static unsigned flags_set(const struct ph_imap_fetching *fetching)
{
    bool has_set = fetching->sets_seen && fetching->write_result == PH_OK && fetching->write.count > 0;
    return has_set ? PH_FLAG_SEEN : 0;
}

static int put_envelope(struct ph_conn *conn, struct ph_imap_session *session,
                        struct ph_imap_fetching *fetching, struct ph_error *err)
{
    struct ph_bytes fields;
    if (!fetching->row.has_envelope || !ph_summary_fields(fetching->row.envelope, &fields)) {
        int result = ph_imap_fetch_read(conn, session, fetching, 0, fetching->row.message.header_bytes, err);
        if (result != PH_OK) {
            return result;
        }
        fields = ph_buf_view(&fetching->memory);
    }
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "ENVELOPE ");
    ph_imap_put_envelope(out, fields, &fetching->arena);
    return PH_OK;
}

static int put_structure(struct ph_conn *conn, struct ph_imap_session *session,
                         struct ph_imap_fetching *fetching, bool is_extended, struct ph_error *err)
{
    int result = ph_imap_fetch_tree(conn, session, fetching, err);
    if (result != PH_OK) {
        return result;
    }
    bool is_global = ph_imap_is_enabled(session, PH_IMAP_ENABLED_REV2) ||
                     ph_imap_is_enabled(session, PH_IMAP_ENABLED_UTF8);
    unsigned how =
        (is_extended ? PH_IMAP_STRUCTURE_EXTENDED : 0U) | (is_global ? PH_IMAP_STRUCTURE_GLOBAL : 0U);
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, is_extended ? "BODYSTRUCTURE " : "BODY ");
    if (fetching->row.has_structure) {
        ph_imap_put_structure(out, fetching->tree, how, &fetching->arena);
        return PH_OK;
    }
    /* It may be larger than the output may become at once. */
    ph_buf_clear(&fetching->memory);
    ph_imap_put_structure(&fetching->memory, fetching->tree, how, &fetching->arena);
    if (fetching->memory.has_overflowed) {
        ph_buf_clear(&fetching->memory);
        return ph_fail(err, PH_ELIMIT, "the structure of a message is too large");
    }
    fetching->source = (struct ph_imap_source){
        .kind = PH_IMAP_SOURCE_MEMORY, .left = fetching->memory.len, .promised = fetching->memory.len};
    return PH_OK;
}

/* RFC 8970: one that is not kept is made, unless the client would rather wait for it (LAZY). */
static int put_preview(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, bool is_lazy, struct ph_error *err)
{
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_view_row *row = &fetching->row;
    if (row->has_preview || is_lazy) {
        ph_buf_str(out, "PREVIEW ");
        ph_imap_put_nstring(out, row->has_preview ? row->preview : (struct ph_bytes){NULL, 0});
        return PH_OK;
    }
    int result = ph_imap_fetch_tree(conn, session, fetching, err);
    const struct ph_part *part = result == PH_OK ? ph_preview_part(fetching->tree) : NULL;
    ph_buf_clear(&fetching->memory);
    if (part != NULL) {
        uint64_t size = part->octets < PH_PREVIEW_BODY_BYTES ? part->octets : PH_PREVIEW_BODY_BYTES;
        result = ph_imap_fetch_read(conn, session, fetching, row->message.header_bytes + ph_part_offset(part),
                                    size, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_buf preview = PH_BUF((size_t)4 * PH_PREVIEW_OCTETS);
    if (part != NULL) {
        ph_preview_put(part, ph_buf_view(&fetching->memory), &preview);
    }
    ph_buf_str(out, "PREVIEW ");
    ph_imap_put_string(out, ph_buf_view(&preview));
    ph_buf_fini(&preview);
    return PH_OK;
}

static void put_date(struct ph_buf *out, const char *name, bool has_date, int64_t unix_ms)
{
    ph_buf_str(out, name);
    if (has_date) {
        ph_imap_put_date_time(out, unix_ms);
    } else {
        ph_buf_str(out, "NIL");
    }
}

int ph_imap_fetch_item(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                       struct ph_error *err)
{
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_view_row *row = &fetching->row;
    const struct ph_view_message *message = ph_view_at(session->view, row->number);
    switch (item->kind) {
    case PH_IMAP_FETCH_FLAGS:
        ph_imap_fetch_put_flags(out, session, row->number, flags_set(fetching));
        return PH_OK;
    case PH_IMAP_FETCH_UID:
        ph_buf_str(out, "UID ");
        ph_buf_u64(out, message->uid);
        return PH_OK;
    case PH_IMAP_FETCH_INTERNALDATE:
        put_date(out, "INTERNALDATE ", true,
                 message->internal_date_ms != PH_VIEW_NO_DATE ? message->internal_date_ms
                                                              : row->message.internal_date_ms);
        return PH_OK;
    case PH_IMAP_FETCH_RFC822_SIZE:
        ph_buf_str(out, "RFC822.SIZE ");
        ph_buf_u64(out, message->size != PH_VIEW_UNKNOWN ? message->size : row->message.size);
        return PH_OK;
    case PH_IMAP_FETCH_MODSEQ:
        ph_buf_printf(out, "MODSEQ (%llu)",
                      (unsigned long long)(flags_set(fetching) != 0 &&
                                                   (ph_view_flags(session->view, message) & PH_FLAG_SEEN) == 0
                                               ? fetching->write.modseq
                                               : message->modseq));
        return PH_OK;
    case PH_IMAP_FETCH_EMAILID: {
        char text[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&message->id, text);
        ph_buf_printf(out, "EMAILID (%s)", text);
        return PH_OK;
    }
    case PH_IMAP_FETCH_THREADID: ph_buf_str(out, "THREADID NIL"); return PH_OK;
    case PH_IMAP_FETCH_SAVEDATE:
        put_date(out, "SAVEDATE ", row->has_save_date, row->save_date_ms);
        return PH_OK;
    case PH_IMAP_FETCH_PREVIEW: return put_preview(conn, session, fetching, item->is_lazy, err);
    case PH_IMAP_FETCH_ENVELOPE: return put_envelope(conn, session, fetching, err);
    case PH_IMAP_FETCH_BODY: return put_structure(conn, session, fetching, false, err);
    case PH_IMAP_FETCH_BODYSTRUCTURE: return put_structure(conn, session, fetching, true, err);
    case PH_IMAP_FETCH_SECTION:
    case PH_IMAP_FETCH_BINARY:
    case PH_IMAP_FETCH_BINARY_SIZE: return ph_imap_fetch_section(conn, session, fetching, item, err);
    }
    return ph_fail(err, PH_EBUG, "FETCH: an item that nobody answers");
}
