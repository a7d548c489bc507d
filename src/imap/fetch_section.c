/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BODY[section]<partial> and BINARY (RFC 9051 sections 6.4.5.1 and 7.5.2): where the octets are. A section that the
 * message does not have is NIL.
 *
 * HEADER.FIELDS of fields that are covered come from the row; others from the header, as much of it as
 * PH_IMAP_HEADER_MAX. An empty line ends the answer (RFC 9051 section 6.4.5.1), also where the header has none.
 */
#include "imap/fetch.h"

#include "imap/format.h"
#include "mime/header.h"

static bool is_named(const struct ph_imap_section *section, struct ph_bytes name)
{
    for (size_t i = 0; i < section->field_count; i++) {
        /* Most are told apart by their length. */
        if (section->fields[i].len == name.len && ph_bytes_ieq(section->fields[i], name)) {
            return true;
        }
    }
    return false;
}

void ph_imap_filter_fields(struct ph_bytes header, const struct ph_imap_section *section, struct ph_buf *out)
{
    bool is_not = section->text == PH_IMAP_TEXT_HEADER_FIELDS_NOT;
    struct ph_header_field field;
    while (ph_header_next(&header, &field)) {
        if (is_named(section, field.name) != is_not) {
            ph_buf_bytes(out, field.whole);
            /* The last line of a header without an empty line may lack its end. */
            if (!ph_bytes_eq(ph_bytes_from(field.whole, field.whole.len - 2), PH_BYTES("\r\n"))) {
                ph_buf_str(out, "\r\n");
            }
        }
    }
    ph_buf_str(out, "\r\n");
}

static bool is_fields(const struct ph_imap_section *section)
{
    return section->text == PH_IMAP_TEXT_HEADER_FIELDS || section->text == PH_IMAP_TEXT_HEADER_FIELDS_NOT;
}

static struct ph_imap_place place_of_message(const struct ph_message *message, enum ph_imap_section_text text)
{
    switch (text) {
    case PH_IMAP_TEXT_HEADER:
    case PH_IMAP_TEXT_HEADER_FIELDS:
    case PH_IMAP_TEXT_HEADER_FIELDS_NOT:
    case PH_IMAP_TEXT_MIME: return (struct ph_imap_place){.is_there = true, .size = message->header_bytes};
    case PH_IMAP_TEXT_TEXT:
        return (struct ph_imap_place){
            .is_there = true, .offset = message->header_bytes, .size = message->size - message->header_bytes};
    case PH_IMAP_TEXT_ALL: break;
    }
    return (struct ph_imap_place){.is_there = true, .size = message->size};
}

static struct ph_imap_place place_of_part(const struct ph_message *message, const struct ph_part *root,
                                          const struct ph_imap_section *section)
{
    const struct ph_part *part = ph_part_find(root, section->parts, (unsigned)section->part_count);
    if (part == NULL) {
        return (struct ph_imap_place){.is_there = false};
    }
    uint64_t body = message->header_bytes;
    bool is_header = section->text == PH_IMAP_TEXT_HEADER || is_fields(section);
    if (is_header || section->text == PH_IMAP_TEXT_TEXT) {
        if (part->kind != PH_PART_MESSAGE || part->children == NULL) {
            return (struct ph_imap_place){.is_there = false};
        }
        part = part->children;
    }
    if (section->text == PH_IMAP_TEXT_MIME && part == root) {
        return place_of_message(message, PH_IMAP_TEXT_HEADER);
    }
    if (is_header || section->text == PH_IMAP_TEXT_MIME) {
        return (struct ph_imap_place){
            .is_there = true, .offset = body + part->header_offset, .size = part->header_bytes};
    }
    return (struct ph_imap_place){.is_there = true,
                                  .offset = body + ph_part_offset(part),
                                  .size = part->octets,
                                  .encoding = part->kind == PH_PART_LEAF ? part->encoding : PH_BYTES("")};
}

static const struct ph_imap_planned *planned_of(const struct ph_imap_fetching *fetching,
                                                const struct ph_imap_fetch_item *item)
{
    return &fetching->planned[item - fetching->fetch->items];
}

static void put_name(struct ph_buf *out, const struct ph_imap_fetching *fetching,
                     const struct ph_imap_fetch_item *item)
{
    ph_buf_bytes(out, planned_of(fetching, item)->label);
    ph_buf_byte(out, ' ');
}

/* The part of SIZE octets that <offset.length> asks for. */
static void clip(const struct ph_imap_fetch_item *item, uint64_t size, uint64_t *out_offset,
                 uint64_t *out_size)
{
    *out_offset = 0;
    *out_size = size;
    if (item->has_partial) {
        *out_offset = item->offset < size ? item->offset : size;
        uint64_t left = size - *out_offset;
        *out_size = item->length < left ? item->length : left;
    }
}

static void open_memory(struct ph_conn *conn, struct ph_imap_fetching *fetching,
                        const struct ph_imap_fetch_item *item)
{
    uint64_t offset;
    uint64_t size;
    clip(item, fetching->memory.len, &offset, &size);
    put_name(ph_conn_out(conn), fetching, item);
    ph_imap_put_literal(ph_conn_out(conn), size);
    fetching->source = (struct ph_imap_source){
        .kind = PH_IMAP_SOURCE_MEMORY, .offset = offset, .left = size, .promised = size};
}

/* HEADER.FIELDS and HEADER.FIELDS.NOT, of the header that is in MEMORY or in the row. */
static int open_fields(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                       const struct ph_imap_place *place, struct ph_error *err)
{
    const struct ph_imap_section *section = &item->section;
    bool is_in_row = planned_of(fetching, item)->is_covered && fetching->row.has_envelope;
    struct ph_bytes header;
    if (!is_in_row || !ph_summary_fields(fetching->row.envelope, &header)) {
        int result = ph_imap_fetch_read(conn, session, fetching, place->offset, place->size, err);
        if (result != PH_OK) {
            return result;
        }
        header = ph_buf_view(&fetching->memory);
    }
    ph_buf_clear(&fetching->scratch);
    ph_imap_filter_fields(header, section, &fetching->scratch);
    struct ph_buf filtered = fetching->scratch;
    fetching->scratch = fetching->memory;
    fetching->memory = filtered;
    open_memory(conn, fetching, item);
    return PH_OK;
}

static void open_content(struct ph_conn *conn, struct ph_imap_fetching *fetching,
                         const struct ph_imap_fetch_item *item, const struct ph_imap_place *place)
{
    uint64_t offset;
    uint64_t size;
    clip(item, place->size, &offset, &size);
    put_name(ph_conn_out(conn), fetching, item);
    ph_imap_put_literal(ph_conn_out(conn), size);
    fetching->source = (struct ph_imap_source){
        .kind = PH_IMAP_SOURCE_CONTENT, .offset = place->offset + offset, .left = size, .promised = size};
}

/* RFC 3516 section 4.3. */
static int open_binary(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                       const struct ph_imap_place *place, struct ph_error *err)
{
    struct ph_buf *out = ph_conn_out(conn);
    struct ph_transfer transfer;
    if (!ph_transfer_init(&transfer, place->encoding)) {
        fetching->has_unknown = true;
        put_name(out, fetching, item);
        ph_buf_str(out, item->kind == PH_IMAP_FETCH_BINARY_SIZE ? "0" : "NIL");
        return PH_OK;
    }
    uint64_t whole = 0;
    bool has_nul = false;
    int result = ph_imap_fetch_measure(conn, session, fetching, place, &whole, &has_nul, err);
    if (result != PH_OK) {
        return result;
    }
    put_name(out, fetching, item);
    if (item->kind == PH_IMAP_FETCH_BINARY_SIZE) {
        ph_buf_u64(out, whole);
        return PH_OK;
    }
    uint64_t offset;
    uint64_t size;
    clip(item, whole, &offset, &size);
    ph_buf_str(out, has_nul ? "~" : "");
    ph_imap_put_literal(out, size);
    fetching->source = (struct ph_imap_source){.kind = PH_IMAP_SOURCE_DECODED,
                                               .offset = place->offset,
                                               .left = place->size,
                                               .skip = offset,
                                               .promised = size,
                                               .transfer = transfer};
    return PH_OK;
}

int ph_imap_fetch_section(struct ph_conn *conn, struct ph_imap_session *session,
                          struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                          struct ph_error *err)
{
    const struct ph_imap_section *section = &item->section;
    struct ph_imap_place place;
    if (section->part_count == 0) {
        place = place_of_message(&fetching->row.message, section->text);
    } else {
        int result = ph_imap_fetch_tree(conn, session, fetching, err);
        if (result != PH_OK) {
            return result;
        }
        place = place_of_part(&fetching->row.message, fetching->tree, section);
    }
    bool is_binary = item->kind == PH_IMAP_FETCH_BINARY || item->kind == PH_IMAP_FETCH_BINARY_SIZE;
    if (!place.is_there) {
        put_name(ph_conn_out(conn), fetching, item);
        ph_buf_str(ph_conn_out(conn), item->kind == PH_IMAP_FETCH_BINARY_SIZE ? "0" : "NIL");
        return PH_OK;
    }
    /* Rows that lie must not lead behind the end of the message. */
    if (place.offset > fetching->row.message.size || place.size > fetching->row.message.size - place.offset) {
        return ph_fail(err, PH_ECORRUPT, "message with UID %llu: its structure goes beyond its end",
                       (unsigned long long)fetching->row.message.uid);
    }
    if (is_binary) {
        return open_binary(conn, session, fetching, item, &place, err);
    }
    if (is_fields(section)) {
        return open_fields(conn, session, fetching, item, &place, err);
    }
    open_content(conn, fetching, item, &place);
    return PH_OK;
}
