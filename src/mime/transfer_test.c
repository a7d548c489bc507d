/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/transfer.h"

/* In pieces of every size the same. */
static void check(const char *encoding, const char *encoded, const char *expected, bool has_faults)
{
    struct ph_bytes text = ph_bytes_str(encoded);
    for (size_t size = 1; size <= text.len + 1; size++) {
        struct ph_transfer transfer;
        struct ph_buf out = PH_BUF(65536);
        assert_true(ph_transfer_init(&transfer, ph_bytes_str(encoding)));
        for (size_t at = 0; at < text.len; at += size) {
            ph_transfer_feed(&transfer, ph_bytes_first(ph_bytes_from(text, at), size), &out);
        }
        ph_transfer_finish(&transfer, &out);
        assert_string_equal(ph_buf_cstr(&out), expected);
        assert_int_equal(transfer.has_faults, has_faults);
        ph_buf_fini(&out);
    }
}

static void test_base64(void **state)
{
    (void)state;
    check("base64", "", "", false);
    check("BASE64", "Zg==", "f", false);
    check("base64", "Zm8=", "fo", false);
    check("base64", "Zm9v", "foo", false);
    check("base64", "Zm9v\r\nYmFy\r\n", "foobar", false);
    check("base64", "Zm9 vYm\tE=\r\n", "fooba", false);
    check("base64", "Zm9vYg", "foob", false);
    check("base64", "Zg==Zm8=", "ffo", false);
    check("base64", "Zm-9v!", "foo", true);
    check("base64", "Zm9vY", "foo", true);
    check("base64", "Pj4+Pz8/", ">>>?\?\?", false);
}

static void test_quoted_printable(void **state)
{
    (void)state;
    check("quoted-printable", "J=C3=BCrgen", "J\xC3\xBCrgen", false);
    check("Quoted-Printable", "=c3=bc", "\xC3\xBC", false);
    check("quoted-printable", "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
          "Now's the time for all folk to come to the aid of their country.", false);
    check("quoted-printable", "blanks at the end \t \r\nof a line", "blanks at the end\r\nof a line", false);
    check("quoted-printable", "a= \t\r\nb", "ab", false);
    check("quoted-printable", "a=\nb", "ab", false);
    check("quoted-printable", "a  b \tc", "a  b \tc", false);
    check("quoted-printable", "1+1=2", "1+1=2", true);
    check("quoted-printable", "=G0=3D", "=G0=", true);
    check("quoted-printable", "=4=34", "=44", true);
    check("quoted-printable", "==3D", "==", true);
    check("quoted-printable", "end=", "end", false);
    check("quoted-printable", "end=4", "end=4", true);
    check("quoted-printable", "end   ", "end", false);
}

static void test_many_blanks_are_text(void **state)
{
    (void)state;
    char text[2 * PH_TRANSFER_HELD_MAX + 2];
    memset(text, ' ', sizeof text - 1);
    text[sizeof text - 2] = 'x';
    text[sizeof text - 1] = '\0';
    check("quoted-printable", text, text, false);
}

static void test_others_pass(void **state)
{
    (void)state;
    struct ph_transfer transfer;
    check("", "a=\xFF", "a=\xFF", false);
    check("8bit", "a=20", "a=20", false);
    check("7BIT", "x", "x", false);
    check("binary", "x", "x", false);
    assert_false(ph_transfer_init(&transfer, PH_BYTES("x-uuencode")));
    assert_int_equal(transfer.kind, PH_TRANSFER_IDENTITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_quoted_printable),
        cmocka_unit_test(test_many_blanks_are_text),
        cmocka_unit_test(test_others_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
