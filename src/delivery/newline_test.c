/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/newline.h"

static void check(struct ph_bytes text, struct ph_bytes wanted)
{
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct ph_newline newline = {0};
        struct ph_buf out = PH_BUF(256);
        ph_newline_convert(&newline, ph_bytes_first(text, cut), &out);
        ph_newline_convert(&newline, ph_bytes_from(text, cut), &out);
        assert_true(ph_bytes_eq(ph_buf_view(&out), wanted));
        ph_buf_fini(&out);
    }
}

static void test_lines(void **state)
{
    (void)state;
    check(PH_BYTES(""), PH_BYTES(""));
    check(PH_BYTES("a\nb\n"), PH_BYTES("a\r\nb\r\n"));
    check(PH_BYTES("a\r\nb\r\n"), PH_BYTES("a\r\nb\r\n"));
    check(PH_BYTES("a\n\n\r\n\nb"), PH_BYTES("a\r\n\r\n\r\n\r\nb"));
    check(PH_BYTES("a\rb\r"), PH_BYTES("a\rb\r"));
    check(PH_BYTES("\r\r\n\n"), PH_BYTES("\r\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
