/* SPDX-License-Identifier: Apache-2.0 */
#include "app/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

static bool is_list_of(const struct ph_cli_command *command)
{
    return command->output == PH_CLI_OUTPUT_LIST || command->output == PH_CLI_OUTPUT_FINDINGS;
}

void ph_output_begin(struct ph_output *output, const struct ph_cli_call *call, FILE *out, bool is_terminal)
{
    bool is_list = is_list_of(call->command);
    *output = (struct ph_output){
        .call = call,
        .out = out,
        .is_table = is_list && is_terminal && !ph_cli_has(call, PH_CLI_JSON),
    };
    output->rows = output->is_table ? json_array() : NULL;
}

static bool is_json(const struct ph_output *output)
{
    return ph_cli_has(output->call, PH_CLI_JSON);
}

/* ---- Lists ---- */

/* The cell of COLUMN as text; NUMBER has room for a number. */
static const char *cell(const json_t *item, struct ph_bytes column, char number[24])
{
    const json_t *value = json_object_getn(item, (const char *)column.ptr, column.len);
    if (json_is_integer(value)) {
        snprintf(number, 24, "%lld", (long long)json_integer_value(value));
        return number;
    }
    const char *text = json_string_value(value);
    return text == NULL ? "" : text;
}

static void print_line(const struct ph_output *output, const json_t *item)
{
    struct ph_bytes rest = ph_bytes_str(output->call->command->columns);
    const char *before = "";
    while (rest.len > 0) {
        char number[24];
        fprintf(output->out, "%s%s", before, cell(item, ph_bytes_next_word(&rest), number));
        before = "\t";
    }
    fputc('\n', output->out);
}

/* How far a long task is: for people, on one line that is written again and again. */
static int print_progress(const json_t *progress)
{
    if (isatty(STDERR_FILENO) == 0) {
        return PH_OK;
    }
    const char *name = NULL;
    json_t *value = NULL;
    fputc('\r', stderr);
    json_object_foreach((json_t *)progress, name, value)
    {
        fprintf(stderr, "%s %lld  ", name, (long long)json_integer_value(value));
    }
    return PH_OK;
}

static int print_item(void *ctx, json_t *item, struct ph_error *err)
{
    struct ph_output *output = ctx;
    const json_t *progress = json_object_get(item, "progress");
    if (progress != NULL) {
        return print_progress(progress);
    }
    if (output->is_table) {
        json_array_append(output->rows, item);
        return PH_OK;
    }
    if (is_json(output)) {
        fputs(output->count == 0 ? "[\n" : ",\n", output->out);
        json_dumpf(item, output->out, JSON_COMPACT);
    } else {
        print_line(output, item);
    }
    output->count++;
    return ferror(output->out) == 0 ? PH_OK : ph_fail_errno(err, PH_EUNAVAILABLE, errno, "standard output");
}

/* Characters, as far as a terminal is concerned: octets that do not continue one in UTF-8. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return width;
}

static void print_padded(FILE *out, const char *text, int width, bool is_last)
{
    fputs(text, out);
    if (!is_last) {
        fprintf(out, "%*s", width - width_of(text) + 2, "");
    }
}

static void print_table(const struct ph_output *output)
{
    enum { COLUMNS_MAX = 8 };
    struct ph_bytes names[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    size_t columns = 0;
    struct ph_bytes rest = ph_bytes_str(output->call->command->columns);
    while (rest.len > 0 && columns < COLUMNS_MAX) {
        names[columns] = ph_bytes_next_word(&rest);
        widths[columns] = (int)names[columns].len;
        columns++;
    }
    size_t index = 0;
    const json_t *item = NULL;
    char number[24];
    json_array_foreach(output->rows, index, item)
    {
        for (size_t i = 0; i < columns; i++) {
            int width = width_of(cell(item, names[i], number));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t i = 0; i < columns; i++) {
        char title[32];
        snprintf(title, sizeof title, "%.*s", (int)names[i].len, (const char *)names[i].ptr);
        for (char *at = title; *at != '\0'; at++) {
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at - ('a' - 'A') : *at);
        }
        print_padded(output->out, title, widths[i], i + 1 == columns);
    }
    fputc('\n', output->out);
    json_array_foreach(output->rows, index, item)
    {
        for (size_t i = 0; i < columns; i++) {
            print_padded(output->out, cell(item, names[i], number), widths[i], i + 1 == columns);
        }
        fputc('\n', output->out);
    }
}

/* ---- Octets ---- */

static int print_octets(void *ctx, struct ph_bytes octets, struct ph_error *err)
{
    const struct ph_output *output = ctx;
    if (fwrite(octets.ptr, 1, octets.len, output->out) != octets.len) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "standard output");
    }
    return PH_OK;
}

/* ---- Status ---- */

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_content(FILE *out, const json_t *content)
{
    json_int_t away = number_of(content, "away_segments");
    fprintf(out, "content       %lld segments, %lld octets, %lld of them live%s\n",
            (long long)number_of(content, "segments"), (long long)number_of(content, "octets"),
            (long long)number_of(content, "live_octets"),
            json_is_true(json_object_get(content, "is_broken")) ? "; WRITES ARE REFUSED, a sync failed" : "");
    if (away > 0) {
        fprintf(out, "missing       %lld segments: their content cannot be read until the files are back\n",
                (long long)away);
    }
}

static void print_cassandra(FILE *out, const json_t *cassandra)
{
    fprintf(out, "keyspace      %s, profile %s%s\n",
            json_string_value(json_object_get(cassandra, "keyspace")),
            json_string_value(json_object_get(cassandra, "profile")),
            json_is_true(json_object_get(cassandra, "shared_with_james")) ? ", shared with James" : "");
    fprintf(
        out,
        "requests      %lld, %lld under way, %lld waiting, %lld refused, %lld timeouts, %lld of consensus\n",
        (long long)number_of(cassandra, "requests"), (long long)number_of(cassandra, "under_way"),
        (long long)number_of(cassandra, "queued"), (long long)number_of(cassandra, "refused"),
        (long long)number_of(cassandra, "timeouts"), (long long)number_of(cassandra, "serial_timeouts"));
    size_t index = 0;
    json_t *node = NULL;
    json_array_foreach(json_object_get(cassandra, "nodes"), index, node)
    {
        fprintf(out, "node          %s in %s, %s: %lld requests, %lld errors, mean %lld us\n",
                json_string_value(json_object_get(node, "address")),
                json_string_value(json_object_get(node, "datacenter")),
                json_is_true(json_object_get(node, "up")) ? "up" : "DOWN",
                (long long)number_of(node, "requests"), (long long)number_of(node, "errors"),
                (long long)number_of(node, "mean_us"));
    }
}

static void print_status(const struct ph_output *output, const json_t *status)
{
    FILE *out = output->out;
    const json_t *server = json_object_get(status, "server");
    fprintf(out, "version       %s\n", json_string_value(json_object_get(status, "version")));
    fprintf(out, "engine        %s\n", json_string_value(json_object_get(status, "engine")));
    fprintf(out, "data_dir      %s\n", json_string_value(json_object_get(status, "data_dir")));
    if (json_object_get(status, "cassandra") == NULL) {
        fprintf(out, "store         %lld octets\n", (long long)number_of(status, "store_octets"));
    }
    if (server == NULL) {
        fprintf(out, "server        not running\n");
        return;
    }
    fprintf(out, "server        running, process %lld, for %lld s\n", (long long)number_of(server, "pid"),
            (long long)number_of(server, "uptime_seconds"));
    fprintf(out, "connections   %lld now, %lld accepted, %lld refused\n",
            (long long)number_of(server, "connections"), (long long)number_of(server, "accepted"),
            (long long)number_of(server, "refused"));
    fprintf(out, "threads       %lld\n", (long long)number_of(server, "threads"));
    const json_t *waiting = json_object_get(status, "waiting");
    fprintf(out, "waiting       %lld writes, %lld password checks\n", (long long)number_of(waiting, "plans"),
            (long long)number_of(waiting, "hashes"));
    const json_t *cassandra = json_object_get(status, "cassandra");
    if (cassandra != NULL) {
        print_cassandra(out, cassandra);
    } else {
        print_content(out, json_object_get(status, "content"));
    }
    fprintf(out, "\n%-40s %12s %10s %12s\n", "STATEMENT", "COUNT", "FAILURES", "MEAN US");
    const char *name = NULL;
    json_t *stats = NULL;
    json_object_foreach(json_object_get(status, "statements"), name, stats)
    {
        json_int_t count = number_of(stats, "count");
        fprintf(out, "%-40s %12lld %10lld %12lld\n", name, (long long)count,
                (long long)number_of(stats, "failures"),
                (long long)(count == 0 ? 0 : number_of(stats, "total_us") / count));
    }
}

/* ---- Findings ---- */

/* Beside the list, for people; the list alone is for programs. */
static void print_sum(const json_t *result)
{
    if (json_object_get(result, "maildrop_rows") != NULL) {
        fprintf(stderr, "%lld rows of maildrops, %lld messages%s: %lld findings, %lld repaired\n",
                (long long)number_of(result, "maildrop_rows"), (long long)number_of(result, "message_rows"),
                json_is_true(json_object_get(result, "resumed")) ? ", from where it was interrupted" : "",
                (long long)number_of(result, "found"), (long long)number_of(result, "repaired"));
        return;
    }
    if (json_object_get(result, "blobs") != NULL) {
        fprintf(stderr,
                "%lld rows of messages, %lld pieces of content%s: %lld without a message, %lld removed\n",
                (long long)number_of(result, "message_rows"), (long long)number_of(result, "blobs"),
                json_is_true(json_object_get(result, "resumed")) ? ", from where it was interrupted" : "",
                (long long)number_of(result, "found"), (long long)number_of(result, "repaired"));
        return;
    }
    fprintf(stderr, "%lld mailboxes, %lld messages, %lld pieces of content: %lld findings, %lld repaired\n",
            (long long)number_of(result, "mailboxes"), (long long)number_of(result, "messages"),
            (long long)number_of(result, "contents"), (long long)number_of(result, "found"),
            (long long)number_of(result, "repaired"));
}

/* ---- What was done ---- */

static void print_result(const struct ph_output *output, const json_t *result)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)result, name, value)
    {
        char number[24];
        fprintf(output->out, "%-14s%s\n", name, cell(result, ph_bytes_str(name), number));
    }
}

/* ---- The end ---- */

struct ph_admin_sink ph_output_sink(struct ph_output *output)
{
    return (struct ph_admin_sink){output, print_item, print_octets};
}

void ph_output_end(struct ph_output *output, const json_t *result)
{
    enum ph_cli_output kind = output->call->command->output;
    if (is_list_of(output->call->command) && is_json(output)) {
        fputs(output->count > 0 ? "\n]\n" : result != NULL ? "[]\n" : "", output->out);
    } else if (output->is_table && json_array_size(output->rows) > 0) {
        print_table(output);
    } else if (result != NULL && is_json(output) && kind != PH_CLI_OUTPUT_OCTETS) {
        json_dumpf(result, output->out, JSON_INDENT(2));
        fputc('\n', output->out);
    } else if (result != NULL && kind == PH_CLI_OUTPUT_STATUS) {
        print_status(output, result);
    } else if (result != NULL && kind == PH_CLI_OUTPUT_RESULT) {
        print_result(output, result);
    }
    if (result != NULL && kind == PH_CLI_OUTPUT_FINDINGS && !is_json(output)) {
        print_sum(result);
    }
    json_decref(output->rows);
    output->rows = NULL;
}
