/* SPDX-License-Identifier: Apache-2.0 */
/* The names and the small files of a Maildir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mutf7.h"
#include "store/message_row.h"
#include "task/courier_sizelist.h"
#include "task/dovecot_keywords.h"
#include "task/uidl_format.h"
#include "task/uidlist.h"

static void assert_bytes(struct ph_bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.ptr, text, bytes.len);
}

/* ---- Names of files ---- */

static void test_file_names(void **state)
{
    (void)state;
    struct ph_maildir_name name;
    assert_true(ph_maildir_name_parse(PH_BYTES("1700000000.M1P2.host,S=12:2,DFRSTaz"), &name));
    assert_bytes(name.base, "1700000000.M1P2.host,S=12");
    assert_int_equal(name.flags,
                     PH_FLAG_DRAFT | PH_FLAG_FLAGGED | PH_FLAG_ANSWERED | PH_FLAG_SEEN | PH_FLAG_DELETED);
    assert_int_equal(name.keywords, 1U | 1U << 25);
    assert_int_equal(name.delivered_s, 1700000000);
    assert_false(name.is_passed);
    assert_true(ph_maildir_name_parse(PH_BYTES("x:2,P,S"), &name));
    assert_true(name.is_passed);
    assert_int_equal(name.flags, 0);
    assert_int_equal(name.delivered_s, 0);
    assert_true(ph_maildir_name_parse(PH_BYTES("x:1,S"), &name));
    assert_int_equal(name.flags, 0);
    assert_false(ph_maildir_name_parse(PH_BYTES(".x"), &name));
    assert_false(ph_maildir_name_parse(PH_BYTES(""), &name));
    assert_false(ph_maildir_name_parse(PH_BYTES(":2,S"), &name));
    struct ph_buf out = PH_BUF(64);
    ph_maildir_name_put_info(&out, PH_FLAG_SEEN | PH_FLAG_DRAFT | PH_FLAG_RECENT, 5);
    assert_string_equal(ph_buf_cstr(&out), ":2,DSac");
    ph_buf_fini(&out);
}

/* ---- Names of folders ---- */

static void assert_mutf7(const char *coded, const char *plain)
{
    struct ph_buf out = PH_BUF(256);
    assert_int_equal(ph_mutf7_decode(ph_bytes_str(coded), &out, NULL), plain == NULL ? PH_EINVALID : PH_OK);
    if (plain != NULL) {
        assert_string_equal(ph_buf_cstr(&out), plain);
        ph_buf_clear(&out);
        ph_mutf7_encode_file(ph_bytes_str(plain), &out);
        assert_string_equal(ph_buf_cstr(&out), coded);
    }
    ph_buf_fini(&out);
}

static void test_folder_names(void **state)
{
    (void)state;
    assert_mutf7("Work.Sub", "Work.Sub");
    assert_mutf7("Entw&APw-rfe", "Entwürfe");
    assert_mutf7("A&-B", "A&B");
    assert_mutf7("&U,BTF2XlZyyKng-", "台北日本語");
    assert_mutf7("&2D3eAA-x", "😀x");
    assert_mutf7("a&AC8-b", "a/b");
    assert_mutf7("&APw", NULL);
    assert_mutf7("&AP*-", NULL);
    assert_mutf7("&2D0-", NULL);
    assert_mutf7("&3gA-", NULL);
    assert_mutf7("&AAA-", NULL);
    assert_mutf7("&AP-", NULL);
    assert_mutf7("a\nb", NULL);
    assert_mutf7("\xFFx", NULL);
    assert_mutf7("\xC3\xBC\x01", NULL);
    struct ph_buf out = PH_BUF(256);
    assert_int_equal(ph_mutf7_decode(PH_BYTES("Entwürfe"), &out, NULL), PH_OK);
    assert_string_equal(ph_buf_cstr(&out), "Entwürfe");
    ph_buf_fini(&out);
}

/* ---- dovecot-uidlist ---- */

static void test_uidlist_3(void **state)
{
    (void)state;
    struct ph_uidlist list;
    struct ph_uidlist_entry entry;
    assert_int_equal(ph_uidlist_begin(&list,
                                      PH_BYTES("3 V1700000000 N12 Gabcdef\n"
                                               "1 P000000016553f100 W1234 :1699.M1P2.host,S=5\n"
                                               "3 P Gfeed :b:2,S\n"
                                               "nonsense\n"
                                               "3 :again\n"
                                               "4 W5 :../x\n"
                                               "4294967296 :big\n"
                                               "7 :c"),
                                      NULL),
                     PH_OK);
    assert_int_equal(list.uid_validity, 1700000000);
    assert_int_equal(list.uid_next, 12);
    assert_true(ph_uidlist_next(&list, &entry));
    assert_int_equal(entry.uid, 1);
    assert_bytes(entry.base, "1699.M1P2.host,S=5");
    assert_bytes(entry.uidl, "000000016553f100");
    assert_true(ph_uidlist_next(&list, &entry));
    assert_bytes(entry.base, "b");
    assert_true(entry.has_uidl);
    assert_int_equal(entry.uidl.len, 0);
    assert_bytes(entry.guid, "feed");
    assert_true(ph_uidlist_next(&list, &entry));
    assert_int_equal(entry.uid, 7);
    assert_false(entry.has_uidl);
    assert_false(ph_uidlist_next(&list, &entry));
    assert_int_equal(list.broken, 4);
}

static void test_uidlist_1(void **state)
{
    (void)state;
    struct ph_uidlist list;
    struct ph_uidlist_entry entry;
    assert_int_equal(ph_uidlist_begin(&list, PH_BYTES("1 1700000000 9\n2 a b:2,S\n"), NULL), PH_OK);
    assert_int_equal(list.uid_next, 9);
    assert_true(ph_uidlist_next(&list, &entry));
    assert_int_equal(entry.uid, 2);
    assert_bytes(entry.base, "a b");
    assert_false(ph_uidlist_next(&list, &entry));
    assert_int_equal(ph_uidlist_begin(&list, PH_BYTES("2 1 1\n"), NULL), PH_EINVALID);
    assert_int_equal(ph_uidlist_begin(&list, PH_BYTES("3 N1\n"), NULL), PH_EINVALID);
    assert_int_equal(ph_uidlist_begin(&list, PH_BYTES("1 x 9\n"), NULL), PH_EINVALID);
    assert_int_equal(ph_uidlist_begin(&list, PH_BYTES(""), NULL), PH_EINVALID);
}

static void test_uidlist_is_written(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(256);
    ph_uidlist_put_head(&out, 5, 9);
    ph_uidlist_put(&out, 1, PH_BYTES("u"), 12, PH_BYTES("a"));
    ph_uidlist_put(&out, 3, PH_BYTES(""), 13, PH_BYTES("b"));
    assert_string_equal(ph_buf_cstr(&out), "3 V5 N9\n1 Pu W12 :a\n3 W13 :b\n");
    ph_buf_fini(&out);
}

/* ---- dovecot-keywords ---- */

static void test_keywords(void **state)
{
    (void)state;
    struct ph_dovecot_keywords keywords;
    struct ph_buf out = PH_BUF(256);
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    ph_dovecot_keywords_parse(&keywords, PH_BYTES("0 $Forwarded\n25 work\n26 no\n1 a b\nx\n"));
    assert_int_equal(keywords.broken, 3);
    assert_true(ph_dovecot_keywords_put(&keywords, 1U | 1U << 25, &out));
    assert_string_equal(ph_buf_cstr(&out), "$Forwarded work");
    ph_buf_clear(&out);
    assert_false(ph_dovecot_keywords_put(&keywords, 3, &out));
    assert_string_equal(ph_buf_cstr(&out), "$Forwarded");
    ph_dovecot_keywords_parse(&keywords, PH_BYTES(""));
    for (int i = 0; i < PH_MAILDIR_KEYWORDS; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(ph_dovecot_keywords_bit(&keywords, ph_bytes_str(name), &arena), i);
    }
    assert_int_equal(ph_dovecot_keywords_bit(&keywords, PH_BYTES("K3"), &arena), 3);
    assert_int_equal(ph_dovecot_keywords_bit(&keywords, PH_BYTES("more"), &arena), -1);
    ph_buf_clear(&out);
    ph_dovecot_keywords_write(&keywords, &out);
    assert_memory_equal(out.ptr, "0 k0\n1 k1\n", 10);
    ph_arena_fini(&arena);
    ph_buf_fini(&out);
}

/* ---- courierpop3dsizelist ---- */

static void assert_courier(const char *text, const char *base, const char *uidl)
{
    struct ph_courier_sizelist list;
    struct ph_courier_entry entry;
    assert_int_equal(ph_courier_sizelist_begin(&list, ph_bytes_str(text), NULL), PH_OK);
    assert_true(ph_courier_sizelist_next(&list, &entry));
    assert_bytes(entry.base, base);
    assert_string_equal(entry.uidl, uidl);
    assert_false(ph_courier_sizelist_next(&list, &entry));
    assert_int_equal(list.broken, 0);
}

static void test_courier(void **state)
{
    (void)state;
    assert_courier("/2 8 1700000000\n1699.M1.host:2,S 1234 7:1700000000\n", "1699.M1.host",
                   "UID7-1700000000");
    assert_courier("/3 8 1700000000\n1699.M1.host 1234 7:1700000000:1\n", "1699.M1.host", "UID7-1700000000");
    assert_courier("/2 8 1\na 1 7:0\n", "a", "UID7");
    assert_courier("/2 8 1\na+b'c d:2,S 1 0:0\n", "a+b'c d", "a+2Bb+27c+20d");
    struct ph_courier_sizelist list;
    struct ph_courier_entry entry;
    assert_int_equal(ph_courier_sizelist_begin(&list, PH_BYTES("/4 1 1\n"), NULL), PH_EINVALID);
    assert_int_equal(ph_courier_sizelist_begin(&list, PH_BYTES(""), NULL), PH_EINVALID);
    assert_int_equal(ph_courier_sizelist_begin(&list, PH_BYTES("/2 1 1\nx\na 1 b:c\n 1 1:1\na 1 2:3"), NULL),
                     PH_OK);
    assert_true(ph_courier_sizelist_next(&list, &entry));
    assert_string_equal(entry.uidl, "UID2-3");
    assert_int_equal(list.broken, 3);
}

/* ---- UIDLs ---- */

static void assert_uidl(const char *format, const char *uidl)
{
    const struct ph_uidl_parts parts = {26, 0x6553F100, PH_BYTES("1699.M1P2.host"), PH_BYTES("")};
    struct ph_buf out = PH_BUF(PH_UIDL_MAX);
    assert_int_equal(ph_uidl_format_check(format, NULL), PH_OK);
    assert_int_equal(ph_uidl_format_put(format, &parts, &out), uidl != NULL);
    assert_string_equal(ph_buf_cstr(&out), uidl == NULL ? "" : uidl);
    ph_buf_fini(&out);
}

static void test_uidl_formats(void **state)
{
    (void)state;
    assert_uidl(PH_UIDL_FORMAT_DOVECOT, "0000001a6553f100");
    assert_uidl("%08Xv%08Xu", "6553f1000000001a");
    assert_uidl("%v.%u", "1700000000.26");
    assert_uidl("UID%u-%v", "UID26-1700000000");
    assert_uidl("%f", "1699.M1P2.host");
    assert_uidl("%g", "1699.M1P2.host");
    assert_uidl("%u%%", "26%");
    assert_uidl("%5u", NULL); /* blanks */
    assert_uidl("%070u%u", NULL);
    assert_int_equal(ph_uidl_format_check("%m", NULL), PH_EINVALID);
    assert_int_equal(ph_uidl_format_check("%v", NULL), PH_EINVALID);
    assert_int_equal(ph_uidl_format_check("%", NULL), PH_EINVALID);
    assert_int_equal(ph_uidl_format_check("%9", NULL), PH_EINVALID);
    assert_int_equal(ph_uidl_format_check("%99999999999u", NULL), PH_EINVALID);
    const struct ph_uidl_parts unknown = {0};
    struct ph_buf out = PH_BUF(PH_UIDL_MAX);
    assert_false(ph_uidl_format_put("%u", &unknown, &out));
    assert_false(ph_uidl_format_put("%f", &unknown, &out));
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_folder_names),
        cmocka_unit_test(test_uidlist_3),
        cmocka_unit_test(test_uidlist_1),
        cmocka_unit_test(test_uidlist_is_written),
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_courier),
        cmocka_unit_test(test_uidl_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
