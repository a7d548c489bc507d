/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imap/envelope.h"
#include "mime/summary.h"

static struct ph_buf out = PH_BUF(1024 * 1024);
static struct ph_arena arena;

static void expect_envelope(const char *fields, const char *wanted)
{
    ph_buf_clear(&out);
    ph_imap_put_envelope(&out, ph_bytes_str(fields), &arena);
    assert_string_equal(ph_buf_cstr(&out), wanted);
}

/* The example of RFC 3501 section 8. */
static void the_envelope_of_the_example(void **state)
{
    (void)state;
    expect_envelope("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                    "From: Terry Gray <gray@cac.washington.edu>\r\n"
                    "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                    "To: imap@cac.washington.edu\r\n"
                    "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                    "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
                    "MIME-Version: 1.0\r\n",
                    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((NIL NIL \"imap\" \"cac.washington.edu\")) "
                    "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
                    "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
                    "\"<B27397-0100000@cac.washington.edu>\")");
}

static void nothing_is_nil(void **state)
{
    (void)state;
    expect_envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    expect_envelope("Subject:\r\nTo: \r\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void folded_values_are_one_line(void **state)
{
    (void)state;
    expect_envelope("Subject: a\r\n b\r\n\tc \r\n", "(NIL \"a b\tc\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

/* RFC 9051 section 7.5.2: a group begins with its name and ends with all NIL. */
static void groups(void **state)
{
    (void)state;
    expect_envelope(
        "To: A: b@c.example;\r\n",
        "(NIL NIL NIL NIL NIL ((NIL NIL \"A\" NIL)(NIL NIL \"b\" \"c.example\")(NIL NIL NIL NIL)) "
        "NIL NIL NIL NIL)");
}

static void octets_above_ascii_are_literals(void **state)
{
    (void)state;
    expect_envelope("Subject: caf\xc3\xa9\r\n", "(NIL {5}\r\ncaf\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void expect_structure(const char *message, unsigned how, const char *wanted)
{
    struct ph_summary summary;
    struct ph_bytes envelope;
    struct ph_bytes octets;
    struct ph_error err = {0};
    struct ph_part *root;
    ph_summary_init(&summary);
    ph_summary_feed(&summary, ph_bytes_str(message));
    ph_summary_finish(&summary, PH_BYTES(""), &envelope, &octets);
    assert_non_null(octets.ptr);
    assert_int_equal(ph_structure_decode(octets, &arena, &root, &err), PH_OK);
    ph_buf_clear(&out);
    ph_imap_put_structure(&out, root, how, &arena);
    assert_string_equal(ph_buf_cstr(&out), wanted);
    ph_summary_fini(&summary);
}

static void plain_text(void **state)
{
    (void)state;
    expect_structure("Subject: x\r\n\r\nab\r\ncd\r\n", 0,
                     "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 2)");
    expect_structure("Content-Type: TEXT/HTML; charset=utf-8\r\nContent-Transfer-Encoding: 8BIT\r\n"
                     "Content-Language: de, en\r\nContent-Disposition: inline\r\n\r\nab\r\n",
                     PH_IMAP_STRUCTURE_EXTENDED,
                     "(\"TEXT\" \"HTML\" (\"charset\" \"utf-8\") NIL NIL \"8BIT\" 4 1 NIL (\"inline\" NIL) "
                     "(\"de\" \"en\") NIL)");
}

static const char mixed[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                            "--b\r\n\r\nhello\r\n"
                            "--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n"
                            "Content-Disposition: attachment; filename=\"a.pdf\"\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
                            "--b--\r\n";

static void multipart(void **state)
{
    (void)state;
    expect_structure(mixed, 0,
                     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0)"
                     "(\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" 4) \"mixed\")");
    expect_structure(mixed, PH_IMAP_STRUCTURE_EXTENDED,
                     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)"
                     "(\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" 4 NIL "
                     "(\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL) \"mixed\" (\"boundary\" \"b\") "
                     "NIL NIL NIL)");
}

/* The grammar wants a part at least. */
static void a_multipart_without_parts(void **state)
{
    (void)state;
    expect_structure("Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n", 0,
                     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")");
}

static const char global[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                             "--b\r\nContent-Type: message/global\r\n\r\nSubject: in\r\n\r\nx\r\n"
                             "--b--\r\n";

static void a_message_inside(void **state)
{
    (void)state;
    expect_structure(
        "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\n", 0,
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL "
        "NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1) 3)");
    /* To a client of IMAP4rev1 that is an attachment like others. */
    expect_structure(global, 0, "((\"message\" \"global\" NIL NIL NIL \"7bit\" 16) \"mixed\")");
    expect_structure(global, PH_IMAP_STRUCTURE_GLOBAL,
                     "((\"message\" \"global\" NIL NIL NIL \"7bit\" 16 (NIL \"in\" NIL NIL NIL NIL NIL NIL "
                     "NIL NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0) 2) "
                     "\"mixed\")");
}

static int prepare(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    return 0;
}

static int release(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    ph_buf_fini(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelope_of_the_example),
        cmocka_unit_test(nothing_is_nil),
        cmocka_unit_test(folded_values_are_one_line),
        cmocka_unit_test(groups),
        cmocka_unit_test(octets_above_ascii_are_literals),
        cmocka_unit_test(plain_text),
        cmocka_unit_test(multipart),
        cmocka_unit_test(a_multipart_without_parts),
        cmocka_unit_test(a_message_inside),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
