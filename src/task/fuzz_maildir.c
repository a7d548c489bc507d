/* SPDX-License-Identifier: Apache-2.0 */
/* The small files of a Maildir, its names, and the UIDLs made of them, on any octets. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mutf7.h"
#include "base/utf8.h"
#include "task/courier_sizelist.h"
#include "task/dovecot_keywords.h"
#include "task/mail_date.h"
#include "task/maildir_name.h"
#include "task/uidl_format.h"
#include "task/uidlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void fuzz_lists(struct ph_bytes text)
{
    struct ph_uidlist list;
    if (ph_uidlist_begin(&list, text, NULL) == PH_OK) {
        struct ph_uidlist_entry entry;
        uint64_t last = 0;
        while (ph_uidlist_next(&list, &entry)) {
            check(entry.uid > last && entry.base.len > 0 && ph_bytes_find(entry.base, '/') == entry.base.len);
            last = entry.uid;
        }
    }
    struct ph_courier_sizelist sizes;
    if (ph_courier_sizelist_begin(&sizes, text, NULL) == PH_OK) {
        struct ph_courier_entry entry;
        while (ph_courier_sizelist_next(&sizes, &entry)) {
            check(entry.base.len > 0);
        }
    }
    struct ph_dovecot_keywords keywords;
    struct ph_buf names = PH_BUF(SIZE_MAX);
    ph_dovecot_keywords_parse(&keywords, text);
    (void)ph_dovecot_keywords_put(&keywords, UINT32_MAX, &names);
    ph_buf_fini(&names);
}

static void fuzz_names(struct ph_bytes text)
{
    struct ph_maildir_name name;
    (void)ph_maildir_name_parse(text, &name);
    int64_t date_ms = 0;
    (void)ph_mail_date_parse(text, &date_ms);
    struct ph_buf plain = PH_BUF(SIZE_MAX);
    struct ph_buf coded = PH_BUF(SIZE_MAX);
    struct ph_buf again = PH_BUF(SIZE_MAX);
    if (ph_mutf7_decode(text, &plain, NULL) == PH_OK) {
        check(ph_utf8_is_valid(ph_buf_view(&plain)));
        ph_mutf7_encode_file(ph_buf_view(&plain), &coded);
        check(ph_bytes_find(ph_buf_view(&coded), '/') == coded.len);
        check(ph_mutf7_decode(ph_buf_view(&coded), &again, NULL) == PH_OK);
        check(ph_bytes_eq(ph_buf_view(&plain), ph_buf_view(&again)));
    }
    ph_buf_fini(&plain);
    ph_buf_fini(&coded);
    ph_buf_fini(&again);
}

static void fuzz_format(struct ph_bytes text)
{
    char *format = ph_bytes_dup(text);
    const struct ph_uidl_parts parts = {7, 12345, PH_BYTES("1699.M1P2.host"), PH_BYTES("abc")};
    struct ph_buf uidl = PH_BUF(PH_UIDL_MAX);
    if (ph_uidl_format_check(format, NULL) == PH_OK && ph_uidl_format_put(format, &parts, &uidl)) {
        check(ph_uidl_is_valid(ph_buf_view(&uidl)));
    }
    ph_buf_fini(&uidl);
    free(format);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_bytes text = {data, size};
    fuzz_lists(text);
    fuzz_names(text);
    fuzz_format(text);
    return 0;
}
