/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text goes out as the header has it, unfolded: encoded words are for the client (RFC 9051 section 7.5.2). Where a field
 * stands twice, which RFC 5322 section 3.6 forbids, the first counts; of addresses, all.
 */
#include "imap/envelope.h"

#include "mime/address.h"
#include "mime/header.h"

enum { VALUE_MAX = 1024 * 1024 };

void ph_imap_unfold(struct ph_bytes value, struct ph_buf *out)
{
    value = ph_bytes_trim(value);
    size_t start = out->len;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool is_blank = c == ' ' || c == '\t';
        if (c == '\0' || c == '\r' || c == '\n' || (is_blank && out->len == start)) {
            continue;
        }
        ph_buf_byte(out, c);
    }
    while (out->len > start && (out->ptr[out->len - 1] == ' ' || out->ptr[out->len - 1] == '\t')) {
        out->len--;
    }
}

static bool find(struct ph_bytes fields, const char *name, struct ph_bytes *out_value)
{
    struct ph_header_field field;
    while (ph_header_next(&fields, &field)) {
        if (ph_header_is(&field, ph_bytes_str(name))) {
            *out_value = field.value;
            return true;
        }
    }
    return false;
}

static void put_text(struct ph_buf *out, struct ph_bytes fields, const char *name)
{
    struct ph_bytes value;
    if (!find(fields, name, &value)) {
        ph_buf_str(out, "NIL");
        return;
    }
    struct ph_buf line = PH_BUF(VALUE_MAX);
    ph_imap_unfold(value, &line);
    ph_imap_put_string(out, ph_buf_view(&line));
    ph_buf_fini(&line);
}

static void put_address(struct ph_buf *out, const struct ph_mime_address *address)
{
    static const struct ph_bytes nil = {NULL, 0};
    bool is_mailbox = address->kind == PH_MIME_ADDRESS_MAILBOX;
    ph_buf_byte(out, '(');
    ph_imap_put_nstring(out, is_mailbox ? address->name : nil);
    ph_buf_byte(out, ' ');
    ph_imap_put_nstring(out, is_mailbox ? address->route : nil);
    ph_buf_byte(out, ' ');
    ph_imap_put_nstring(out, address->kind == PH_MIME_ADDRESS_GROUP_END ? nil : address->mailbox);
    ph_buf_byte(out, ' ');
    /* Without a host it would be taken for a group. */
    struct ph_bytes host = address->host.ptr != NULL ? address->host : PH_BYTES("");
    ph_imap_put_nstring(out, is_mailbox ? host : nil);
    ph_buf_byte(out, ')');
}

/* False, and nothing appended, where there is no address. */
static bool put_addresses(struct ph_buf *out, struct ph_bytes fields, const char *name,
                          struct ph_arena *arena)
{
    bool has_any = false;
    struct ph_header_field field;
    while (ph_header_next(&fields, &field)) {
        if (!ph_header_is(&field, ph_bytes_str(name))) {
            continue;
        }
        struct ph_mime_address_reader reader = ph_mime_addresses(field.value);
        struct ph_mime_address address;
        while (ph_mime_address_next(&reader, arena, &address)) {
            if (!has_any) {
                ph_buf_byte(out, '(');
            }
            has_any = true;
            put_address(out, &address);
        }
    }
    if (has_any) {
        ph_buf_byte(out, ')');
    }
    return has_any;
}

static void put_addresses_or(struct ph_buf *out, struct ph_bytes fields, const char *name,
                             const char *other_name, struct ph_arena *arena)
{
    ph_buf_byte(out, ' ');
    bool is_put = put_addresses(out, fields, name, arena) ||
                  (other_name != NULL && put_addresses(out, fields, other_name, arena));
    if (!is_put) {
        ph_buf_str(out, "NIL");
    }
}

void ph_imap_put_envelope(struct ph_buf *out, struct ph_bytes fields, struct ph_arena *arena)
{
    ph_buf_byte(out, '(');
    put_text(out, fields, "Date");
    ph_buf_byte(out, ' ');
    put_text(out, fields, "Subject");
    put_addresses_or(out, fields, "From", NULL, arena);
    put_addresses_or(out, fields, "Sender", "From", arena);
    put_addresses_or(out, fields, "Reply-To", "From", arena);
    put_addresses_or(out, fields, "To", NULL, arena);
    put_addresses_or(out, fields, "Cc", NULL, arena);
    put_addresses_or(out, fields, "Bcc", NULL, arena);
    ph_buf_byte(out, ' ');
    put_text(out, fields, "In-Reply-To");
    ph_buf_byte(out, ' ');
    put_text(out, fields, "Message-ID");
    ph_buf_byte(out, ')');
}
