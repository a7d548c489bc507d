/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "mime/html_text.h"
#include "mime/preview.h"
#include "mime/summary.h"

/* In pieces of every size the same. */
static void check_html(const char *html, const char *expected)
{
    struct ph_bytes text = ph_bytes_str(html);
    for (size_t size = 1; size <= text.len; size++) {
        struct ph_html_text state = {0};
        struct ph_buf out = PH_BUF(65536);
        for (size_t at = 0; at < text.len; at += size) {
            ph_html_text_feed(&state, ph_bytes_first(ph_bytes_from(text, at), size), &out);
        }
        ph_html_text_finish(&state, &out);
        assert_string_equal(ph_buf_cstr(&out), expected);
        assert_true(out.len <= text.len);
        ph_buf_fini(&out);
    }
}

static void test_html(void **state)
{
    (void)state;
    check_html("a<b>b</b>c", "abc");
    check_html("<p class=\"a>b\">x</p>y", "\nx\ny");
    check_html("a<br>b<BR/>c", "a\nb\nc");
    check_html("1 &lt; 2 &amp;&#38;&#x26; &nosuch; &", "1 < 2 &&& &nosuch; &");
    check_html("J&uuml;r&#8217;s&nbsp;x", "J\xC3\xBCr\xE2\x80\x99s x");
    check_html("&#0;&#xD800;&#99999999;", " &#xD800;&#99999999;");
    check_html("a<!-- x > -- y -->b", "ab");
    check_html("<style>a { b: '<' } </styl </STYLE >x", "\n\nx");
    check_html("<script>if (a<b) \"</p>\"</script>y", "\n\ny");
    check_html("a < b <\xC3\xBC <", "a < b <\xC3\xBC <");
    check_html("<!DOCTYPE html><?xml?>t", "\n\nt");
    check_html("never <closed", "never ");
}

static void check(const char *message, const char *expected)
{
    struct ph_summary summary;
    struct ph_buf out = PH_BUF(PH_PREVIEW_OCTETS);
    struct ph_bytes octets = ph_bytes_str(message);
    struct ph_header_end end = {0};
    ph_header_end_feed(&end, octets);
    ph_summary_init_large(&summary);
    ph_summary_feed(&summary, octets);
    const struct ph_part *part = ph_preview_part(ph_summary_finish_tree(&summary));
    if (part != NULL) {
        struct ph_bytes body = ph_bytes_from(octets, (size_t)end.offset);
        ph_preview_put(
            part, ph_bytes_first(ph_bytes_from(body, (size_t)ph_part_offset(part)), (size_t)part->octets),
            &out);
    }
    assert_string_equal(ph_buf_cstr(&out), expected);
    ph_buf_fini(&out);
    ph_summary_fini(&summary);
}

static void test_previews(void **state)
{
    (void)state;
    check("\r\n", "");
    check("\r\nHello,\r\n\r\n  how  are\tyou?\r\n", "Hello, how are you?");
    check("\r\n> quoted\r\nMy answer\r\n> more\r\n", "My answer");
    check("\r\n> only quoted\r\n", "> only quoted");
    check("Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
          "<html><title>t</title><p>J=FCrgen</p><p>x</html>",
          "J\xC3\xBCrgen x");
    check(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
        "--a\r\nContent-Type: image/png\r\n\r\npng\r\n"
        "--a\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nno\r\n"
        "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n--a--\r\n",
        "plain");
    check("Content-Type: image/png\r\n\r\nx", "");
}

static void test_a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct ph_part part = {.kind = PH_PART_LEAF, .type = PH_BYTES("text"), .subtype = PH_BYTES("plain")};
    struct ph_buf text = PH_BUF(1 << 20);
    struct ph_buf out = PH_BUF(PH_PREVIEW_OCTETS);
    for (unsigned i = 0; i < 10000; i++) {
        ph_buf_str(&text, "\xF0\x9F\x98\x80");
    }
    part.octets = text.len;
    ph_preview_put(&part, ph_buf_view(&text), &out);
    assert_int_equal(out.len, 4 * PH_PREVIEW_CHARACTERS);
    assert_false(out.has_overflowed);
    assert_true(ph_utf8_is_valid(ph_buf_view(&out)));
    ph_buf_fini(&text);
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_previews),
        cmocka_unit_test(test_a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
