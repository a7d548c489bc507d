/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mutf7.h"

static void assert_coded(const char *plain, const char *coded, const char *as_file)
{
    struct ph_buf out = PH_BUF(256);
    ph_mutf7_encode(ph_bytes_str(plain), &out);
    assert_string_equal(ph_buf_cstr(&out), coded);
    ph_buf_clear(&out);
    ph_mutf7_encode_file(ph_bytes_str(plain), &out);
    assert_string_equal(ph_buf_cstr(&out), as_file);
    ph_buf_clear(&out);
    assert_int_equal(ph_mutf7_decode(ph_bytes_str(as_file), &out, NULL), PH_OK);
    assert_string_equal(ph_buf_cstr(&out), plain);
    ph_buf_fini(&out);
}

/* The first is of RFC 3501 section 5.1.3. */
static void test_names(void **state)
{
    (void)state;
    assert_coded("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
                 "~peter&AC8-mail&AC9T8FMXAC9l5Wcsip4-");
    assert_coded("A&B", "A&-B", "A&-B");
    assert_coded("a/b", "a/b", "a&AC8-b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
