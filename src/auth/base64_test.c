/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sodium.h>
#include <cmocka.h>

#include "auth/auth.h"

/* RFC 4648 section 10. */
static const struct {
    const char *plain;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void vectors_both_ways(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(64);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        ph_buf_clear(&out);
        ph_base64_encode(ph_bytes_str(vectors[i].plain), &out);
        assert_string_equal(ph_buf_cstr(&out), vectors[i].text);
        ph_buf_clear(&out);
        assert_int_equal(ph_base64_decode(ph_bytes_str(vectors[i].text), &out), PH_OK);
        assert_string_equal(ph_buf_cstr(&out), vectors[i].plain);
    }
    ph_buf_fini(&out);
}

static void every_octet_comes_back(void **state)
{
    (void)state;
    uint8_t octets[256];
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)i;
    }
    struct ph_buf text = PH_BUF(1024);
    struct ph_buf back = PH_BUF(1024);
    for (size_t len = 0; len <= sizeof octets; len++) {
        ph_buf_clear(&text);
        ph_buf_clear(&back);
        ph_base64_encode(ph_bytes_of(octets, len), &text);
        assert_int_equal(ph_base64_decode(ph_buf_view(&text), &back), PH_OK);
        assert_true(ph_bytes_eq(ph_buf_view(&back), ph_bytes_of(octets, len)));
    }
    ph_buf_fini(&text);
    ph_buf_fini(&back);
}

static void what_is_not_base64(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Z",        "Zg",   "Zg=",  "Zg==\n", "Zm9 v", " Zm9v",    "Zm9v====", "====",       "=Zg=",
        "Zg==Zg==", "Zm-_", "Zh==", "Zm9=",   "Z===",  "Zm9v\r\n", "Zm9*",     "Zm\xC3\xBC",
    };
    struct ph_buf out = PH_BUF(64);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ph_base64_decode(ph_bytes_str(wrong[i]), &out) != PH_EINVALID) {
            fail_msg("\"%s\" was taken for base64", wrong[i]);
        }
        assert_int_equal(out.len, 0);
    }
    ph_buf_fini(&out);
}

static void only_the_alphabet(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct ph_buf out = PH_BUF(64);
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 4; at++) {
            uint8_t text[] = {'Z', 'm', '9', 'v'};
            text[at] = (uint8_t)c;
            bool is_letter = c != 0 && strchr(alphabet, c) != NULL;
            /* No padding either: "Zm9=" leaves bits that are not zero. */
            int want = is_letter ? PH_OK : PH_EINVALID;
            ph_buf_clear(&out);
            if (ph_base64_decode(ph_bytes_of(text, 4), &out) != want) {
                fail_msg("octet %d at %zu", c, at);
            }
        }
    }
    ph_buf_fini(&out);
}

static void the_buffer_is_the_limit(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(5);
    assert_int_equal(ph_base64_decode(PH_BYTES("Zm9vYmE="), &out), PH_OK);
    assert_int_equal(ph_base64_decode(PH_BYTES("Zg=="), &out), PH_ELIMIT);
    ph_buf_clear(&out);
    ph_base64_encode(PH_BYTES("foob"), &out);
    assert_true(out.has_overflowed);
    ph_buf_fini(&out);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_both_ways),       cmocka_unit_test(every_octet_comes_back),
        cmocka_unit_test(what_is_not_base64),      cmocka_unit_test(only_the_alphabet),
        cmocka_unit_test(the_buffer_is_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
