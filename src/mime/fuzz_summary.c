/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message in pieces and as a whole has the same columns; its structure lies in its octets, and is read back as it
 * was written; listed fields are those of the header. The first octet says how long the pieces are.
 */
#include <stdlib.h>

#include "mime/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_part(const struct ph_part *part, uint64_t from, uint64_t end)
{
    check(part->type.len > 0 && part->subtype.len > 0);
    check(part->header_offset >= from && ph_part_offset(part) + part->octets <= end);
    check(part->lines <= part->octets);
    check(part->kind == PH_PART_MULTIPART || part->kind == PH_PART_MESSAGE || part->children == NULL);
    check(part->kind != PH_PART_MESSAGE || (part->children != NULL && part->children->next == NULL));
    from = ph_part_offset(part);
    for (const struct ph_part *child = part->children; child != NULL; child = child->next) {
        check(child->parent == part);
        check_part(child, from, ph_part_offset(part) + part->octets);
        from = ph_part_offset(child) + child->octets;
    }
}

static void check_structure(struct ph_bytes octets)
{
    struct ph_arena arena;
    struct ph_part *root = NULL;
    struct ph_buf again = PH_BUF(PH_BODYSTRUCTURE_BYTES_MAX);
    ph_arena_init(&arena, 0);
    check(ph_structure_decode(octets, &arena, &root, NULL) == PH_OK);
    check_part(root, 0, root->octets);
    ph_structure_encode(root, &again);
    check(ph_bytes_eq(octets, ph_buf_view(&again)));
    ph_buf_fini(&again);
    ph_arena_fini(&arena);
}

static void check_envelope(struct ph_bytes envelope, struct ph_bytes message)
{
    struct ph_header_end end = {0};
    struct ph_bytes fields;
    struct ph_header_field field;
    struct ph_header_field listed;
    ph_header_end_feed(&end, message);
    struct ph_bytes header = ph_bytes_first(message, (size_t)end.offset);
    check(ph_summary_fields(envelope, &fields));
    while (ph_header_next(&header, &field)) {
        if (ph_summary_covers(field.name)) {
            check(ph_header_next(&fields, &listed) && ph_bytes_eq(field.whole, listed.whole));
        }
    }
    check(!ph_header_next(&fields, &listed) && fields.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t piece = data[0] + 1U;
    struct ph_bytes message = {data + 1, size - 1};
    struct ph_summary whole;
    struct ph_summary pieces;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_bytes envelope_of_pieces;
    struct ph_bytes structure_of_pieces;
    ph_summary_init(&whole);
    ph_summary_init(&pieces);
    ph_summary_feed(&whole, message);
    ph_summary_finish(&whole, (struct ph_bytes){NULL, 0}, &envelope, &structure);
    for (size_t at = 0; at < message.len; at += piece) {
        ph_summary_feed(&pieces, ph_bytes_first(ph_bytes_from(message, at), piece));
    }
    ph_summary_finish(&pieces, (struct ph_bytes){NULL, 0}, &envelope_of_pieces, &structure_of_pieces);
    check(ph_bytes_eq(envelope, envelope_of_pieces) && ph_bytes_eq(structure, structure_of_pieces));
    if (structure.ptr != NULL) {
        check_structure(structure);
    }
    if (envelope.ptr != NULL) {
        check_envelope(envelope, message);
    }
    ph_summary_fini(&whole);
    ph_summary_fini(&pieces);
    return 0;
}
