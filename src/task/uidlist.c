/* SPDX-License-Identifier: Apache-2.0 */
#include "task/uidlist.h"

static struct ph_bytes next_line(struct ph_bytes *rest)
{
    size_t end = ph_bytes_find(*rest, '\n');
    struct ph_bytes line = ph_bytes_first(*rest, end);
    *rest = ph_bytes_from(*rest, end + 1);
    return line;
}

static bool to_uid(struct ph_bytes word, uint64_t *out_uid)
{
    return ph_bytes_to_u64(word, out_uid) && *out_uid >= 1 && *out_uid <= UINT32_MAX;
}

static int begin_1(struct ph_uidlist *list, struct ph_bytes line, struct ph_error *err)
{
    uint64_t uid_validity;
    uint64_t next;
    struct ph_bytes first = ph_bytes_next_word(&line);
    if (!to_uid(first, &uid_validity) || !to_uid(ph_bytes_next_word(&line), &next)) {
        return ph_fail(err, PH_EINVALID, "the first line does not say UIDVALIDITY and next UID");
    }
    list->uid_validity = (uint32_t)uid_validity;
    list->uid_next = next;
    return PH_OK;
}

static int begin_3(struct ph_uidlist *list, struct ph_bytes line, struct ph_error *err)
{
    while (line.len > 0) {
        struct ph_bytes word = ph_bytes_next_word(&line);
        uint64_t number;
        if (word.len > 1 && word.ptr[0] == 'V' && to_uid(ph_bytes_from(word, 1), &number)) {
            list->uid_validity = (uint32_t)number;
        } else if (word.len > 1 && word.ptr[0] == 'N' && to_uid(ph_bytes_from(word, 1), &number)) {
            list->uid_next = number;
        }
    }
    return list->uid_validity == 0 ? ph_fail(err, PH_EINVALID, "the first line does not say UIDVALIDITY")
                                   : PH_OK;
}

int ph_uidlist_begin(struct ph_uidlist *list, struct ph_bytes text, struct ph_error *err)
{
    *list = (struct ph_uidlist){.rest = text};
    struct ph_bytes line = next_line(&list->rest);
    uint64_t version = 0;
    (void)ph_bytes_to_u64(ph_bytes_next_word(&line), &version);
    list->version = (unsigned)version;
    if (version == 1) {
        return begin_1(list, line, err);
    }
    return version == 3 ? begin_3(list, line, err)
                        : ph_fail(err, PH_EINVALID, "the first line is of neither version 1 nor version 3");
}

static bool is_base(struct ph_bytes name)
{
    return name.len > 0 && name.ptr[0] != '.' && ph_bytes_find(name, '/') == name.len &&
           ph_bytes_find(name, '\0') == name.len;
}

/* "P1234 W12 :name"; in version 1 the name alone. */
static bool parse_entry(const struct ph_uidlist *list, struct ph_bytes line, struct ph_uidlist_entry *entry)
{
    *entry = (struct ph_uidlist_entry){0};
    if (!to_uid(ph_bytes_next_word(&line), &entry->uid)) {
        return false;
    }
    while (list->version == 3 && line.len > 0 && line.ptr[0] != ':') {
        struct ph_bytes word = ph_bytes_next_word(&line);
        if (word.ptr[0] == 'P') {
            entry->uidl = ph_bytes_from(word, 1);
            entry->has_uidl = true;
        } else if (word.ptr[0] == 'G') {
            entry->guid = ph_bytes_from(word, 1);
        }
    }
    if (list->version == 3) {
        line = ph_bytes_from(line, 1);
    }
    entry->base = ph_bytes_first(line, ph_bytes_find(line, ':'));
    return is_base(entry->base);
}

bool ph_uidlist_next(struct ph_uidlist *list, struct ph_uidlist_entry *out_entry)
{
    while (list->rest.len > 0) {
        struct ph_bytes line = next_line(&list->rest);
        if (line.len == 0) {
            continue;
        }
        if (parse_entry(list, line, out_entry) && out_entry->uid > list->last_uid) {
            list->last_uid = out_entry->uid;
            return true;
        }
        list->broken++;
    }
    return false;
}

void ph_uidlist_put_head(struct ph_buf *out, uint32_t uid_validity, uint64_t uid_next)
{
    ph_buf_printf(out, "3 V%u N%llu\n", (unsigned)uid_validity, (unsigned long long)uid_next);
}

void ph_uidlist_put(struct ph_buf *out, uint64_t uid, struct ph_bytes uidl, uint64_t size_bytes,
                    struct ph_bytes base)
{
    ph_buf_u64(out, uid);
    if (uidl.len > 0) {
        ph_buf_str(out, " P");
        ph_buf_bytes(out, uidl);
    }
    ph_buf_str(out, " W");
    ph_buf_u64(out, size_bytes);
    ph_buf_str(out, " :");
    ph_buf_bytes(out, base);
    ph_buf_byte(out, '\n');
}
