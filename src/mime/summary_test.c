/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mime/summary.h"

static const struct ph_bytes none = {NULL, 0};

/* A part as "type/subtype offset+octets(lines)", its children in brackets; a header in front as "{offset+octets}". */
static void put_tree(const struct ph_part *part, struct ph_buf *out)
{
    if (part->parent != NULL) {
        ph_buf_printf(out, "{%llu+%llu}", (unsigned long long)part->header_offset,
                      (unsigned long long)part->header_bytes);
    }
    ph_buf_printf(out, "%.*s/%.*s %llu+%llu(%llu)", (int)part->type.len, (const char *)part->type.ptr,
                  (int)part->subtype.len, (const char *)part->subtype.ptr,
                  (unsigned long long)ph_part_offset(part), (unsigned long long)part->octets,
                  (unsigned long long)part->lines);
    if (part->kind != PH_PART_LEAF) {
        ph_buf_str(out, "[");
        for (const struct ph_part *child = part->children; child != NULL; child = child->next) {
            ph_buf_str(out, child == part->children ? "" : ", ");
            put_tree(child, out);
        }
        ph_buf_str(out, "]");
    }
}

static void check_tree(struct ph_bytes structure, const char *expected)
{
    struct ph_arena arena;
    struct ph_part *root = NULL;
    struct ph_buf out = PH_BUF(1 << 20);
    ph_arena_init(&arena, 0);
    assert_int_equal(ph_structure_decode(structure, &arena, &root, NULL), PH_OK);
    put_tree(root, &out);
    assert_string_equal(ph_buf_cstr(&out), expected);
    ph_buf_clear(&out);
    ph_structure_encode(root, &out);
    assert_true(ph_bytes_eq(structure, ph_buf_view(&out)));
    ph_buf_fini(&out);
    ph_arena_fini(&arena);
}

/* As a whole and in pieces of every size. */
static void check(const char *message, const char *expected)
{
    struct ph_bytes octets = ph_bytes_str(message);
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_summary summary;
    ph_summary_init(&summary);
    for (size_t size = 1; size <= octets.len; size++) {
        for (size_t at = 0; at < octets.len; at += size) {
            ph_summary_feed(&summary, ph_bytes_first(ph_bytes_from(octets, at), size));
        }
        ph_summary_finish(&summary, none, &envelope, &structure);
        check_tree(structure, expected);
        ph_summary_clear(&summary);
    }
    ph_summary_fini(&summary);
}

static void test_messages_of_one_part(void **state)
{
    (void)state;
    check("\r\n", "text/plain 0+0(0)");
    check("Subject: x\r\n", "text/plain 0+0(0)");
    check("Subject: x\r\n\r\nhello\r\nworld\r\n", "text/plain 0+14(2)");
    check("Content-Type: text/html\r\n\r\nhello", "text/html 0+5(0)");
    check("Content-Type: TEXT/x-Y (c) ; charset=utf-8\r\n\r\na\nb\n", "TEXT/x-Y 0+4(2)");
    check("Content-Type: nonsense\r\nContent-Type: image/png\r\n\r\n", "image/png 0+0(0)");
    check("Content-Type: text/html\r\nContent-Type: image/png\r\n\r\n", "text/html 0+0(0)");
    check("Content-Type: multipart/mixed\r\n\r\n--x\r\n", "multipart/mixed 0+5(1)[]");
    check("Content-Type: multipart; boundary=x\r\n\r\n--x\r\n\r\na",
          "multipart/mixed 0+8(2)[{5+2}text/plain 7+1(0)]");
}

/* RFC 2046 section 5.1.1, but for the text. */
static void test_multipart(void **state)
{
    (void)state;
    check(
        "MIME-Version: 1.0\r\nContent-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n"
        "preamble\r\n\r\n"
        "--simple boundary\r\n\r\nimplicit\r\nno end\r\n"
        "--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\nexplicit\r\nwith end\r\n\r\n"
        "--simple boundary--\r\n\r\nepilogue\r\n",
        "multipart/mixed 0+171(15)[{31+2}text/plain 33+16(1), {70+46}text/plain 116+20(2)]");
}

static void test_parts_in_parts(void **state)
{
    (void)state;
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n"
        "--a\r\n\r\n3\r\n--a--\r\n",
        "multipart/mixed 0+100(14)[{5+51}multipart/alternative 56+25(6)[{61+2}text/plain 63+1(0), {71+2}text/plain 73+1(0)], {88+2}text/plain 90+1(0)]");
}

static void test_messages_in_messages(void **state)
{
    (void)state;
    check("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
          "message/rfc822 0+21(3)[{0+15}text/plain 15+6(1)]");
    check(
        "Content-Type: multipart/digest; boundary=d\r\n\r\n"
        "--d\r\n\r\nSubject: a\r\n\r\nx\r\n--d\r\nContent-Type: text/plain\r\n\r\ny\r\n--d--",
        "multipart/digest 0+65(9)[{5+2}message/rfc822 7+15(2)[{7+14}text/plain 21+1(0)], {29+28}text/plain 57+1(0)]");
    check("Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n",
          "message/global 0+18(1)");
    check("Content-Type: message/global\r\n\r\nSubject: x\r\n\r\n",
          "message/global 0+14(2)[{0+14}text/plain 14+0(0)]");
}

static void test_broken_multiparts(void **state)
{
    (void)state;
    /* No end: the inner one ends where the outer one goes on, and the outer with the message. */
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--a\r\n\r\n2\r\n",
        "multipart/mixed 0+70(9)[{5+45}multipart/mixed 50+8(2)[{55+2}text/plain 57+1(0)], {65+2}text/plain 67+3(1)]");
    /* A boundary within a header. */
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: image/png\r\n--a\r\n\r\nx\r\n--a--\r\n",
        "multipart/mixed 0+47(6)[{5+23}image/png 28+0(0), {35+2}text/plain 37+1(0)]");
    /* Nothing between boundaries, and nothing behind one. */
    check("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n\r\n--a",
          "multipart/mixed 0+15(3)[{3+0}text/plain 3+0(0), {10+0}text/plain 10+0(0)]");
    /* One boundary begins with the other: the longer one counts. */
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\n1\r\n--ab--\r\n--a\r\n\r\n2\r\n--a--\r\n",
        "multipart/mixed 0+87(11)[{5+46}multipart/mixed 51+17(3)[{57+2}text/plain 59+1(0)], {75+2}text/plain 77+1(0)]");
    /* The end of the shorter one begins with the longer one. */
    check(
        "Content-Type: multipart/mixed; boundary=\"--\"\r\n\r\n"
        "----\r\nContent-Type: multipart/mixed; boundary=\"-\"\r\n\r\n---\r\n\r\n1\r\n-----\r\n----\r\n\r\n2\r\n------\r\n",
        "multipart/mixed 0+89(11)[{6+47}multipart/mixed 53+15(3)[{58+2}text/plain 60+1(0)], {76+2}text/plain 78+1(0)]");
    /* The same one twice: the inner counts until it is ended. */
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n1\r\n--a--\r\n--a\r\n\r\n2\r\n--a--\r\n",
        "multipart/mixed 0+84(11)[{5+45}multipart/mixed 50+15(3)[{55+2}text/plain 57+1(0)], {72+2}text/plain 74+1(0)]");
    /* Behind the end nothing begins. */
    check("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n1\r\n--a--\r\n--a\r\n\r\n2\r\n",
          "multipart/mixed 0+27(7)[{5+2}text/plain 7+1(0)]");
}

static void test_line_feeds_alone(void **state)
{
    (void)state;
    check("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\nContent-Type: text/html\n\n1\n2\n--a--\n",
          "multipart/mixed 0+39(6)[{4+25}text/html 29+3(1)]");
    check("A: b\nContent-Type: text/html\r\n\r\nx\r\n", "text/plain 0+3(1)");
}

static void test_lines_like_boundaries(void **state)
{
    (void)state;
    check(
        "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n\r\n--\r\n-- \r\n--=\r\n---=_b\r\n --=_b\r\n"
        "--=_\r\n--=_b  \t\r\n\r\nx\r\n--=_b--x",
        "multipart/mixed 0+68(11)[{7+2}text/plain 9+34(5), {55+2}text/plain 57+1(0)]");
}

static const struct ph_part *parse(struct ph_summary *summary, const char *message)
{
    ph_summary_feed(summary, ph_bytes_str(message));
    return ph_summary_finish_tree(summary);
}

static void check_text(struct ph_bytes text, const char *expected)
{
    assert_true(ph_bytes_eq(text, ph_bytes_str(expected)));
    assert_true(text.ptr == NULL || expected != NULL);
}

static void test_what_a_header_says(void **state)
{
    (void)state;
    struct ph_summary summary;
    ph_summary_init_large(&summary);
    const struct ph_part *root =
        parse(&summary, "Content-Type: application/x-a ; name=\"a;\\\"b\" ; x = y;;; z=(c) 1 2; broken;\r\n"
                        "\tUNQUOTED=a=b/c\"d; q=\"open\r\n"
                        "Content-Disposition: (c) attachment; filename=\"a b\" size=7\r\n"
                        "Content-Transfer-Encoding: BASE64 (of course)\r\n"
                        "Content-ID:  <a@b> \r\nContent-Description: a\r\n  b\r\nContent-MD5: Q2hlY2s=\r\n"
                        "Content-Language: en,\r\n de (German)\r\nContent-Location: http://a/\r\n\r\n");
    static const char *const params[][2] = {
        {"name", "a;\"b"}, {"x", "y"}, {"z", "1"}, {"UNQUOTED", "a=b/c\"d"}, {"q", "open"}};
    assert_int_equal(root->params.count, 5);
    for (unsigned i = 0; i < root->params.count; i++) {
        check_text(root->params.list[i].name, params[i][0]);
        check_text(root->params.list[i].value, params[i][1]);
    }
    check_text(root->disposition, "attachment");
    assert_int_equal(root->disposition_params.count, 2);
    check_text(root->disposition_params.list[0].value, "a b");
    check_text(root->disposition_params.list[1].value, "7");
    check_text(root->encoding, "BASE64");
    check_text(root->id, "<a@b>");
    check_text(root->description, "a  b");
    check_text(root->md5, "Q2hlY2s=");
    check_text(root->language, "en,de");
    check_text(root->location, "http://a/");
    ph_summary_clear(&summary);
    root = parse(&summary, "Content-ID:\r\nContent-Disposition: ;\r\n\r\n");
    assert_null(root->id.ptr);
    assert_null(root->disposition.ptr);
    check_text(root->params.list[0].value, "us-ascii");
    ph_summary_fini(&summary);
}

static void test_fields_of_a_message_inside(void **state)
{
    (void)state;
    struct ph_summary summary;
    ph_summary_init_large(&summary);
    const struct ph_part *root =
        parse(&summary, "Content-Type: message/rfc822\r\n\r\n"
                        "Received: x\r\nFROM: a@b\nSubject: folded\r\n text\nReferences: <x>\n"
                        "Message-Id: <1@a>\r\n\r\nbody");
    check_text(root->fields, NULL);
    check_text(root->children->fields, "FROM: a@b\r\nSubject: folded\r\n text\r\nMessage-Id: <1@a>\r\n");
    ph_summary_fini(&summary);
}

static void check_envelope(const char *header, const char *front, const char *expected)
{
    struct ph_summary summary;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_bytes fields = none;
    ph_summary_init(&summary);
    ph_summary_header(&summary, ph_bytes_str(header));
    ph_summary_body(&summary, PH_BYTES("From: body\r\n"));
    ph_summary_finish(&summary, ph_bytes_str(front), &envelope, &structure);
    assert_int_equal(ph_summary_fields(envelope, &fields), expected != NULL);
    check_text(fields, expected);
    ph_summary_fini(&summary);
}

static void test_the_fields_that_are_listed(void **state)
{
    (void)state;
    check_envelope("", "", "");
    check_envelope("Received: x\r\nfrom : a\r\nX-Y: z\r\nSubject: a\r\n b\r\nFrom: c\r\n\r\n", "",
                   "from : a\r\nSubject: a\r\n b\r\nFrom: c\r\n");
    check_envelope("Subject: not ended", "", "Subject: not ended");
    check_envelope("\r\nSubject: body\r\n", "", "");
    check_envelope(" Subject: x\r\nTo\tx: y\r\nTo: z\r\n", "", "To: z\r\n");
    check_envelope("To: z\r\n\r\n", "Received: a\r\n b\r\nDate: now\r\n", "Date: now\r\nTo: z\r\n");
    /* A CR at the 64th octet of a line does not end it with an LF that comes later. */
    check_envelope("0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
                   "012345678901234567890123456789012345678901234567890123456789012\rc\n\r\nTo: z\r\n\r\n",
                   "", "To: z\r\n");
    /* What would become part of a field in front is not known here. */
    check_envelope(" x\r\nTo: z\r\n\r\n", "Received: a\r\nDate: now\r\n", NULL);
    check_envelope(" x\r\nTo: z\r\n\r\n", "Date: now\r\nReceived: a\r\n", "Date: now\r\nTo: z\r\n");
    assert_true(ph_summary_covers(PH_BYTES("FROM")));
    assert_true(ph_summary_covers(PH_BYTES("list-unsubscribe")));
    assert_false(ph_summary_covers(PH_BYTES("Received")));
    assert_false(ph_summary_covers(PH_BYTES("Content-Disposition")));
    assert_false(ph_summary_covers(PH_BYTES("")));
}

/* What this version stores, another must read. */
static void test_the_stored_form(void **state)
{
    (void)state;
    struct ph_summary summary;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    static const uint8_t plain[] = {1, 0x24, 0x17, 0x21, 1, 0x37, 0x24, 0x0D, 6, 1};
    ph_summary_init(&summary);
    ph_summary_feed(&summary, PH_BYTES("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                       "Content-Transfer-Encoding: 7bit\r\n\r\nbody\r\n"));
    ph_summary_finish(&summary, none, &envelope, &structure);
    assert_true(ph_bytes_eq(structure, ph_bytes_of(plain, sizeof plain)));
    assert_true(ph_bytes_eq(envelope, PH_BYTES("\1Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                               "Content-Transfer-Encoding: 7bit\r\n")));
    ph_summary_fini(&summary);
}

static void test_what_is_too_large_is_absent(void **state)
{
    (void)state;
    struct ph_summary summary;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_buf message = PH_BUF(1 << 22);
    ph_buf_str(&message, "To: ");
    for (unsigned i = 0; i < 2000; i++) {
        ph_buf_str(&message, "a@b.example,\r\n ");
    }
    ph_buf_str(&message, "c@d.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n");
    for (unsigned i = 0; i < 11000; i++) {
        ph_buf_str(&message, "--x\r\n\r\n");
    }
    ph_summary_init(&summary);
    ph_summary_feed(&summary, ph_buf_view(&message));
    ph_summary_finish(&summary, none, &envelope, &structure);
    assert_null(envelope.ptr);
    assert_null(structure.ptr);
    ph_summary_fini(&summary);

    ph_summary_init_large(&summary);
    ph_summary_feed(&summary, ph_buf_view(&message));
    const struct ph_part *root = ph_summary_finish_tree(&summary);
    unsigned count = 1;
    const struct ph_part *last = NULL;
    for (const struct ph_part *child = root->children; child != NULL; child = child->next) {
        count++;
        last = child;
    }
    assert_int_equal(count, PH_STRUCTURE_PARTS_MAX);
    assert_int_equal(ph_part_offset(last) + last->octets, root->octets);
    ph_summary_fini(&summary);
    ph_buf_fini(&message);
}

static void test_what_is_too_deep_is_not_looked_into(void **state)
{
    (void)state;
    struct ph_summary summary;
    struct ph_buf message = PH_BUF(1 << 20);
    ph_buf_str(&message, "Content-Type: message/rfc822\r\n\r\n");
    for (unsigned i = 0; i < 200; i++) {
        ph_buf_str(&message, "Content-Type: message/rfc822\n\n");
    }
    ph_summary_init_large(&summary);
    ph_summary_feed(&summary, ph_buf_view(&message));
    const struct ph_part *part = ph_summary_finish_tree(&summary);
    unsigned depth = 0;
    for (; part->children != NULL; part = part->children) {
        assert_int_equal(part->kind, PH_PART_MESSAGE);
        depth++;
    }
    assert_int_equal(depth, PH_STRUCTURE_DEPTH_MAX);
    assert_true(ph_part_is(part, PH_BYTES("application"), PH_BYTES("octet-stream")));
    assert_int_equal(part->octets, 30 * 100);
    ph_summary_fini(&summary);
    ph_buf_fini(&message);
}

static void check_found(const struct ph_part *root, const uint32_t *numbers, unsigned count,
                        const char *subtype)
{
    const struct ph_part *part = ph_part_find(root, numbers, count);
    if (subtype == NULL) {
        assert_null(part);
    } else {
        assert_non_null(part);
        check_text(part->subtype, subtype);
    }
}

#define FOUND(root, subtype, ...)                                                                        \
    check_found((root), (uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
                (subtype))

/* The example of RFC 9051 section 6.4.5.1, cut short. */
static void test_parts_by_number(void **state)
{
    (void)state;
    struct ph_summary summary;
    ph_summary_init_large(&summary);
    const struct ph_part *root =
        parse(&summary,
              "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/one\r\n\r\n"
              "--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/inner; boundary=b\r\n\r\n"
              "--b\r\nContent-Type: text/two-one\r\n\r\n"
              "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
              "--c\r\nContent-Type: text/two-two-one\r\n\r\n--c--\r\n--b--\r\n"
              "--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/three-one\r\n\r\n--a--\r\n");
    FOUND(root, "one", 1);
    FOUND(root, "rfc822", 2);
    FOUND(root, "two-one", 2, 1);
    FOUND(root, "alternative", 2, 2);
    FOUND(root, "two-two-one", 2, 2, 1);
    FOUND(root, "three-one", 3, 1);
    FOUND(root, NULL, 0);
    FOUND(root, NULL, 4);
    FOUND(root, NULL, 1, 1);
    FOUND(root, NULL, 3, 2);
    FOUND(root, NULL, 3, 1, 1);
    FOUND(root, NULL, 4294967295);
    ph_summary_clear(&summary);
    root = parse(&summary, "Content-Type: message/rfc822\r\n\r\nContent-Type: text/inner\r\n\r\n");
    FOUND(root, "rfc822", 1);
    FOUND(root, "inner", 1, 1);
    FOUND(root, NULL, 2);
    ph_summary_fini(&summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_one_part),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_parts_in_parts),
        cmocka_unit_test(test_messages_in_messages),
        cmocka_unit_test(test_broken_multiparts),
        cmocka_unit_test(test_line_feeds_alone),
        cmocka_unit_test(test_lines_like_boundaries),
        cmocka_unit_test(test_what_a_header_says),
        cmocka_unit_test(test_fields_of_a_message_inside),
        cmocka_unit_test(test_the_fields_that_are_listed),
        cmocka_unit_test(test_the_stored_form),
        cmocka_unit_test(test_what_is_too_large_is_absent),
        cmocka_unit_test(test_what_is_too_deep_is_not_looked_into),
        cmocka_unit_test(test_parts_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
