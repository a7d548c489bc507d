/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as words: options anywhere, arguments by the table, and what is said about wrong usage.
 */
#include "app/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS_MAX = 16 };

/* Splits TEXT at blanks; '' is an empty word. */
static int parse(const char *text, struct ph_cli_call *call, struct ph_error *err)
{
    static char space[512];
    char *argv[WORDS_MAX] = {(char[]){"posthouse"}};
    int argc = 1;
    size_t used = 0;
    struct ph_bytes rest = ph_bytes_str(text);
    while (rest.len > 0) {
        struct ph_bytes word = ph_bytes_next_word(&rest);
        if (ph_bytes_eq(word, PH_BYTES("''"))) {
            word.len = 0;
        }
        assert_true(argc < WORDS_MAX && used + word.len < sizeof space);
        memcpy(space + used, word.ptr, word.len);
        space[used + word.len] = '\0';
        argv[argc++] = space + used;
        used += word.len + 1;
    }
    *err = (struct ph_error){0};
    return ph_cli_parse(argc, argv, call, err);
}

static void expect_call(const char *text, struct ph_cli_call *call, const char *command)
{
    struct ph_error err;
    int result = parse(text, call, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(result, PH_OK);
    assert_string_equal(call->command->name, command);
}

static void expect_usage(const char *text, const char *expected)
{
    struct ph_cli_call call;
    struct ph_error err;
    assert_int_equal(parse(text, &call, &err), PH_EINVALID);
    assert_string_equal(err.text, expected);
}

static void test_arguments(void **state)
{
    (void)state;
    struct ph_cli_call call;
    expect_call("serve", &call, "serve");
    assert_int_equal(call.word_count, 0);
    expect_call("user add a@example.org", &call, "user add");
    assert_int_equal(call.word_count, 1);
    assert_string_equal(call.words[0], "a@example.org");
    expect_call("user list", &call, "user list");
    expect_call("user list example.org", &call, "user list");
    expect_call("deliver a b c", &call, "deliver");
    assert_int_equal(call.word_count, 3);
    assert_string_equal(call.words[2], "c");
}

static void test_options_before_and_behind(void **state)
{
    (void)state;
    struct ph_cli_call call;
    expect_call("--config /x --json user add a@b --set hostname=h", &call, "user add");
    assert_string_equal(ph_cli_config_path(&call), "/x");
    assert_true(ph_cli_has(&call, PH_CLI_JSON));
    assert_int_equal(call.override_count, 1);
    assert_string_equal(call.overrides[0], "hostname=h");
    expect_call("user --config=/y add --set=a=b a@b -c /z --set c=d", &call, "user add");
    assert_string_equal(ph_cli_config_path(&call), "/z");
    assert_int_equal(call.override_count, 2);
    assert_string_equal(call.overrides[0], "a=b");
    assert_string_equal(call.overrides[1], "c=d");
    expect_call("status", &call, "status");
    assert_string_equal(ph_cli_config_path(&call), "/etc/posthouse/posthouse.yaml");
}

static void test_short_options(void **state)
{
    (void)state;
    struct ph_cli_call call;
    expect_call("deliver -f s@example.org a", &call, "deliver");
    assert_string_equal(call.values[PH_CLI_SENDER], "s@example.org");
    expect_call("deliver -fs@example.org a", &call, "deliver");
    assert_string_equal(call.values[PH_CLI_SENDER], "s@example.org");
    expect_call("deliver -f '' a", &call, "deliver");
    assert_string_equal(call.values[PH_CLI_SENDER], "");
    expect_call("deliver --sender= a", &call, "deliver");
    assert_string_equal(call.values[PH_CLI_SENDER], "");
}

static void test_double_hyphen(void **state)
{
    (void)state;
    struct ph_cli_call call;
    expect_call("mailbox create -- a@b --json", &call, "mailbox create");
    assert_false(ph_cli_has(&call, PH_CLI_JSON));
    assert_string_equal(call.words[1], "--json");
    expect_call("deliver -", &call, "deliver");
    assert_string_equal(call.words[0], "-");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    expect_usage("", "expected a command");
    expect_usage("fly", "no such command: fly");
    expect_usage("user", "user: expected what to do");
    expect_usage("user fly", "no such command: user fly");
    expect_usage("user add", "user add: expected USER");
    expect_usage("alias add a@b", "alias add: expected TARGET");
    expect_usage("user add a b", "user add: expected nothing more, found \"b\"");
    expect_usage("user list a b", "user list: expected nothing more, found \"b\"");
    expect_usage("serve x", "serve: expected nothing more, found \"x\"");
    expect_usage("message delete a@b", "message delete: expected ID");
    expect_usage("--config", "--config: expected FILE");
    expect_usage("status --frob", "no such option: --frob");
    expect_usage("status --js", "no such option: --js");
    expect_usage("status -x", "no such option: -x");
    expect_usage("status --json=yes", "--json: takes no value");
    expect_usage("status -jx", "--json: takes no value");
    expect_usage("status --yes", "status: takes no --yes");
    expect_usage("user add a@b --type alias", "user add: takes no --type");
}

static void test_a_password_is_no_argument(void **state)
{
    (void)state;
    expect_usage("user add a@b secret", "user add: expected nothing more, found \"secret\"");
    expect_usage("user add a@b --password secret", "no such option: --password");
    expect_usage("user add a@b --password-stdin=secret", "--password-stdin: takes no value");
}

static char *help_text(const char *command)
{
    struct ph_cli_call call;
    struct ph_error err;
    assert_int_equal(parse(command, &call, &err), PH_OK);
    assert_true(ph_cli_has(&call, PH_CLI_HELP));
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    ph_cli_help(out, call.command, call.word_count > 0 ? call.words[0] : NULL);
    fclose(out);
    return text;
}

static void test_help(void **state)
{
    (void)state;
    char *all = help_text("--help");
    for (size_t i = 0; i < ph_cli_command_count; i++) {
        assert_non_null(strstr(all, ph_cli_commands[i].name));
        assert_non_null(strstr(all, ph_cli_commands[i].summary));
    }
    free(all);
    char *group = help_text("alias --help");
    assert_non_null(strstr(group, "alias list"));
    assert_null(strstr(group, "user add"));
    free(group);
    char *one = help_text("--help user add");
    assert_non_null(strstr(one, "posthouse [OPTION]... user add USER"));
    assert_non_null(strstr(one, "--password-stdin"));
    assert_null(strstr(one, "--type"));
    free(one);
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(ph_cli_exit_code(PH_OK), 0);
    assert_int_equal(ph_cli_exit_code(PH_EINVALID), 65);
    assert_int_equal(ph_cli_exit_code(PH_ENOTFOUND), 67);
    assert_int_equal(ph_cli_exit_code(PH_EUNAVAILABLE), 69);
    assert_int_equal(ph_cli_exit_code(PH_EBUG), 70);
    assert_int_equal(ph_cli_exit_code(PH_ECONFLICT), 73);
    assert_int_equal(ph_cli_exit_code(PH_EBUSY), 75);
    assert_int_equal(ph_cli_exit_code(PH_EUNKNOWN_OUTCOME), 75);
    assert_int_equal(ph_cli_exit_code(PH_EDENIED), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_options_before_and_behind),
        cmocka_unit_test(test_short_options), cmocka_unit_test(test_double_hyphen),
        cmocka_unit_test(test_wrong_usage),   cmocka_unit_test(test_a_password_is_no_argument),
        cmocka_unit_test(test_help),          cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
