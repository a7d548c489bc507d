/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pop3/session.h"

static const int classes[] = {
#define CLASS(name, number, text, meaning) number,
    PH_ERRORS(CLASS)
#undef CLASS
};

static void every_failure_of_every_class_has_a_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        for (int what = PH_POP3_AT_LOGIN; what <= PH_POP3_AT_UPDATE; what++) {
            struct ph_bytes text = ph_bytes_str(ph_pop3_text_of((enum ph_pop3_failure)what, classes[i]));
            assert_true(ph_bytes_starts(text, PH_BYTES("-ERR ")));
            assert_true(text.len <= 510); /* RFC 2449 section 4, with CRLF 512 */
            for (size_t at = 0; at < text.len; at++) {
                assert_in_range(text.ptr[at], ' ', '~');
            }
        }
    }
}

static void expect(enum ph_pop3_failure what, int class, const char *code)
{
    struct ph_bytes text = ph_bytes_str(ph_pop3_text_of(what, class));
    assert_true(ph_bytes_starts(ph_bytes_from(text, 5), ph_bytes_str(code)));
}

/* RFC 3206 and RFC 2449 section 8.1: what a client's next step depends on. */
static void the_codes_that_clients_act_upon(void **state)
{
    (void)state;
    expect(PH_POP3_AT_LOGIN, PH_EDENIED, "[AUTH] ");
    expect(PH_POP3_AT_LOGIN, PH_ELIMIT, "[SYS/TEMP] ");
    expect(PH_POP3_AT_LOGIN, PH_EBUSY, "[SYS/TEMP] ");
    expect(PH_POP3_AT_LOGIN, PH_EUNAVAILABLE, "[SYS/TEMP] ");
    expect(PH_POP3_AT_MAILDROP, PH_EBUSY, "[IN-USE] ");
    expect(PH_POP3_AT_MAILDROP, PH_EUNAVAILABLE, "[SYS/TEMP] ");
    expect(PH_POP3_AT_MESSAGE, PH_EUNAVAILABLE, "[SYS/TEMP] ");
    expect(PH_POP3_AT_MESSAGE, PH_ECORRUPT, "[SYS/PERM] ");
    expect(PH_POP3_AT_UPDATE, PH_EUNAVAILABLE, "[SYS/TEMP] ");
    expect(PH_POP3_AT_UPDATE, PH_EUNKNOWN_OUTCOME, "[SYS/TEMP] ");
    expect(PH_POP3_AT_UPDATE, PH_EBUG, "[SYS/PERM] ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_of_every_class_has_a_reply),
        cmocka_unit_test(the_codes_that_clients_act_upon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
