/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/charset.h"

/* In pieces of every size the same. */
static void check(const char *name, struct ph_bytes text, const char *expected)
{
    for (size_t size = 1; size <= text.len; size++) {
        struct ph_charset charset;
        struct ph_buf out = PH_BUF(65536);
        (void)ph_charset_open(&charset, ph_bytes_str(name));
        for (size_t at = 0; at < text.len; at += size) {
            ph_charset_convert(&charset, ph_bytes_first(ph_bytes_from(text, at), size), &out);
        }
        ph_charset_finish(&charset, &out);
        assert_string_equal(ph_buf_cstr(&out), expected);
        ph_charset_close(&charset);
        ph_buf_fini(&out);
    }
}

static void test_charsets(void **state)
{
    (void)state;
    check("UTF-8", PH_BYTES("\xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80"),
          "\xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80");
    check("iso-8859-1", PH_BYTES("\xFC\x80"), "\xC3\xBC\xE2\x82\xAC");
    check("iso-8859-15", PH_BYTES("\xA4"), "\xE2\x82\xAC");
    check("iso-2022-jp", PH_BYTES("\x1B$BF|K\\\x1B(B!"), "\xE6\x97\xA5\xE6\x9C\xAC!");
    check("utf-16be", PH_BYTES("\x00\x41\xD8\x3D\xDE\x00"), "A\xF0\x9F\x98\x80");
    check("big5", PH_BYTES("\xA4\xA4"), "\xE4\xB8\xAD");
    check("shift_jis", PH_BYTES("\x93\xFA\x87\x40"), "\xE6\x97\xA5\xE2\x91\xA0");
}

static void test_broken_text(void **state)
{
    (void)state;
    check("utf-8", PH_BYTES("a\xFF\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
    check("utf-8", PH_BYTES("\xC3("), "\xEF\xBF\xBD(");
    check("utf-8", PH_BYTES("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    check("gb2312", PH_BYTES("\xD6"), "\xEF\xBF\xBD");
    check("utf-16le",
          PH_BYTES("A\x00\x00\xD8"
                   "B\x00"),
          "A\xEF\xBF\xBD"
          "B");
}

static void test_guesses(void **state)
{
    (void)state;
    check("", PH_BYTES("\xC3\xBC"), "\xC3\xBC");
    check("", PH_BYTES("\xFC!"), "\xC3\xBC!");
    check("us-ascii", PH_BYTES("\xE2\x82"), "\xC3\xA2\xE2\x80\x9A");
    check("klingon", PH_BYTES("x\x93"), "x\xE2\x80\x9C");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(ph_charset_is_known(PH_BYTES("utf-8")));
    assert_true(ph_charset_is_known(PH_BYTES("US-ASCII")));
    assert_true(ph_charset_is_known(PH_BYTES("ISO-8859-7")));
    assert_true(ph_charset_is_known(PH_BYTES("Windows-1251")));
    assert_false(ph_charset_is_known(PH_BYTES("klingon")));
    assert_false(ph_charset_is_known(PH_BYTES("utf-7")));
    assert_false(ph_charset_is_known(PH_BYTES("")));
    assert_false(ph_charset_is_known(PH_BYTES("utf-8//TRANSLIT")));
    assert_false(ph_charset_is_known(PH_BYTES("../../etc/x")));
}

/* What the lists have, this system has; and what they keep is enough for every name. */
static void test_iconv_has_what_we_name(void **state)
{
    (void)state;
    static const char *const names[] = {"big5",     "cp850",       "cp932",       "euc-jp",
                                        "euc-kr",   "gbk",         "iso-2022-kr", "iso-8859-16",
                                        "koi8-u",   "macintosh",   "x-mac-roman", "tis-620",
                                        "utf-32le", "windows-874", "iso-8859-8-i"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(ph_charset_is_known(ph_bytes_str(names[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_broken_text),
        cmocka_unit_test(test_guesses),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_iconv_has_what_we_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
