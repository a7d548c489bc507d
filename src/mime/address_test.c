/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mime/address.h"

static void put_text(struct ph_buf *out, const char *before, struct ph_bytes text)
{
    ph_buf_str(out, before);
    if (text.ptr == NULL) {
        ph_buf_str(out, "NIL");
    } else {
        ph_buf_byte(out, '\'');
        ph_buf_bytes(out, text);
        ph_buf_byte(out, '\'');
    }
}

/* Each address as (name route mailbox host), as IMAP has them. */
static void check(const char *value, const char *expected)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_buf out = PH_BUF(65536);
    struct ph_mime_address_reader reader = ph_mime_addresses(ph_bytes_str(value));
    struct ph_mime_address address;
    while (ph_mime_address_next(&reader, &arena, &address)) {
        put_text(&out, "(", address.name);
        put_text(&out, " ", address.route);
        put_text(&out, " ", address.mailbox);
        put_text(&out, " ", address.host);
        ph_buf_str(&out, ")");
    }
    assert_string_equal(ph_buf_cstr(&out), expected);
    ph_buf_fini(&out);
    ph_arena_fini(&arena);
}

static void test_examples_of_rfc_5322(void **state)
{
    (void)state;
    check(" John Doe <jdoe@machine.example>", "('John Doe' NIL 'jdoe' 'machine.example')");
    check("\"Joe Q. Public\" <john.q.public@example.com>",
          "('Joe Q. Public' NIL 'john.q.public' 'example.com')");
    check("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
          "('Mary Smith' NIL 'mary' 'x.test')(NIL NIL 'jdoe' 'example.org')('Who?' NIL 'one' 'y.test')");
    check("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
          "(NIL NIL 'boss' 'nil.test')('Giant; \"Big\" Box' NIL 'sysservices' 'example.net')");
    check("A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;",
          "(NIL NIL 'A Group' NIL)('Ed Jones' NIL 'joe' 'where.test')(NIL NIL 'joe' 'where.test')"
          "('John' NIL 'jdoe' 'one.test')(NIL NIL NIL NIL)");
    check("Undisclosed recipients:;", "(NIL NIL 'Undisclosed recipients' NIL)(NIL NIL NIL NIL)");
    /* A.5: blanks, comments and folds. */
    check("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
          "('Pete' NIL 'pete' 'silly.test')");
    check("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
          "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
          "(NIL NIL 'A Group' NIL)('Chris Jones' NIL 'c' 'public.example')(NIL NIL 'joe' 'example.org')"
          "('John' NIL 'jdoe' 'one.test')(NIL NIL NIL NIL)");
    check("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
          "(NIL NIL 'Hidden recipients' NIL)(NIL NIL NIL NIL)");
    /* A.6: obsolete. */
    check("Joe Q. Public <john.q.public@example.com>", "('Joe Q. Public' NIL 'john.q.public' 'example.com')");
    check("Mary Smith <@node.test,@b.test:mary@example.net>, , jdoe@test  . example",
          "('Mary Smith' '@node.test,@b.test' 'mary' 'example.net')(NIL NIL 'jdoe' 'test.example')");
    check("John Doe <jdoe@machine(comment).  example>", "('John Doe' NIL 'jdoe' 'machine.example')");
}

static void test_names_behind_addresses(void **state)
{
    (void)state;
    check("jdoe@example.org (John (Johnny) Doe)", "('John (Johnny) Doe' NIL 'jdoe' 'example.org')");
    check("<jdoe@example.org> (John)", "('John' NIL 'jdoe' 'example.org')");
    check("\"\" <a@b>", "(NIL NIL 'a' 'b')");
    check("=?utf-8?Q?J=C3=BCrgen?= <j@x>", "('=?utf-8?Q?J=C3=BCrgen?=' NIL 'j' 'x')");
    check("J\xC3\xBCrgen <j\xC3\xBC@x>", "('J\xC3\xBCrgen' NIL 'j\xC3\xBC' 'x')");
}

static void test_odd_local_parts(void **state)
{
    (void)state;
    check("\"john doe\"@example.org", "(NIL NIL 'john doe' 'example.org')");
    check("\"a@b\"@c", "(NIL NIL 'a@b' 'c')");
    check("a@[IPv6:::1]", "(NIL NIL 'a' '[IPv6:::1]')");
    check("a@b@c", "(NIL NIL 'a' 'b@c')");
}

static void test_what_is_no_address(void **state)
{
    (void)state;
    check("", "");
    check(" , ;,, ", "");
    check("root", "(NIL NIL 'root' '')");
    check("the whole team", "(NIL NIL 'the whole team' '')");
    check("@example.org", "(NIL NIL '' 'example.org')");
    check("<>", "(NIL NIL '' '')");
    check("Name <", "('Name' NIL '' '')");
    check("Name <a@b, c@d", "('Name' NIL 'a' 'b')(NIL NIL 'c' 'd')");
    check("\"never closed, a@b", "(NIL NIL 'never closed, a@b' '')");
    check("(never closed a@b", "");
    check("a group: b@c, d@e", "(NIL NIL 'a group' NIL)(NIL NIL 'b' 'c')(NIL NIL 'd' 'e')(NIL NIL NIL NIL)");
    check("g: h: i@j;", "(NIL NIL 'g' NIL)(NIL NIL 'h:i' 'j')(NIL NIL NIL NIL)");
    check("\\", "(NIL NIL '\\' '')");
    check("a>b", "(NIL NIL 'a>b' '')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_rfc_5322),
        cmocka_unit_test(test_names_behind_addresses),
        cmocka_unit_test(test_odd_local_parts),
        cmocka_unit_test(test_what_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
