/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/pack.h"

#include "blob/blob-private.h"

void ph_packed_init(struct ph_packed *p, const char *spool_directory)
{
    p->table = PH_BUF(SIZE_MAX);
    ph_spool_init(&p->frames, spool_directory, PH_PACKED_MEMORY_MAX, PH_RECORD_RAW_MAX);
}

void ph_packed_fini(struct ph_packed *p)
{
    ph_buf_fini(&p->table);
    ph_spool_fini(&p->frames);
}

int ph_packed_fill(struct ph_packed *p, const struct ph_codec *codec, struct ph_workspace *workspace,
                   const struct ph_blob_item *item, struct ph_error *err)
{
    const struct ph_blob_content *content = &item->content;
    uint64_t raw_length = content->prefix.len + content->length;
    if (raw_length > PH_RECORD_RAW_MAX) {
        return ph_fail(err, PH_ELIMIT, "content of %llu octets", (unsigned long long)raw_length);
    }
    p->record = (struct ph_record){
        .kind = (uint8_t)item->kind,
        .raw_length = (uint32_t)raw_length,
        .dictionary = ph_codec_dictionary(codec, (uint8_t)item->kind),
        .check = ph_check((struct ph_bytes){NULL, 0}),
    };
    bool has_table = ph_frame_table_bytes(p->record.raw_length) > 0;
    for (uint64_t at = 0; at < raw_length; at += PH_FRAME_BYTES) {
        size_t len = raw_length - at < PH_FRAME_BYTES ? (size_t)(raw_length - at) : PH_FRAME_BYTES;
        struct ph_bytes frame;
        int result = ph_blob_content_view(content, at, len, workspace->frame, &frame, err);
        if (result != PH_OK) {
            return result;
        }
        size_t stored = ph_codec_compress(codec, workspace, p->record.kind, frame, workspace->stored);
        struct ph_bytes octets = stored == len ? frame : ph_bytes_of(workspace->stored, stored);
        uint64_t check = ph_check(octets);
        result = ph_spool_write(&p->frames, octets, err);
        if (result != PH_OK) {
            return result;
        }
        if (has_table) {
            uint8_t *entry = ph_buf_reserve(&p->table, PH_FRAME_ENTRY_BYTES);
            ph_frame_entry_encode((uint32_t)p->frames.size, check, entry);
            p->table.len += PH_FRAME_ENTRY_BYTES;
        } else {
            p->record.check = check;
        }
    }
    if (has_table) {
        p->record.check = ph_check(ph_buf_view(&p->table));
    }
    p->record.stored_length = (uint32_t)(p->table.len + p->frames.size);
    return PH_OK;
}

void ph_packed_name(struct ph_packed *p, const struct ph_uuid *id)
{
    p->record.id = *id;
    ph_record_encode(&p->record, p->header);
}
