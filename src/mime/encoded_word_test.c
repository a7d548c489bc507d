/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "mime/content_value.h"
#include "mime/encoded_word.h"

static void check(const char *text, const char *expected)
{
    struct ph_buf out = PH_BUF(65536);
    ph_encoded_words_decode(ph_bytes_str(text), &out);
    assert_string_equal(ph_buf_cstr(&out), expected);
    ph_buf_fini(&out);
}

/* RFC 2047 section 8. */
static void test_examples_of_rfc_2047(void **state)
{
    (void)state;
    check("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
    check("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xC3\xB8rn Simonsen");
    check(
        "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
        "If you can read this you understand the example.");
    check("Nathaniel Borenstein (=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)",
          "Nathaniel Borenstein (\xD7\x9D\xD7\x95\xD7\x9C\xD7\xA9 \xD7\x9F\xD7\x91 "
          "\xD7\x99\xD7\x9C\xD7\x98\xD7\xA4\xD7\xA0)");
    check("(=?ISO-8859-1?Q?a?=)", "(a)");
    check("(=?ISO-8859-1?Q?a?= b)", "(a b)");
    check("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)");
    check("(=?ISO-8859-1?Q?a?=  \r\n =?ISO-8859-1?Q?b?=)", "(ab)");
    check("(=?ISO-8859-1?Q?a_b?=)", "(a b)");
    check("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
}

static void test_words_as_programs_write_them(void **state)
{
    (void)state;
    /* A character cut in two, languages, blanks inside, no blanks outside, padding left out. */
    check("=?utf-8?Q?J=C3?= =?utf-8?Q?=BCrgen?=", "J\xC3\xBCrgen");
    check("=?utf-8?B?SsM=?= =?UTF-8?B?vHI=?=", "J\xC3\xBCr");
    check("=?us-ascii*en-us?Q?color?=", "color");
    check("=?utf-8?Q?a b?=", "a b");
    check("x=?utf-8?q?=41?=y", "xAy");
    check("\"=?utf-8?q?A?=\"", "\"A\"");
    check("=?utf-8?B?w7w?=", "\xC3\xBC");
    check("=?utf-8?Q?\?= x", " x");
    check("=?utf-8?Q?a?=  ", "a  ");
    check("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xE6\x97\xA5\xE6\x9C\xAC");
    check("=?gb2312?B?1tDOxA==?=", "\xE4\xB8\xAD\xE6\x96\x87");
    check("=?koi8-r?B?8NLJ18XU?=", "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82");
}

static void test_what_is_no_word(void **state)
{
    (void)state;
    check("", "");
    check("=?", "=?");
    check("=?utf-8?Q?", "=?utf-8?Q?");
    check("=?utf-8?Q?abc", "=?utf-8?Q?abc");
    check("=?utf-8?X?abc?=", "=?utf-8?X?abc?=");
    check("=?utf-8?Q?a?= =?utf-8?Q?b", "a =?utf-8?Q?b");
    check("1 =?= 2 ? =", "1 =?= 2 ? =");
    check("folded\r\n text", "folded text");
    check("=?utf-8?Q?a=0D=0A=00b?=", "ab");
}

static void test_charsets_that_are_not_told_or_lie(void **state)
{
    (void)state;
    check("J\xC3\xBCrgen", "J\xC3\xBCrgen");
    check("J\xFCrgen \x80", "J\xC3\xBCrgen \xE2\x82\xAC");
    check("=?x-nonsense?Q?J=FCr?=", "J\xC3\xBCr");
    check("=?utf-8?Q?J=FCr?=", "J\xEF\xBF\xBDr");
    check("=?iso-8859-1?Q?=80?=", "\xE2\x82\xAC");
    check("=?//TRANSLIT?Q?a?=", "a");
}

static void check_param(const char *field, const char *name, const char *expected)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_bytes disposition;
    struct ph_mime_params params;
    struct ph_buf out = PH_BUF(65536);
    assert_true(ph_disposition_parse(ph_bytes_str(field), &arena, &disposition, &params));
    assert_int_equal(ph_mime_param_decode(&params, ph_bytes_str(name), &out), expected != NULL);
    assert_string_equal(ph_buf_cstr(&out), expected == NULL ? "" : expected);
    ph_buf_fini(&out);
    ph_arena_fini(&arena);
}

static void test_parameters(void **state)
{
    (void)state;
    /* RFC 2231 sections 3 and 4. */
    check_param("x; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"", "url",
                "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar");
    check_param("x; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title", "This is ***fun***");
    check_param("x; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20;"
                "title*2=\"isn't it!\"",
                "title", "This is even more ***fun*** isn't it!");
    check_param("x; filename*1=b; filename*0=a", "filename", "ab");
    check_param("x; filename=plain; filename*=utf-8''%C3%BC", "filename", "\xC3\xBC");
    check_param("x; filename*=%41", "filename", "A");
    check_param("x; filename*=utf-8'%41", "filename", "utf-8'A");
    check_param("x; filename=\"=?utf-8?Q?=C3=BC?=.txt\"", "filename", "\xC3\xBC.txt");
    check_param("x; filename=a%20b", "filename", "a%20b");
    check_param("x; filename*2=c", "filename", NULL);
    check_param("x; filename*x=c; filenames=d", "filename", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_rfc_2047), cmocka_unit_test(test_words_as_programs_write_them),
        cmocka_unit_test(test_what_is_no_word),      cmocka_unit_test(test_charsets_that_are_not_told_or_lie),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
