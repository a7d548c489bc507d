/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads. A read is sent when it begins, and its rows are taken from pages of the driver's; while one page is read the
 * next is already on its way. The thread that reads waits for a page where it must, and nowhere else.
 *
 * One request of a read is under way at a time. Whoever ends a read early leaves that request to itself: its answer
 * frees what is left.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/engine.h"
#include "net/pool.h"

enum { ROWS_ARENA_BYTES = 512, SIDE_BY_SIDE_MAX = 64 };

struct ph_cassandra_rows {
    struct ph_rows base;
    struct ph_cassandra *engine;
    struct ph_arena arena;     /* the parameters */
    struct ph_arena row_arena; /* what cells of the row needed */
    struct ph_value *params;
    unsigned param_count;
    const struct ph_cassandra_texts *texts;
    unsigned text; /* the next one to ask */

    const struct ph_cassandra_statement *statement; /* of the page */
    struct ph_cql_result *page;
    size_t row;
    size_t row_count;
    bool has_coming; /* a page was asked that has not been taken */

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    bool is_asked;
    bool is_ended;
    const struct ph_cassandra_statement *coming_statement;
    struct ph_cql_result *coming;
    int coming_result;
    struct ph_error coming_error;
};

static void free_rows(struct ph_cassandra_rows *rows)
{
    if (rows->page != NULL) {
        ph_cql_result_free(rows->page);
    }
    if (rows->coming != NULL) {
        ph_cql_result_free(rows->coming);
    }
    pthread_cond_destroy(&rows->changed);
    pthread_mutex_destroy(&rows->lock);
    ph_arena_fini(&rows->arena);
    ph_arena_fini(&rows->row_arena);
    free(rows);
}

/* ---- Pages ---- */

static void on_page(struct ph_cassandra_request *request, int result, struct ph_cql_result **answer,
                    struct ph_error *err)
{
    struct ph_cassandra_rows *rows = request->ctx;
    pthread_mutex_lock(&rows->lock);
    rows->is_asked = false;
    rows->coming = *answer;
    rows->coming_result = result;
    rows->coming_error = *err;
    *answer = NULL;
    bool is_ended = rows->is_ended;
    pthread_cond_signal(&rows->changed);
    pthread_mutex_unlock(&rows->lock);
    if (is_ended) {
        free_rows(rows);
    }
}

static int ask(struct ph_cassandra_rows *rows, const struct ph_cassandra_statement *statement,
               const uint8_t *paging, size_t paging_len, bool is_admitted, struct ph_error *err)
{
    struct ph_cassandra_request *request;
    int result = ph_cassandra_request_new(rows->engine, statement, rows->params, rows->param_count, true,
                                          ph_real_us(rows->engine->db.clock), &request, err);
    if (result != PH_OK) {
        return result;
    }
    request->done = on_page;
    request->ctx = rows;
    request->is_admitted = is_admitted;
    request->paging = ph_arena_bytes(&request->arena, ph_bytes_of(paging, paging_len));
    rows->coming_statement = statement;
    rows->has_coming = true;
    rows->is_asked = true;
    ph_cassandra_request_send(request);
    return PH_OK;
}

static bool is_left_out(const struct ph_cassandra_rows *rows, const struct ph_cql_info *info)
{
    return info->role == PH_CQL_ROLE_NOTHING ||
           (info->role == PH_CQL_ROLE_READ_AFTER && rows->params[0].bytes.len == 0);
}

/* Asks the next text, if there is one. */
static int ask_next_text(struct ph_cassandra_rows *rows, bool is_admitted, struct ph_error *err)
{
    while (rows->text < rows->texts->count) {
        enum ph_cql_id id = (enum ph_cql_id)rows->texts->ids[rows->text++];
        if (!is_left_out(rows, ph_cql_info(id))) {
            return ask(rows, ph_cassandra_statement(&rows->engine->prepared, id), NULL, 0, is_admitted, err);
        }
    }
    return PH_OK;
}

/* Makes what was asked the page that stands. */
static int take_page(struct ph_cassandra_rows *rows, struct ph_error *err)
{
    pthread_mutex_lock(&rows->lock);
    if (rows->is_asked) {
        ph_pool_blocking_begin();
        while (rows->is_asked) {
            pthread_cond_wait(&rows->changed, &rows->lock);
        }
        pthread_mutex_unlock(&rows->lock);
        ph_pool_blocking_end();
    } else {
        pthread_mutex_unlock(&rows->lock);
    }
    rows->has_coming = false;
    if (rows->coming_result != PH_OK) {
        if (err != NULL) {
            *err = rows->coming_error;
        }
        return rows->coming_result;
    }
    if (rows->page != NULL) {
        ph_cql_result_free(rows->page);
    }
    rows->page = rows->coming;
    rows->coming = NULL;
    rows->statement = rows->coming_statement;
    rows->row = 0;
    rows->row_count = ph_cql_result_row_count(rows->page);
    const uint8_t *paging;
    size_t paging_len;
    if (rows->statement->info->role != PH_CQL_ROLE_READ_PAGE &&
        ph_cql_result_paging(rows->page, &paging, &paging_len)) {
        return ask(rows, rows->statement, paging, paging_len, true, err);
    }
    return PH_OK;
}

/* Behind the last row of a page: 1: another page stands; 0: that was the last; negative: failed. */
static int next_page(struct ph_cassandra_rows *rows, struct ph_error *err)
{
    const uint8_t *paging;
    size_t paging_len;
    int result = PH_OK;
    if (!rows->has_coming && rows->page != NULL && ph_cql_result_paging(rows->page, &paging, &paging_len)) {
        result = ask(rows, rows->statement, paging, paging_len, true, err);
    } else if (!rows->has_coming) {
        result = ask_next_text(rows, true, err);
    }
    if (result != PH_OK || !rows->has_coming) {
        return result;
    }
    result = take_page(rows, err);
    return result == PH_OK ? 1 : result;
}

/* ---- Beginning ---- */

static int start(struct ph_cassandra *engine, const struct ph_db_read *read, bool is_admitted,
                 struct ph_cassandra_rows **out_rows, struct ph_error *err)
{
    int result = ph_cassandra_prepare(&engine->prepared, read->stmt, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_cassandra_rows *rows = ph_zalloc(sizeof *rows);
    rows->engine = engine;
    ph_arena_init(&rows->arena, ROWS_ARENA_BYTES);
    ph_arena_init(&rows->row_arena, ROWS_ARENA_BYTES);
    pthread_mutex_init(&rows->lock, NULL);
    pthread_cond_init(&rows->changed, NULL);
    rows->texts = &engine->prepared.texts[read->stmt];
    rows->param_count = read->param_count;
    rows->params = ph_arena_alloc(&rows->arena, (read->param_count + 1) * sizeof *rows->params);
    for (unsigned i = 0; i < read->param_count; i++) {
        rows->params[i] = read->params[i];
        if (read->params[i].type == PH_VALUE_TEXT || read->params[i].type == PH_VALUE_BLOB) {
            rows->params[i].bytes = ph_arena_bytes(&rows->arena, read->params[i].bytes);
        }
    }
    ph_db_rows_begin(&rows->base, &engine->db, read->stmt, 0);
    result = ask_next_text(rows, is_admitted, err);
    if (result != PH_OK) {
        free_rows(rows);
        return result;
    }
    *out_rows = rows;
    return PH_OK;
}

/* A read that failed is ended. */
static int await_first(struct ph_cassandra_rows *rows, struct ph_error *err)
{
    int result = rows->has_coming ? take_page(rows, err) : PH_OK;
    if (result != PH_OK) {
        ph_cassandra_end(&rows->base);
    }
    return result;
}

int ph_cassandra_query(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params,
                       unsigned param_count, struct ph_rows **out_rows, struct ph_error *err)
{
    const struct ph_db_read read = {stmt, param_count, params};
    struct ph_cassandra_rows *rows;
    int result = start((struct ph_cassandra *)db, &read, false, &rows, err);
    if (result == PH_OK) {
        if (rows->has_coming) {
            ph_db_count_round(db);
        }
        result = await_first(rows, err);
    }
    *out_rows = result == PH_OK ? &rows->base : NULL;
    return result;
}

int ph_cassandra_query_each(struct ph_db *db, const struct ph_db_read *reads, size_t count, bool is_beside,
                            int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                            void *ctx, struct ph_error *err)
{
    struct ph_cassandra_rows *under_way[SIDE_BY_SIDE_MAX];
    size_t sent = 0;
    size_t taken = 0;
    int result = PH_OK;
    bool has_asked = false;
    while (result == PH_OK && taken < count) {
        while (result == PH_OK && sent < count && sent - taken < SIDE_BY_SIDE_MAX) {
            struct ph_cassandra_rows **rows = &under_way[sent % SIDE_BY_SIDE_MAX];
            result = start((struct ph_cassandra *)db, &reads[sent], sent > 0, rows, err);
            if (result == PH_OK) {
                has_asked = has_asked || (*rows)->has_coming;
                sent++;
            }
        }
        if (result == PH_OK) {
            struct ph_cassandra_rows *rows = under_way[taken % SIDE_BY_SIDE_MAX];
            result = await_first(rows, err);
            if (result == PH_OK) {
                result = each(&rows->base, taken, ctx, err);
                ph_cassandra_end(&rows->base);
            }
            taken++;
        }
    }
    for (; taken < sent; taken++) {
        ph_cassandra_end(&under_way[taken % SIDE_BY_SIDE_MAX]->base);
    }
    if (has_asked && !is_beside) {
        ph_db_count_round(db);
    }
    return result;
}

/* ---- Rows ---- */

int ph_cassandra_next(struct ph_rows *base, struct ph_error *err)
{
    struct ph_cassandra_rows *rows = (struct ph_cassandra_rows *)base;
    struct ph_bytes domain = {0};
    if (rows->param_count > 0 && rows->params[rows->param_count - 1].type == PH_VALUE_TEXT) {
        domain = rows->params[rows->param_count - 1].bytes;
    }
    ph_arena_reset(&rows->row_arena);
    for (;;) {
        while (rows->row < rows->row_count) {
            size_t row = rows->row++;
            if (ph_cassandra_row_counts(rows->statement, rows->page, row, domain)) {
                return 1;
            }
        }
        int result = next_page(rows, err);
        if (result != 1) {
            return result;
        }
    }
}

void ph_cassandra_end(struct ph_rows *base)
{
    struct ph_cassandra_rows *rows = (struct ph_cassandra_rows *)base;
    pthread_mutex_lock(&rows->lock);
    rows->is_ended = true;
    bool is_asked = rows->is_asked;
    pthread_mutex_unlock(&rows->lock);
    if (!is_asked) {
        free_rows(rows);
    }
}

static struct ph_cassandra_cell cell_at(const struct ph_rows *base, unsigned column)
{
    const struct ph_cassandra_rows *rows = (const struct ph_cassandra_rows *)base;
    return ph_cassandra_answer_cell(rows->statement, rows->page, rows->row - 1, column);
}

bool ph_cassandra_row_i64(const struct ph_rows *base, unsigned column, int64_t *out_value)
{
    struct ph_cassandra_cell cell = cell_at(base, column);
    return ph_cassandra_cell_i64(&cell, out_value);
}

bool ph_cassandra_row_bytes(const struct ph_rows *base, unsigned column, struct ph_bytes *out_value)
{
    /* Of the arena the rows are the only user; the row itself does not change. */
    struct ph_arena *arena = &((struct ph_cassandra_rows *)(uintptr_t)base)->row_arena;
    struct ph_cassandra_cell cell = cell_at(base, column);
    return ph_cassandra_cell_bytes(&cell, arena, out_value);
}

bool ph_cassandra_row_uuid(const struct ph_rows *base, unsigned column, struct ph_uuid *out_value)
{
    struct ph_cassandra_cell cell = cell_at(base, column);
    return ph_cassandra_cell_uuid(&cell, out_value);
}
