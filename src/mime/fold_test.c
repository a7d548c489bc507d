/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/fold.h"

static void check_same(const char *a, const char *b, bool is_same)
{
    struct ph_buf folded_a = PH_BUF(65536);
    struct ph_buf folded_b = PH_BUF(65536);
    ph_fold(ph_bytes_str(a), &folded_a);
    ph_fold(ph_bytes_str(b), &folded_b);
    assert_int_equal(ph_bytes_eq(ph_buf_view(&folded_a), ph_buf_view(&folded_b)), is_same);
    ph_buf_fini(&folded_a);
    ph_buf_fini(&folded_b);
}

static void test_texts_that_are_the_same(void **state)
{
    (void)state;
    check_same("HELLO, World [1]", "hello, world [1]", true);
    check_same("M\xC3\x9CLLER", "m\xC3\xBCller", true);
    check_same("STRASSE",
               "stra\xC3\x9F"
               "e",
               true);
    check_same("\xCE\xA3\xCE\x8A\xCE\xA3\xCE\xA5\xCE\xA6\xCE\x9F\xCE\xA3",
               "\xCF\x83\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x82", true);
    check_same("\xD0\x9F\xD0\xA0\xD0\x98", "\xD0\xBF\xD1\x80\xD0\xB8", true);
    check_same("\xC3\xA9", "e\xCC\x81", true);
    check_same("\xEF\xBC\xA1", "a", true);
    check_same("\xEF\xAC\x81", "fi", true);
    check_same("a", "b", false);
    check_same("e", "\xC3\xA9", false);
    check_same("a\xFF", "A\xEF\xBF\xBD", true);
}

static bool finds(const char *needle, const char *text, size_t piece_bytes)
{
    struct ph_buf folded = PH_BUF(65536);
    struct ph_fold_search search;
    ph_fold(ph_bytes_str(needle), &folded);
    ph_fold_search_init(&search, ph_buf_view(&folded));
    struct ph_bytes rest = ph_bytes_str(text);
    for (; rest.len > 0; rest = ph_bytes_from(rest, piece_bytes)) {
        ph_fold_search_feed(&search, ph_bytes_first(rest, piece_bytes));
    }
    ph_fold_search_break(&search);
    bool is_found = search.is_found;
    ph_fold_search_fini(&search);
    ph_buf_fini(&folded);
    return is_found;
}

static void test_search(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        assert_true(finds("WORLD", "hello world", piece));
        assert_true(finds("m\xC3\xBCller", "Herr M\xC3\x9CLLER kommt", piece));
        assert_true(finds("\xF0\x9F\x98\x80!", "so \xF0\x9F\x98\x80!", piece));
        assert_true(finds("", "x", piece));
        assert_true(finds("aab", "aaab", piece));
        assert_true(finds("\xE4\xBA\xAC", "\xE6\x9D\xB1\xE4\xBA\xAC", piece));
        assert_true(finds("x", "\xE6\x9Dx", piece));
        assert_false(finds("\xE6\x9D\xB1", "\xE6\x9D", piece));
        assert_false(finds("worlds", "hello world", piece));
    }
}

static void test_search_over_long_text(void **state)
{
    (void)state;
    struct ph_buf text = PH_BUF(1 << 20);
    for (unsigned i = 0; i < 20000; i++) {
        ph_buf_str(&text, i % 3 == 0 ? "\xC3\x84" : "a ");
    }
    ph_buf_str(&text, "Needle");
    assert_true(finds("a needle", ph_buf_cstr(&text), 100000));
    assert_true(finds("nEEDLE", ph_buf_cstr(&text), 4097));
    assert_false(finds("needles", ph_buf_cstr(&text), 4096));
    ph_buf_fini(&text);
}

static void test_nothing_is_found_across_a_break(void **state)
{
    (void)state;
    struct ph_fold_search search;
    ph_fold_search_init(&search, PH_BYTES("ab"));
    ph_fold_search_feed(&search, PH_BYTES("a"));
    ph_fold_search_break(&search);
    ph_fold_search_feed(&search, PH_BYTES("b"));
    ph_fold_search_break(&search);
    assert_false(search.is_found);
    ph_fold_search_feed(&search, PH_BYTES("AB"));
    assert_true(search.is_found);
    ph_fold_search_fini(&search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_that_are_the_same),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_over_long_text),
        cmocka_unit_test(test_nothing_is_found_across_a_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
