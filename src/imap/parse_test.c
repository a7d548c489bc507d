/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as the RFCs print them, and what is none. Arguments alone: the table of commands is not needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imap/frame.h"
#include "imap/parse.h"
#include "imap/pattern.h"
#include "store/message_row.h"

static struct ph_arena arena;

static int setup(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    return 0;
}

/* Whether PARSE takes all of TEXT. */
static bool takes(ph_imap_parser *parse, const char *text, bool is_uid, bool is_utf8,
                  struct ph_imap_command *out_command)
{
    struct ph_imap_reader reader;
    *out_command = (struct ph_imap_command){.is_uid = is_uid};
    ph_imap_reader_init(&reader, ph_bytes_str(text), &arena, is_utf8);
    return parse(&reader, out_command) == NULL && ph_imap_at_end(&reader);
}

static bool refuses(ph_imap_parser *parse, const char *text)
{
    struct ph_imap_command command;
    return !takes(parse, text, false, false, &command);
}

static void assert_bytes(struct ph_bytes bytes, const char *text)
{
    assert_true(ph_bytes_eq(bytes, ph_bytes_str(text)));
}

/* ---- Sets ---- */

static void assert_settled(const char *text, uint32_t largest, const char *settled)
{
    struct ph_imap_set set;
    struct ph_bytes rest = ph_bytes_str(text);
    struct ph_buf out = PH_BUF(256);
    assert_true(ph_imap_set_take(&rest, 100, &arena, &set));
    assert_int_equal(rest.len, 0);
    ph_imap_set_settle(&set, largest);
    ph_imap_set_put(&set, &out);
    assert_string_equal(ph_buf_cstr(&out), settled);
    ph_buf_fini(&out);
}

static void test_sets(void **state)
{
    (void)state;
    assert_settled("2,4:7,9,12:*", 15, "2,4:7,9,12:15");
    assert_settled("*:4,5:7", 10, "4:10");
    assert_settled("3:1", 9, "1:3");
    assert_settled("9:*", 4, "4:9");
    assert_settled("*", 0, "");
    assert_settled("1,2,3,5,4", 9, "1:5");
    assert_settled("4294967295,1:4294967294", 1, "1:4294967295");
    static const char *const wrong[] = {"", "0", "1,", "1:", ":1", "a", "4294967296", "01", "1:0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ph_imap_set set;
        struct ph_bytes rest = ph_bytes_str(wrong[i]);
        assert_false(ph_imap_set_take(&rest, 100, &arena, &set));
    }
    struct ph_imap_set set;
    struct ph_bytes rest = PH_BYTES("1,2,3,4");
    assert_false(ph_imap_set_take(&rest, 3, &arena, &set));
}

/* ---- FETCH, STORE ---- */

static void test_fetch(void **state)
{
    (void)state;
    struct ph_imap_command command;
    const struct ph_imap_fetch *fetch = &command.fetch;
    assert_true(
        takes(ph_imap_parse_fetch, " 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])", false, false, &command));
    assert_int_equal(fetch->item_count, 2);
    assert_int_equal(fetch->items[1].section.text, PH_IMAP_TEXT_HEADER_FIELDS);
    assert_int_equal(fetch->items[1].section.field_count, 2);
    assert_bytes(fetch->items[1].section.fields[1], "FROM");
    assert_true(takes(ph_imap_parse_fetch, " 1 BODY.PEEK[1.2.MIME]<0.2048>", false, false, &command));
    assert_true(fetch->items[0].is_peek);
    assert_int_equal(fetch->items[0].section.text, PH_IMAP_TEXT_MIME);
    assert_int_equal(fetch->items[0].section.part_count, 2);
    assert_int_equal(fetch->items[0].length, 2048);
    assert_true(takes(ph_imap_parse_fetch, " 1:* full", false, false, &command));
    assert_int_equal(fetch->item_count, 5);
    assert_int_equal(fetch->items[4].kind, PH_IMAP_FETCH_BODY);
    assert_true(
        takes(ph_imap_parse_fetch, " 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)", true, false, &command));
    assert_true(fetch->wants_vanished);
    assert_int_equal(fetch->changed_since, 12345);
    assert_true(takes(ph_imap_parse_fetch, " 1:* (UID FLAGS) (PARTIAL -1:-30)", true, false, &command));
    assert_int_equal(fetch->page_last, -30);
    assert_true(takes(ph_imap_parse_fetch, " 1 (PREVIEW (LAZY) BINARY.SIZE[1])", false, false, &command));
    assert_true(fetch->items[0].is_lazy);
    static const char *const wrong[] = {
        " 1",
        " 1 ()",
        " 1 (FLAGS",
        " 1 BODY[0]",
        " 1 BODY[1.]",
        " 1 BODY[MIME]",
        " 1 BODY[1.2",
        " 1 BODY[]<0.0>",
        " 1 BODY[]<0>",
        " 1 BINARY[TEXT]",
        " 1 BODY.PEEK",
        " 1 NOTHING",
        " 1 (FULL FLAGS)",
        " 1 FLAGS (VANISHED)",
        " 1 FLAGS (PARTIAL 1:2)",
        " 1 BODY[HEADER.FIELDS ()]",
        " 0 FLAGS",
        " 1 FLAGS FLAGS",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (!refuses(ph_imap_parse_fetch, wrong[i])) {
            fail_msg("taken: FETCH%s", wrong[i]);
        }
    }
}

static void test_store(void **state)
{
    (void)state;
    struct ph_imap_command command;
    assert_true(
        takes(ph_imap_parse_store, " 2:4 +FLAGS.SILENT (\\Deleted $Work $work)", false, false, &command));
    assert_int_equal(command.store.action, PH_IMAP_STORE_ADD);
    assert_true(command.store.is_silent);
    assert_int_equal(command.store.flags.system, PH_FLAG_DELETED);
    assert_int_equal(command.store.flags.keyword_count, 1);
    assert_true(takes(ph_imap_parse_store, " * (UNCHANGEDSINCE 0) FLAGS ()", false, false, &command));
    assert_true(command.store.has_unchanged_since);
    assert_true(takes(ph_imap_parse_store, " $ -FLAGS \\Seen \\Draft", false, false, &command));
    assert_true(command.store.set.is_saved);
    assert_true(refuses(ph_imap_parse_store, " 1 +FLAGS (\\Recent)"));
    assert_true(refuses(ph_imap_parse_store, " 1 +FLAGS (\\Strange)"));
    assert_true(refuses(ph_imap_parse_store, " 1 FLAGS"));
}

/* ---- SEARCH ---- */

static void test_search(void **state)
{
    (void)state;
    struct ph_imap_command command;
    const struct ph_imap_search *search = &command.search;
    assert_true(
        takes(ph_imap_parse_search, " FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", false, false, &command));
    assert_int_equal(search->key->kind, PH_IMAP_KEY_AND);
    const struct ph_imap_search_key *key = search->key->children;
    assert_int_equal(key->flag, PH_FLAG_FLAGGED);
    assert_int_equal(key->next->day, 8797);
    assert_int_equal(key->next->next->kind, PH_IMAP_KEY_NOT);
    assert_bytes(key->next->next->children->name, "From");
    assert_true(takes(ph_imap_parse_search, " RETURN (MIN COUNT) CHARSET UTF-8 OR (1:3 SEEN) TEXT {3}\r\na b",
                      false, false, &command));
    assert_int_equal(search->returns, PH_IMAP_RETURN_MIN | PH_IMAP_RETURN_COUNT);
    assert_bytes(search->charset, "UTF-8");
    assert_bytes(search->key->children->next->text, "a b");
    assert_true(
        takes(ph_imap_parse_search, " MODSEQ \"/flags/\\\\draft\" all 620162338", false, false, &command));
    assert_true(search->has_modseq);
    assert_true(takes(ph_imap_parse_sort, " (REVERSE DATE SUBJECT) UTF-8 ALL", false, false, &command));
    assert_true(search->sort[0].is_reverse);
    assert_true(takes(ph_imap_parse_thread, " REFERENCES US-ASCII 1:*", false, false, &command));
    static const char *const wrong[] = {
        "",
        " ",
        " NOT",
        " OR SEEN",
        " (SEEN",
        " SEEN)",
        " SINCE 31-Feb-1994",
        " LARGER -1",
        " HEADER From",
        " YOUNGER 0",
        " RETURN (ALL PARTIAL 1:2) ALL",
        " RETURN (SOME) ALL",
        " ALL  ALL",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (!refuses(ph_imap_parse_search, wrong[i])) {
            fail_msg("taken: SEARCH%s", wrong[i]);
        }
    }
}

static void test_depth(void **state)
{
    (void)state;
    struct ph_buf text = PH_BUF(4096);
    for (int i = 0; i < PH_IMAP_DEPTH_MAX + 1; i++) {
        ph_buf_str(&text, " NOT");
    }
    ph_buf_str(&text, " SEEN");
    assert_true(refuses(ph_imap_parse_search, ph_buf_cstr(&text)));
    ph_buf_fini(&text);
}

/* ---- Mailboxes ---- */

static void test_mailboxes(void **state)
{
    (void)state;
    struct ph_imap_command command;
    assert_true(takes(ph_imap_parse_create, " &ZeVnLIqe-.", false, false, &command));
    assert_bytes(command.mailbox.mailbox, "日本語");
    assert_true(command.mailbox.ends_in_delimiter);
    assert_true(takes(ph_imap_parse_mailbox, " \"日本語\"", false, true, &command));
    assert_bytes(command.mailbox.mailbox, "日本語");
    assert_true(refuses(ph_imap_parse_mailbox, " \"日本語\""));
    assert_true(refuses(ph_imap_parse_mailbox, " &AGE-"));
    assert_true(takes(ph_imap_parse_rename, " inBox \"a \\\"b\\\\\"", false, false, &command));
    assert_bytes(command.mailbox.mailbox, "INBOX");
    assert_bytes(command.mailbox.to, "a \"b\\");
    assert_true(takes(ph_imap_parse_select,
                      " INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541) CONDSTORE)", false, false,
                      &command));
    assert_true(command.select.has_known_uids && command.select.has_condstore && !command.select.has_match);
    assert_true(takes(ph_imap_parse_select,
                      " INBOX (QRESYNC (67890007 90060115194045000 41:211 (1,3 41,43)))", false, false,
                      &command));
    assert_true(command.select.has_match);
    assert_true(
        takes(ph_imap_parse_list,
              " (SUBSCRIBED RECURSIVEMATCH) \"\" (\"*\" INBOX) RETURN (CHILDREN STATUS (MESSAGES SIZE))",
              false, false, &command));
    assert_int_equal(command.list.pattern_count, 2);
    assert_int_equal(command.list.status_items, PH_IMAP_STATUS_MESSAGES | PH_IMAP_STATUS_SIZE);
    assert_true(refuses(ph_imap_parse_status, " INBOX ()"));
    assert_true(refuses(ph_imap_parse_login, " a"));
    assert_true(refuses(ph_imap_parse_login, " a {9}\r\nb"));
}

static void test_patterns(void **state)
{
    (void)state;
    assert_true(ph_imap_pattern_matches(PH_BYTES("*"), PH_BYTES("a.b")));
    assert_false(ph_imap_pattern_matches(PH_BYTES("%"), PH_BYTES("a.b")));
    assert_true(ph_imap_pattern_matches(PH_BYTES("%.%"), PH_BYTES("a.b")));
    assert_true(ph_imap_pattern_matches(PH_BYTES("a*b"), PH_BYTES("ab")));
    assert_true(ph_imap_pattern_matches(PH_BYTES("inbox%"), PH_BYTES("INBOX")));
    assert_false(ph_imap_pattern_matches(PH_BYTES("work"), PH_BYTES("Work")));
    assert_false(ph_imap_pattern_matches(PH_BYTES(""), PH_BYTES("a")));
}

/* ---- Framing ---- */

static void test_frames(void **state)
{
    (void)state;
    struct ph_imap_literal literal;
    size_t scanned = 0;
    size_t len = 0;
    struct ph_bytes input = PH_BYTES("a LOGIN {5}\r\nalice {3+}\r\nabc\r\nb NOOP\r\n");
    assert_int_equal(ph_imap_frame(ph_bytes_first(input, 12), 100, &scanned, &literal, &len),
                     PH_IMAP_FRAME_NEEDS_MORE);
    assert_int_equal(ph_imap_frame(input, 100, &scanned, &literal, &len), PH_IMAP_FRAME_LITERAL);
    assert_int_equal(literal.len, 5);
    assert_true(literal.is_sync);
    scanned = literal.at + (size_t)literal.len;
    assert_int_equal(ph_imap_frame(input, 100, &scanned, &literal, &len), PH_IMAP_FRAME_LITERAL);
    assert_false(literal.is_sync);
    scanned = literal.at + (size_t)literal.len;
    assert_int_equal(ph_imap_frame(input, 100, &scanned, &literal, &len), PH_IMAP_FRAME_READY);
    assert_int_equal(len, input.len - sizeof "b NOOP\r\n" + 1);
    scanned = 0;
    assert_int_equal(ph_imap_frame(PH_BYTES("a NOOP\n"), 100, &scanned, &literal, &len),
                     PH_IMAP_FRAME_BAD_LINE);
    assert_int_equal(ph_imap_frame(PH_BYTES("a\0NOOP\r\n"), 100, &scanned, &literal, &len),
                     PH_IMAP_FRAME_BAD_LINE);
    assert_int_equal(ph_imap_frame(PH_BYTES("a NOOP"), 6, &scanned, &literal, &len), PH_IMAP_FRAME_TOO_LONG);
    assert_int_equal(ph_imap_frame(PH_BYTES("a {99999999999999999999}\r\n"), 100, &scanned, &literal, &len),
                     PH_IMAP_FRAME_READY);
}

static void test_dates(void **state)
{
    (void)state;
    struct ph_imap_reader reader;
    int64_t ms = 0;
    ph_imap_reader_init(&reader, PH_BYTES("\"17-Jul-1996 02:44:25 -0700\""), &arena, false);
    assert_true(ph_imap_date_time(&reader, &ms));
    assert_int_equal(ms, INT64_C(837596665000));
    ph_imap_reader_init(&reader, PH_BYTES("\" 1-Jan-1970 00:00:00 +0000\""), &arena, false);
    assert_true(ph_imap_date_time(&reader, &ms));
    assert_int_equal(ms, 0);
    ph_imap_reader_init(&reader, PH_BYTES("\"29-Feb-2023 00:00:00 +0000\""), &arena, false);
    assert_false(ph_imap_date_time(&reader, &ms));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sets),      TEST(fetch),    TEST(store),  TEST(search), TEST(depth),
        TEST(mailboxes), TEST(patterns), TEST(frames), TEST(dates),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
