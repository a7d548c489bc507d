/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtp/reply.h"

static const struct {
    unsigned code;
    const char *enhanced;
    const char *text;
} replies[] = {
#define ROW(name, code, enhanced, text) {code, enhanced, text},
    PH_SMTP_REPLIES(ROW)
#undef ROW
};

/* RFC 2034 section 4: the class of the enhanced code is the first digit of the reply; none with 3xx. */
static void test_enhanced_codes_agree_with_the_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        unsigned first_digit = replies[i].code / 100;
        if (first_digit == 3) {
            assert_string_equal(replies[i].enhanced, "");
            continue;
        }
        assert_int_equal(replies[i].enhanced[0], '0' + (int)first_digit);
        assert_int_equal(replies[i].enhanced[1], '.');
        assert_true(first_digit == 2 || first_digit == 4 || first_digit == 5);
    }
}

static void test_a_reply_is_one_line_of_ascii(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct ph_buf out = PH_BUF(512); /* RFC 5321 section 4.5.3.1.5 */
        ph_smtp_reply_put(&out, (enum ph_smtp_reply)(i + 1));
        assert_false(out.has_overflowed);
        for (size_t at = 0; at + 2 < out.len; at++) {
            assert_true(out.ptr[at] >= ' ' && out.ptr[at] < 0x7F);
        }
        assert_int_equal(ph_bytes_find_crlf(ph_buf_view(&out)), out.len - 2);
        assert_int_equal(ph_smtp_reply_code((enum ph_smtp_reply)(i + 1)), replies[i].code);
        ph_buf_fini(&out);
    }
}

static void test_the_form_of_a_reply(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(512);
    ph_smtp_reply_put(&out, PH_SMTP_REPLY_NO_SUCH_USER);
    ph_smtp_reply_put(&out, PH_SMTP_REPLY_SEND_DATA);
    assert_string_equal(ph_buf_cstr(&out), "550 5.1.1 No such user here\r\n"
                                           "354 Send the message, end with <CRLF>.<CRLF>\r\n");
    ph_buf_fini(&out);
}

static void test_trouble_of_ours_never_bounces_mail(void **state)
{
    (void)state;
    static const int ours[] = {PH_EUNAVAILABLE, PH_EUNKNOWN_OUTCOME, PH_ECORRUPT, PH_EBUG};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        for (int what = PH_SMTP_AT_SENDER; what <= PH_SMTP_AT_LOGIN; what++) {
            unsigned code = ph_smtp_reply_code(ph_smtp_reply_of((enum ph_smtp_step_of)what, ours[i]));
            assert_true(code >= 400 && code < 500);
        }
    }
}

static void test_classes_that_say_something(void **state)
{
    (void)state;
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_RECIPIENT, PH_ENOTFOUND), PH_SMTP_REPLY_NO_SUCH_USER);
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_RECIPIENT, PH_EDENIED), PH_SMTP_REPLY_RELAYING);
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_MESSAGE, PH_ELIMIT), PH_SMTP_REPLY_TOO_LARGE);
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_MESSAGE, PH_ECONFLICT), PH_SMTP_REPLY_LOOP);
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_MESSAGE, PH_EBUSY), PH_SMTP_REPLY_STORE_FULL);
    assert_int_equal(ph_smtp_reply_of(PH_SMTP_AT_LOGIN, PH_EDENIED), PH_SMTP_REPLY_LOGIN_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enhanced_codes_agree_with_the_reply),
        cmocka_unit_test(test_a_reply_is_one_line_of_ascii),
        cmocka_unit_test(test_the_form_of_a_reply),
        cmocka_unit_test(test_trouble_of_ours_never_bounces_mail),
        cmocka_unit_test(test_classes_that_say_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
