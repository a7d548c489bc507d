/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a check: the passes in their order, and what all of them do with a page of rows.
 *
 * The order matters to repairs: names first, so that findings can say whose mailbox it is; then the listings, which
 * may put a message back; then the truth, from which the listings are completed; content last, when it is settled
 * which messages there are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/check-private.h"

/* As many may have come between two rows that stood next to each other. */
enum { NEW_ROWS_MAX = 8 };

static const struct {
    const char *name;
    const char *meaning;
    const char *repair;
} kinds[] = {
#define CHECK_ROW(upper, name, meaning, repair) {name, meaning, repair},
    PH_CHECK_KINDS(CHECK_ROW)
#undef CHECK_ROW
};
_Static_assert(PH_CHECK_KIND_COUNT <= sizeof(unsigned) * 8, "a bit for each kind");

const char *ph_check_kind_name(enum ph_check_kind kind)
{
    return kinds[kind].name;
}

const char *ph_check_kind_meaning(enum ph_check_kind kind)
{
    return kinds[kind].meaning;
}

const char *ph_check_kind_repair(enum ph_check_kind kind)
{
    return kinds[kind].repair;
}

/* ---- Findings ---- */

/* Whose mailbox ID is; stays empty where nobody knows, or the row cannot be read. */
static void find_owner(struct ph_check *check, const struct ph_uuid *id, struct ph_arena *arena,
                       struct ph_check_finding *finding)
{
    struct ph_rows *rows = NULL;
    if (ph_db_query(check->options->db, &rows, NULL, PH_STMT_CHECK_MAILBOX_OWNER, ph_uuid_value(id)) !=
        PH_OK) {
        return;
    }
    struct ph_bytes user;
    struct ph_bytes name;
    if (ph_rows_next(rows, NULL) == 1 && ph_row_bytes(rows, 0, &user) && ph_row_bytes(rows, 1, &name)) {
        finding->user = ph_arena_bytes(arena, user);
        finding->name = ph_arena_bytes(arena, name);
    }
    ph_rows_end(&rows);
}

int ph_check_report(struct ph_check *check, const struct ph_check_finding *finding)
{
    struct ph_check_finding whole = *finding;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    if (whole.mailbox != NULL && whole.user.len == 0) {
        find_owner(check, whole.mailbox, &arena, &whole);
    }
    check->counts->found++;
    check->counts->repaired += whole.is_repaired ? 1 : 0;
    int result = check->options->found(&whole, check->options->ctx, check->err);
    ph_arena_fini(&arena);
    return result;
}

int ph_check_read_failed(struct ph_check *check, const struct ph_error *reason)
{
    if (reason->code != PH_ECORRUPT) {
        return ph_fail(check->err, reason->code, "%s", reason->text);
    }
    const struct ph_check_finding finding = {.kind = PH_CHECK_DATABASE, .text = reason->text};
    return ph_check_report(check, &finding);
}

/* ---- Pages ---- */

static int read_cell(const struct ph_rows *rows, unsigned column, char type, struct ph_arena *arena,
                     struct ph_value *out_value)
{
    *out_value = ph_null();
    if (type == 'i') {
        int64_t number;
        if (ph_row_i64(rows, column, &number)) {
            *out_value = ph_i64(number);
        }
    } else if (type == 'u') {
        struct ph_uuid id;
        if (ph_row_uuid(rows, column, &id)) {
            *out_value = ph_uuid_value(&id);
        }
    } else {
        struct ph_bytes text;
        if (ph_row_bytes(rows, column, &text)) {
            *out_value = ph_text(ph_arena_bytes(arena, text));
        }
    }
    return out_value->type == PH_VALUE_NULL ? PH_ENOTFOUND : PH_OK;
}

static int read_row(const struct ph_check_pass *pass, const struct ph_rows *rows, struct ph_arena *arena,
                    struct ph_check_row *out_row, struct ph_error *err)
{
    *out_row = (struct ph_check_row){0};
    for (unsigned i = 0; pass->columns[i] != '\0'; i++) {
        int result = read_cell(rows, i, pass->columns[i], arena, &out_row->cells[i]);
        if (result != PH_OK && i < pass->key_count) {
            return ph_fail(err, PH_ECORRUPT, "%s: the key of a row is not of its type",
                           ph_stmt_info(pass->page)->name);
        }
    }
    return PH_OK;
}

int ph_check_page(struct ph_check *check, const struct ph_check_pass *pass, const struct ph_value *key,
                  unsigned limit, struct ph_arena *arena, struct ph_check_row *rows, size_t *out_count,
                  struct ph_error *err)
{
    struct ph_value params[3];
    memcpy(params, key, pass->key_count * sizeof *key);
    params[pass->key_count] = ph_i64(limit);
    struct ph_rows *cursor = NULL;
    *out_count = 0;
    int result =
        ph_db_query_values(check->options->db, pass->page, params, pass->key_count + 1, &cursor, err);
    while (result == PH_OK && *out_count < limit) {
        int next = ph_rows_next(cursor, err);
        if (next <= 0) {
            result = next;
            break;
        }
        result = read_row(pass, cursor, arena, &rows[*out_count], err);
        *out_count += result == PH_OK ? 1 : 0;
    }
    ph_rows_end(&cursor);
    return result;
}

static bool has_key(const struct ph_check_pass *pass, const struct ph_check_row *row,
                    const struct ph_value *key)
{
    for (unsigned i = 0; i < pass->key_count; i++) {
        const struct ph_value *cell = &row->cells[i];
        bool is_same = cell->type == PH_VALUE_UUID   ? ph_uuid_eq(&cell->uuid, &key[i].uuid)
                       : cell->type == PH_VALUE_TEXT ? ph_bytes_eq(cell->bytes, key[i].bytes)
                                                     : cell->i64 == key[i].i64;
        if (!is_same) {
            return false;
        }
    }
    return true;
}

/* What is wrong now with the row of KEY, which stood next behind BEFORE, if it is there still. */
static int look_again(struct ph_check *check, const struct ph_check_pass *pass, const struct ph_value *before,
                      const struct ph_value *key, struct ph_arena *arena, struct ph_check_row *out_row,
                      unsigned *out_wrong)
{
    struct ph_check_row rows[NEW_ROWS_MAX];
    size_t count = 0;
    *out_wrong = 0;
    int result = ph_check_page(check, pass, before, NEW_ROWS_MAX, arena, rows, &count, check->err);
    for (size_t i = 0; i < count && result == PH_OK; i++) {
        if (has_key(pass, &rows[i], key)) {
            *out_row = rows[i];
            *out_wrong = pass->judge(out_row);
        }
    }
    return result;
}

static int report_row(struct ph_check *check, const struct ph_check_pass *pass,
                      const struct ph_check_row *row, unsigned wrong, unsigned left)
{
    int result = PH_OK;
    for (unsigned kind = 0; result == PH_OK && kind < PH_CHECK_KIND_COUNT; kind++) {
        if ((wrong & 1U << kind) == 0) {
            continue;
        }
        struct ph_check_finding finding = {
            .kind = kind, .is_repaired = (left & 1U << kind) == 0, .text = kinds[kind].meaning};
        if (pass->message_column >= 0) {
            finding.message = ph_check_uuid(row, (unsigned)pass->message_column);
        }
        if (pass->mailbox_column >= 0) {
            finding.mailbox = ph_check_uuid(row, (unsigned)pass->mailbox_column);
        }
        result = ph_check_report(check, &finding);
    }
    return result;
}

static int repair_row(struct ph_check *check, const struct ph_check_pass *pass,
                      const struct ph_check_row *row, unsigned wrong)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    pass->repair(&plan, row, wrong);
    int result = plan.count == 0 ? PH_OK : ph_db_apply(check->options->db, &plan, check->err);
    ph_arena_fini(&arena);
    return result;
}

/* A row that seemed wrong, behind the key BEFORE. */
static int handle_row(struct ph_check *check, const struct ph_check_pass *pass, const struct ph_value *before,
                      const struct ph_check_row *row, unsigned wrong)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_check_row again;
    unsigned still = 0;
    int result = look_again(check, pass, before, row->cells, &arena, &again, &still);
    wrong &= still;
    unsigned left = wrong;
    if (result == PH_OK && wrong != 0 && check->options->is_repairing) {
        result = repair_row(check, pass, &again, wrong);
        struct ph_check_row after;
        if (result == PH_OK) {
            result = look_again(check, pass, before, row->cells, &arena, &after, &left);
        }
    }
    if (result == PH_OK) {
        result = report_row(check, pass, row, wrong, left);
    }
    ph_arena_fini(&arena);
    return result;
}

static void first_key(const struct ph_check_pass *pass, struct ph_value key[2])
{
    static const struct ph_uuid zero;
    for (unsigned i = 0; i < pass->key_count; i++) {
        key[i] = pass->columns[i] == 'u'   ? ph_uuid_value(&zero)
                 : pass->columns[i] == 't' ? ph_text(PH_BYTES(""))
                                           : ph_i64(-1);
    }
}

static int handle_page(struct ph_check *check, const struct ph_check_pass *pass, const struct ph_value *first,
                       const struct ph_check_row *rows, size_t count)
{
    int result = PH_OK;
    for (size_t i = 0; i < count && result == PH_OK; i++) {
        unsigned wrong = pass->judge(&rows[i]);
        if (pass->counter != NULL) {
            (*pass->counter(check->counts))++;
        }
        if (wrong != 0) {
            result = handle_row(check, pass, i == 0 ? first : rows[i - 1].cells, &rows[i], wrong);
        }
    }
    return result;
}

int ph_check_walk(struct ph_check *check, const struct ph_check_pass *pass)
{
    struct ph_check_row *rows = ph_alloc(PH_CHECK_PAGE_ROWS * sizeof *rows);
    struct ph_arena arenas[2]; /* of this page, and of the one before, where the key stands */
    ph_arena_init(&arenas[0], 0);
    ph_arena_init(&arenas[1], 0);
    struct ph_value key[2];
    first_key(pass, key);
    int result = PH_OK;
    size_t count = PH_CHECK_PAGE_ROWS;
    for (unsigned turn = 0; result == PH_OK && count == PH_CHECK_PAGE_ROWS; turn ^= 1U) {
        struct ph_error reason = {0};
        ph_arena_reset(&arenas[turn]);
        int read = ph_check_page(check, pass, key, PH_CHECK_PAGE_ROWS, &arenas[turn], rows, &count, &reason);
        result = handle_page(check, pass, key, rows, count);
        if (result == PH_OK && read != PH_OK) {
            result = ph_check_read_failed(check, &reason);
            break; /* what stands behind cannot be reached */
        }
        if (count > 0) {
            memcpy(key, rows[count - 1].cells, pass->key_count * sizeof *key);
        }
    }
    ph_arena_fini(&arenas[0]);
    ph_arena_fini(&arenas[1]);
    free(rows);
    return result;
}

/* ---- The database's own structure ---- */

static int check_database(struct ph_check *check)
{
    struct ph_rows *rows = NULL;
    struct ph_error reason = {0};
    enum ph_stmt stmt = check->options->is_full ? PH_STMT_CHECK_DATABASE : PH_STMT_CHECK_DATABASE_QUICKLY;
    int result = ph_db_query_values(check->options->db, stmt, NULL, 0, &rows, &reason);
    while (result == PH_OK) {
        int next = ph_rows_next(rows, &reason);
        struct ph_bytes line;
        if (next <= 0 || !ph_row_bytes(rows, 0, &line)) {
            result = next < 0 ? next : PH_OK;
            break;
        }
        if (!ph_bytes_eq(line, PH_BYTES("ok"))) {
            char text[200];
            snprintf(text, sizeof text, "%.*s", (int)(line.len < 180 ? line.len : 180),
                     (const char *)line.ptr);
            const struct ph_check_finding finding = {.kind = PH_CHECK_DATABASE, .text = text};
            result = ph_check_report(check, &finding);
            if (result != PH_OK) {
                ph_rows_end(&rows);
                return result;
            }
        }
    }
    ph_rows_end(&rows);
    return result == PH_OK ? PH_OK : ph_check_read_failed(check, &reason);
}

int ph_check_run(const struct ph_check_options *options, struct ph_check_counts *out_counts,
                 struct ph_error *err)
{
    static int (*const parts[])(struct ph_check *) = {
        check_database,    ph_check_mailboxes, ph_check_lost_content,
        ph_check_messages, ph_check_content,   ph_check_segments,
    };
    *out_counts = (struct ph_check_counts){0};
    struct ph_check check = {.options = options, .counts = out_counts, .err = err};
    check.live = ph_zalloc(PH_CHECK_SEGMENTS_MAX * sizeof *check.live);
    int result = PH_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && result == PH_OK; i++) {
        result = parts[i](&check);
    }
    free(check.live);
    return result;
}
