/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imap/format.h"
#include "store/message_row.h"

static struct ph_buf out = PH_BUF(64 * 1024);

static void expect(const char *wanted)
{
    assert_string_equal(ph_buf_cstr(&out), wanted);
    ph_buf_clear(&out);
}

static void strings(void **state)
{
    (void)state;
    ph_imap_put_string(&out, PH_BYTES(""));
    expect("\"\"");
    ph_imap_put_string(&out, PH_BYTES("a \"b\" \\c"));
    expect("\"a \\\"b\\\" \\\\c\"");
    ph_imap_put_string(&out, PH_BYTES("two\r\nlines"));
    expect("{10}\r\ntwo\r\nlines");
    ph_imap_put_string(&out, PH_BYTES("caf\xc3\xa9"));
    expect("{5}\r\ncaf\xc3\xa9");
    ph_imap_put_string(&out, PH_BYTES("a\0b"));
    expect("{2}\r\nab");
    ph_imap_put_nstring(&out, (struct ph_bytes){NULL, 0});
    expect("NIL");
    ph_imap_put_nstring(&out, PH_BYTES(""));
    expect("\"\"");
}

static void strings_that_may_be_atoms(void **state)
{
    (void)state;
    ph_imap_put_astring(&out, PH_BYTES("INBOX"));
    expect("INBOX");
    ph_imap_put_astring(&out, PH_BYTES("a]b"));
    expect("a]b");
    ph_imap_put_astring(&out, PH_BYTES("a b"));
    expect("\"a b\"");
    ph_imap_put_astring(&out, PH_BYTES(""));
    expect("\"\"");
    ph_imap_put_astring(&out, PH_BYTES("nil"));
    expect("\"nil\"");
}

static void flags(void **state)
{
    (void)state;
    ph_imap_put_flags(&out, 0, PH_BYTES(""));
    expect("");
    ph_imap_put_flags(&out, PH_FLAG_SEEN | PH_FLAG_ANSWERED, PH_BYTES("$Work"));
    expect("\\Answered \\Seen $Work");
    ph_imap_put_flags(&out, 0, PH_BYTES("a b"));
    expect("a b");
}

/* RFC 9051 section 9: date-day-fixed is two places, a blank in front of one digit. */
static void dates(void **state)
{
    (void)state;
    ph_imap_put_date_time(&out, INT64_C(837596665000));
    expect("\"17-Jul-1996 09:44:25 +0000\"");
    ph_imap_put_date_time(&out, 0);
    expect("\" 1-Jan-1970 00:00:00 +0000\"");
    ph_imap_put_date_time(&out, -1);
    expect("\"31-Dec-1969 23:59:59 +0000\"");
    ph_imap_put_date_time(&out, INT64_MAX);
    expect("\" 1-Jan-1970 00:00:00 +0000\"");
}

static void sections(void **state)
{
    (void)state;
    uint32_t parts[] = {1, 2};
    struct ph_bytes fields[] = {PH_BYTES("From"), PH_BYTES("X Y")};
    struct ph_imap_fetch_item item = {.kind = PH_IMAP_FETCH_SECTION};
    ph_imap_put_section(&out, &item);
    expect("BODY[]");
    item.has_partial = true;
    item.offset = 17;
    ph_imap_put_section(&out, &item);
    expect("BODY[]<17>");
    item.has_partial = false;
    item.section = (struct ph_imap_section){.text = PH_IMAP_TEXT_MIME, .parts = parts, .part_count = 2};
    ph_imap_put_section(&out, &item);
    expect("BODY[1.2.MIME]");
    item.section =
        (struct ph_imap_section){.text = PH_IMAP_TEXT_HEADER_FIELDS_NOT, .fields = fields, .field_count = 2};
    ph_imap_put_section(&out, &item);
    expect("BODY[HEADER.FIELDS.NOT (From \"X Y\")]");
    item = (struct ph_imap_fetch_item){.kind = PH_IMAP_FETCH_BINARY_SIZE,
                                       .section = {.parts = parts, .part_count = 1}};
    ph_imap_put_section(&out, &item);
    expect("BINARY.SIZE[1]");
    item = (struct ph_imap_fetch_item){.kind = PH_IMAP_FETCH_SECTION, .name = "RFC822.TEXT"};
    ph_imap_put_section(&out, &item);
    expect("RFC822.TEXT");
}

static void runs(void **state)
{
    (void)state;
    struct ph_imap_run run = {0};
    ph_imap_put_run_end(&out, &run);
    expect("");
    static const uint32_t numbers[] = {1, 2, 3, 7, 9, 10, UINT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ph_imap_put_run(&out, &run, numbers[i]);
    }
    ph_imap_put_run_end(&out, &run);
    expect("1:3,7,9:10,4294967295");
}

static int release(void **state)
{
    (void)state;
    ph_buf_fini(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),  cmocka_unit_test(strings_that_may_be_atoms),
        cmocka_unit_test(flags),    cmocka_unit_test(dates),
        cmocka_unit_test(sections), cmocka_unit_test(runs),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
