/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration file may say, and what is said about one that is wrong: with its line.
 */
#include "app/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { OVERRIDES_MAX = 8 };

struct attempt {
    char path[64];
    struct ph_config *config;
    struct ph_buf problems;
    struct ph_error err;
    int result;
};

/* Loads TEXT from a file; the file's name stands as "FILE" in the problems. */
static void load(struct attempt *attempt, const char *text, const char *const *overrides)
{
    *attempt =
        (struct attempt){.path = "/tmp/posthouse-config-XXXXXX", .problems = PH_BUF(PH_CONFIG_PROBLEMS_MAX)};
    int fd = mkstemp(attempt->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct ph_config_source source = {.path = attempt->path, .overrides = overrides};
    while (overrides != NULL && overrides[source.override_count] != NULL) {
        source.override_count++;
    }
    attempt->result = ph_config_load(&source, &attempt->config, &attempt->problems, &attempt->err);
    unlink(attempt->path);
}

static void finish(struct attempt *attempt)
{
    ph_config_free(&attempt->config);
    ph_buf_fini(&attempt->problems);
}

static const struct ph_config_root *expect_good(struct attempt *attempt, const char *text,
                                                const char *const *overrides)
{
    load(attempt, text, overrides);
    assert_string_equal(ph_buf_cstr(&attempt->problems), "");
    assert_string_equal(attempt->err.text, "");
    assert_int_equal(attempt->result, PH_OK);
    return attempt->config->root;
}

/* The problems of TEXT are exactly EXPECTED, where FILE stands for the file's name. */
static void expect_problems(const char *text, const char *const *overrides, const char *expected)
{
    struct attempt attempt;
    load(&attempt, text, overrides);
    struct ph_buf seen = PH_BUF(PH_CONFIG_PROBLEMS_MAX);
    struct ph_bytes rest = ph_buf_view(&attempt.problems);
    while (rest.len > 0) {
        size_t end = ph_bytes_find(rest, '\n');
        struct ph_bytes line = ph_bytes_first(rest, end);
        if (ph_bytes_starts(line, ph_bytes_str(attempt.path))) {
            ph_buf_str(&seen, "FILE");
            line = ph_bytes_from(line, strlen(attempt.path));
        }
        ph_buf_bytes(&seen, line);
        ph_buf_byte(&seen, '\n');
        rest = ph_bytes_from(rest, end + 1);
    }
    assert_string_equal(ph_buf_cstr(&seen), expected);
    assert_int_equal(attempt.result, PH_EINVALID);
    assert_null(attempt.config);
    ph_buf_fini(&seen);
    finish(&attempt);
}

/* ---- Good files ---- */

static void test_empty_file_has_every_default(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct ph_config_root *root = expect_good(&attempt, "", NULL);
    assert_string_equal(root->data_dir, "/var/lib/posthouse");
    assert_true(strlen(root->hostname) > 0);
    assert_int_equal(root->log.format, PH_CONFIG_LOG_KV);
    assert_int_equal(root->log.level, PH_CONFIG_LOG_INFO);
    assert_int_equal(root->listeners_count, 0);
    assert_int_equal(root->tls.certificates_count, 0);
    assert_int_equal(root->tls.min_version, PH_CONFIG_TLS_1_2);
    assert_int_equal(root->limits.message_bytes, 52428800);
    assert_int_equal(root->limits.connections, 10000);
    assert_int_equal(root->auth.plaintext_networks_count, 2);
    assert_string_equal(root->auth.plaintext_networks[0], "127.0.0.0/8");
    assert_string_equal(root->auth.plaintext_networks[1], "::1/128");
    assert_int_equal(root->proxy_protocol.networks_count, 0);
    finish(&attempt);
}

static void test_a_file_with_everything(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct ph_config_root *root =
        expect_good(&attempt,
                    "%YAML 1.1\n"
                    "---\n"
                    "hostname: mx.example.org\n"
                    "data_dir: /srv/mail\n"
                    "log: {format: json, level: debug}\n"
                    "listeners:\n"
                    "  - &first {protocol: smtp, address: '127.0.0.1:25'}\n"
                    "  - {protocol: pop3, address: '[::1]:995', tls: implicit}\n"
                    "  - protocol: lmtp\n"
                    "    address: unix:/run/lmtp.sock\n"
                    "    tls: none\n"
                    "    proxy_protocol: true\n"
                    "    mode: \"0600\"\n"
                    "  - *first\n"
                    "tls:\n"
                    "  certificates:\n"
                    "    - {certificate: /a.pem, key: /a.key}\n"
                    "    - {certificate: /b.pem, key: /b.key}\n"
                    "  min_version: 1.3\n"
                    "auth:\n"
                    "  plaintext_networks: []\n"
                    "proxy_protocol:\n"
                    "  networks: [10.0.0.0/8, \"fd00::/8\", 192.0.2.1]\n"
                    "limits:\n"
                    "  # message_bytes: 1\n"
                    "workers: {threads: 3}\n",
                    NULL);
    assert_string_equal(root->hostname, "mx.example.org");
    assert_string_equal(root->data_dir, "/srv/mail");
    assert_int_equal(root->log.format, PH_CONFIG_LOG_JSON);
    assert_int_equal(root->log.level, PH_CONFIG_LOG_DEBUG);
    assert_int_equal(root->listeners_count, 4);
    assert_int_equal(root->listeners[0].protocol, PH_CONFIG_PROTOCOL_SMTP);
    assert_int_equal(root->listeners[0].tls, PH_CONFIG_TLS_STARTTLS);
    assert_string_equal(root->listeners[0].mode, "0660");
    assert_string_equal(root->listeners[1].address, "[::1]:995");
    assert_int_equal(root->listeners[1].tls, PH_CONFIG_TLS_IMPLICIT);
    assert_string_equal(root->listeners[2].address, "unix:/run/lmtp.sock");
    assert_true(root->listeners[2].proxy_protocol);
    assert_string_equal(root->listeners[2].mode, "0600");
    assert_string_equal(root->listeners[3].address, "127.0.0.1:25");
    assert_int_equal(root->tls.certificates_count, 2);
    assert_string_equal(root->tls.certificates[1].key, "/b.key");
    assert_int_equal(root->tls.min_version, PH_CONFIG_TLS_1_3);
    assert_int_equal(root->auth.plaintext_networks_count, 0);
    assert_int_equal(root->proxy_protocol.networks_count, 3);
    assert_string_equal(root->proxy_protocol.networks[1], "fd00::/8");
    assert_int_equal(root->limits.recipients, 100);
    assert_int_equal(root->workers.threads, 3);
    finish(&attempt);
}

/* ---- What is wrong, and where ---- */

static void test_unknown_key(void **state)
{
    (void)state;
    expect_problems("hostname: a.example\n"
                    "log:\n"
                    "  levle: info\n",
                    NULL, "FILE:3: log.levle: no such key; expected one of format, level\n");
    expect_problems("tls:\n"
                    "  certificates:\n"
                    "    - {certificate: /a, key: /b}\n"
                    "    - {certificate: /a, key: /b,\n"
                    "       chain: /c}\n",
                    NULL,
                    "FILE:5: tls.certificates.1.chain: no such key; expected one of certificate, key\n");
}

static void test_wrong_types(void **state)
{
    (void)state;
    expect_problems(
        "hostname: [a]\n"
        "log: loud\n"
        "limits:\n"
        "  recipients: many\n"
        "  hops:\n"
        "  errors: [1]\n"
        "listeners: {protocol: smtp}\n"
        "auth:\n"
        "  plaintext_networks: 127.0.0.1\n",
        NULL,
        "FILE:1: hostname: expected a host name, found a list\n"
        "FILE:2: log: expected keys with values, found \"loud\"\n"
        "FILE:4: limits.recipients: expected a number of recipients from 1 to 100000, found \"many\"\n"
        "FILE:5: limits.hops: expected a number of fields from 1 to 1000, found nothing\n"
        "FILE:6: limits.errors: expected a number of errors from 1 to 1000, found a list\n"
        "FILE:7: listeners: expected a list, found a section\n"
        "FILE:9: auth.plaintext_networks: expected a list, found \"127.0.0.1\"\n");
    expect_problems("- a\n- b\n", NULL, "FILE:1: expected keys with values, found a list\n");
    expect_problems("just text\n", NULL, "FILE:1: expected keys with values, found \"just text\"\n");
}

static void test_bad_values(void **state)
{
    (void)state;
    expect_problems(
        "hostname: -x.example\n"
        "data_dir: mail\n"
        "log: {level: verbose}\n"
        "limits:\n"
        "  recipients: 0\n"
        "  hops: 010\n"
        "  message_bytes: 99999999999999999999\n"
        "  connections: -1\n"
        "auth: {plaintext_networks: [10.0.0.1/8, 10.0.0.0/8]}\n",
        NULL,
        "FILE:1: hostname: expected a host name, found \"-x.example\"\n"
        "FILE:2: data_dir: expected an absolute path, found \"mail\"\n"
        "FILE:3: log.level: expected one of debug, info, warning, error, found \"verbose\"\n"
        "FILE:5: limits.recipients: expected a number of recipients from 1 to 100000, found \"0\"\n"
        "FILE:6: limits.hops: expected a number of fields from 1 to 1000, found \"010\"\n"
        "FILE:7: limits.message_bytes: expected a number of octets from 1024 to 1099511627776, found "
        "\"99999999999999999999\"\n"
        "FILE:8: limits.connections: expected a number of connections from 1 to 1000000, found \"-1\"\n"
        "FILE:9: auth.plaintext_networks.0: expected a network as 192.0.2.0/24 or 2001:db8::/32, or one "
        "address, found \"10.0.0.1/8\"\n");
}

#define BAD_ADDRESS(line, address)                                                                   \
    "FILE:" #line ": listeners.0.address: expected an address as 192.0.2.1:25, [2001:db8::1]:25 or " \
    "unix:/run/example.sock, found \"" address "\"\n"

static void test_bad_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        {"127.0.0.1", BAD_ADDRESS(3, "127.0.0.1")},
        {"127.0.0.1:", BAD_ADDRESS(3, "127.0.0.1:")},
        {"127.0.0.1:65536", BAD_ADDRESS(3, "127.0.0.1:65536")},
        {"::1:25", BAD_ADDRESS(3, "::1:25")},
        {"[127.0.0.1]:25", BAD_ADDRESS(3, "[127.0.0.1]:25")},
        {"localhost:25", BAD_ADDRESS(3, "localhost:25")},
        {"127.0.0.0/8:25", BAD_ADDRESS(3, "127.0.0.0/8:25")},
        {"unix:lmtp.sock", BAD_ADDRESS(3, "unix:lmtp.sock")},
        {":25", BAD_ADDRESS(3, ":25")},
        {"25", BAD_ADDRESS(3, "25")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "listeners:\n  - protocol: smtp\n    address: \"%s\"\n    tls: none\n",
                 cases[i].text);
        expect_problems(text, NULL, cases[i].problem);
    }
}

static void test_missing_keys(void **state)
{
    (void)state;
    expect_problems("listeners:\n"
                    "  - {protocol: smtp, address: '127.0.0.1:1', tls: none}\n"
                    "  - {tls: none}\n",
                    NULL,
                    "FILE:3: listeners.1: expected a key protocol, found none\n"
                    "FILE:3: listeners.1: expected a key address, found none\n");
}

static void test_key_given_twice(void **state)
{
    (void)state;
    expect_problems("hostname: a.example\nlog: {}\nhostname: b.example\n", NULL,
                    "FILE:3: hostname: expected once, found already in line 1\n");
}

static void test_tls_without_certificates(void **state)
{
    (void)state;
    expect_problems(
        "listeners:\n"
        "  - {protocol: pop3, address: '127.0.0.1:0', tls: implicit}\n"
        "  - {protocol: pop3, address: '127.0.0.1:0'}\n"
        "  - {protocol: pop3, address: '127.0.0.1:0', tls: none}\n",
        NULL,
        "FILE:2: listeners.0.tls: expected none where tls.certificates has no certificate, found "
        "implicit\n"
        "FILE:3: listeners.1.tls: expected none where tls.certificates has no certificate, found the "
        "default starttls\n");
}

static void test_no_yaml(void **state)
{
    (void)state;
    struct attempt attempt;
    load(&attempt, "hostname: a.example\nlog: {level: info\nlimits: {}\n", NULL);
    assert_int_equal(attempt.result, PH_EINVALID);
    char start[96];
    snprintf(start, sizeof start, "%s:3: not YAML: ", attempt.path);
    assert_true(ph_bytes_starts(ph_buf_view(&attempt.problems), ph_bytes_str(start)));
    finish(&attempt);

    expect_problems("hostname: a.example\n---\nhostname: b.example\n", NULL,
                    "FILE:3: expected one document, found a second\n");
}

static void test_no_file(void **state)
{
    (void)state;
    struct ph_config *config = NULL;
    struct ph_buf problems = PH_BUF(PH_CONFIG_PROBLEMS_MAX);
    struct ph_error err = {0};
    struct ph_config_source source = {.path = "/nonexistent/posthouse.yaml"};
    assert_int_equal(ph_config_load(&source, &config, &problems, &err), PH_ENOTFOUND);
    assert_string_equal(err.text,
                        "configuration file /nonexistent/posthouse.yaml: No such file or directory");
    source.path = "/tmp";
    assert_int_equal(ph_config_load(&source, &config, &problems, &err), PH_EUNAVAILABLE);
    assert_null(config);
    ph_buf_fini(&problems);
}

/* ---- --set ---- */

static void test_overrides(void **state)
{
    (void)state;
    static const char *const overrides[] = {"hostname=b.example",
                                            "log.level=error",
                                            "listeners.0.address=[::1]:26",
                                            "listeners.1.protocol=pop3",
                                            "listeners.1.address=127.0.0.1:0",
                                            "listeners.1.tls=none",
                                            "auth.plaintext_networks=[192.0.2.0/24]",
                                            "limits.hops=7",
                                            NULL};
    struct attempt attempt;
    const struct ph_config_root *root =
        expect_good(&attempt,
                    "hostname: a.example\n"
                    "log:\n"
                    "listeners:\n"
                    "  - {protocol: smtp, address: '127.0.0.1:25', tls: none}\n",
                    overrides);
    assert_string_equal(root->hostname, "b.example");
    assert_int_equal(root->log.level, PH_CONFIG_LOG_ERROR);
    assert_int_equal(root->listeners_count, 2);
    assert_int_equal(root->listeners[0].protocol, PH_CONFIG_PROTOCOL_SMTP);
    assert_string_equal(root->listeners[0].address, "[::1]:26");
    assert_int_equal(root->listeners[1].protocol, PH_CONFIG_PROTOCOL_POP3);
    assert_int_equal(root->auth.plaintext_networks_count, 1);
    assert_string_equal(root->auth.plaintext_networks[0], "192.0.2.0/24");
    assert_int_equal(root->limits.hops, 7);
    finish(&attempt);
}

static void test_override_of_a_whole_list(void **state)
{
    (void)state;
    static const char *const overrides[] = {"listeners=[{protocol: lmtp, address: 'unix:/x', tls: none}]",
                                            NULL};
    struct attempt attempt;
    const struct ph_config_root *root = expect_good(&attempt, "", overrides);
    assert_int_equal(root->listeners_count, 1);
    assert_string_equal(root->listeners[0].address, "unix:/x");
    finish(&attempt);
}

static void test_bad_overrides(void **state)
{
    (void)state;
    static const char *const unknown[] = {"hostnam=x", "log.level.x=1", "log.color=red", NULL};
    expect_problems("", unknown,
                    "--set: hostnam: no such key\n"
                    "--set: log.level.x: no such key\n"
                    "--set: log.color: no such key\n");
    static const char *const form[] = {
        "hostname", "=x", "listeners.3.address=127.0.0.1:0", "listeners.0=x", "limits.hops=many", NULL};
    expect_problems(
        "", form,
        "--set: hostname: expected KEY=VALUE\n"
        "--set: expected KEY=VALUE\n"
        "--set: listeners.3.address: expected listeners.INDEX.KEY, with an index of at most one past "
        "the last item\n"
        "--set: listeners.0: expected listeners.INDEX.KEY, with an index of at most one past the last "
        "item\n"
        "--set: limits.hops: expected a number of fields from 1 to 1000, found \"many\"\n");
    static const char *const on_text[] = {"hostname=x", NULL};
    expect_problems("text\n", on_text, "FILE:1: expected keys with values, found \"text\"\n");
    static const char *const no_yaml[] = {"listeners=[{", NULL};
    expect_problems("", no_yaml, "--set: listeners: expected YAML, found \"[{\"\n");
}

/* ---- Cassandra ---- */

static void test_cassandra(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct ph_config_root *root = expect_good(
        &attempt,
        "store: {engine: cassandra}\n"
        "cassandra:\n"
        "  contact_points: [192.0.2.1, 'db2.example.org:19042', '[2001:db8::1]', '[2001:db8::1]:9042']\n"
        "  local_datacenter: dc1\n"
        "  username: mail\n"
        "  password_file: /etc/posthouse/cassandra.password\n",
        NULL);
    assert_int_equal(root->store.engine, PH_CONFIG_ENGINE_CASSANDRA);
    assert_int_equal(root->cassandra.contact_points_count, 4);
    assert_string_equal(root->cassandra.keyspace, "posthouse");
    assert_int_equal(root->cassandra.profile, PH_CONFIG_PROFILE_LWT_FREE);
    assert_false(root->cassandra.shared_with_james);
    assert_true(root->cassandra.tls_verify_host);
    assert_int_equal(root->cassandra.request_timeout_ms, 5000);
    finish(&attempt);
}

static void test_cassandra_values(void **state)
{
    (void)state;
    expect_problems(
        "cassandra:\n"
        "  contact_points: ['', 'a b', 'db1:0', 'db1:70000', '[192.0.2.1]', '[2001:db8::1', '[::1]9042']\n"
        "  keyspace: Mail\n"
        "  profile: fast\n"
        "  password_file: secret\n",
        NULL,
#define NODE "expected a node as 192.0.2.1, db1.example.org:9042 or [2001:db8::1]:9042, found "
        "FILE:2: cassandra.contact_points.0: " NODE "\"\"\n"
        "FILE:2: cassandra.contact_points.1: " NODE "\"a b\"\n"
        "FILE:2: cassandra.contact_points.2: " NODE "\"db1:0\"\n"
        "FILE:2: cassandra.contact_points.3: " NODE "\"db1:70000\"\n"
        "FILE:2: cassandra.contact_points.4: " NODE "\"[192.0.2.1]\"\n"
        "FILE:2: cassandra.contact_points.5: " NODE "\"[2001:db8::1\"\n"
        "FILE:2: cassandra.contact_points.6: " NODE "\"[::1]9042\"\n"
#undef NODE
        "FILE:3: cassandra.keyspace: expected a keyspace: lower case letters, digits and _, a letter "
        "first, found \"Mail\"\n"
        "FILE:4: cassandra.profile: expected one of lwt, lwt-free, found \"fast\"\n"
        "FILE:5: cassandra.password_file: expected an absolute path, or \"\", found \"secret\"\n");
}

static void test_cassandra_needs(void **state)
{
    (void)state;
    expect_problems(
        "store: {engine: cassandra}\n", NULL,
        "FILE:1: cassandra.contact_points: expected a value because of store.engine: cassandra, found "
        "none\n"
        "FILE:1: cassandra.local_datacenter: expected a value because of store.engine: cassandra, found "
        "none\n");
    expect_problems(
        "cassandra:\n"
        "  username: mail\n"
        "  tls_key_file: /key.pem\n",
        NULL,
        "FILE:2: cassandra.password_file: expected a value because of cassandra.username, found none\n"
        "FILE:2: cassandra.tls_certificate_file: expected a value because of cassandra.tls_key_file, "
        "found none\n");
}

static void test_s3_needs(void **state)
{
    (void)state;
    expect_problems(
        "store: {content: s3}\n"
        "s3:\n"
        "  endpoint: https://s3.example.org\n",
        NULL,
        "FILE:3: s3.bucket: expected a value because of store.content: s3, found none\n"
        "FILE:3: s3.key_file: expected a value because of store.content: s3, found none\n"
        "FILE:1: store.content: expected database where store.engine is not cassandra, found s3\n");
}

/* ---- Comparing ---- */

static void note_change(const struct ph_config_setting *setting, void *ctx)
{
    ph_buf_printf(ctx, "%s=%s %s\n", setting->path, setting->value == NULL ? "(gone)" : setting->value,
                  setting->is_live ? "live" : "restart");
}

static void test_compare(void **state)
{
    (void)state;
    struct attempt was;
    struct attempt now;
    expect_good(&was,
                "log: {level: info}\n"
                "tls: {certificates: [{certificate: /a, key: /b}, {certificate: /c, key: /d}]}\n",
                NULL);
    expect_good(&now,
                "log: {level: debug, format: kv}\n"
                "auth: {plaintext_networks: []}\n"
                "tls: {certificates: [{certificate: /a, key: /e}]}\n",
                NULL);
    struct ph_buf changes = PH_BUF(4096);
    ph_config_compare(was.config, now.config, note_change, &changes);
    assert_string_equal(ph_buf_cstr(&changes), "log.level=debug live\n"
                                               "tls.certificates.0.key=/e live\n"
                                               "auth.plaintext_networks= restart\n"
                                               "tls.certificates.1.certificate=(gone) live\n"
                                               "tls.certificates.1.key=(gone) live\n");
    ph_buf_fini(&changes);
    finish(&was);
    finish(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_file_has_every_default),
        cmocka_unit_test(test_a_file_with_everything),
        cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_key_given_twice),
        cmocka_unit_test(test_tls_without_certificates),
        cmocka_unit_test(test_no_yaml),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_override_of_a_whole_list),
        cmocka_unit_test(test_bad_overrides),
        cmocka_unit_test(test_cassandra),
        cmocka_unit_test(test_cassandra_values),
        cmocka_unit_test(test_cassandra_needs),
        cmocka_unit_test(test_s3_needs),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
