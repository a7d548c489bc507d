/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CQL statement on its way, and the door that lets a bounded number of them out.
 *
 * The driver answers every request within the request timeout, so places become free at least that often, and whoever
 * waits at the door is let out or sent home then. Trying again (another node, after a timeout or a lost connection) is
 * the driver's business, within the same timeout and only for what is idempotent.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/engine.h"

enum { REQUEST_ARENA_BYTES = 512 };
static const uint64_t ROWS_US = 60 * 1000 * 1000;        /* PH_POP3_LATE_MS */
static const int64_t FALLING_FROM_US = 4102444800000000; /* the year 2100 */

void ph_cassandra_requests_init(struct ph_cassandra_requests *requests, unsigned max, unsigned queue_max,
                                unsigned wait_ms)
{
    *requests = (struct ph_cassandra_requests){.max = max, .queue_max = queue_max, .wait_ms = wait_ms};
    pthread_mutex_init(&requests->lock, NULL);
    pthread_cond_init(&requests->is_idle, NULL);
    requests->last = &requests->first;
}

void ph_cassandra_requests_drain(struct ph_cassandra_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    while (requests->under_way > 0 || requests->queued > 0) {
        pthread_cond_wait(&requests->is_idle, &requests->lock);
    }
    pthread_mutex_unlock(&requests->lock);
}

void ph_cassandra_requests_fini(struct ph_cassandra_requests *requests)
{
    pthread_cond_destroy(&requests->is_idle);
    pthread_mutex_destroy(&requests->lock);
}

/* ---- Values ---- */

/* "alias:" and "bob@example.org" of "alias:bob@example.org"; all of it is the second where there is no type. */
static struct ph_bytes part_of_mapping(struct ph_bytes mapping, char form)
{
    size_t colon = ph_bytes_find(mapping, ':');
    size_t behind = colon == mapping.len ? 0 : colon + 1;
    return form == 'p' ? ph_bytes_first(mapping, behind) : ph_bytes_from(mapping, behind);
}

/* Behind every row that was written of a message, also by a node whose clock is ahead: such rows are written in the
 * first minute after the id was made, by that clock. The later the later: what is added once more and deleted once more
 * stays in its order, and two minutes after the id it is the time itself. An id that is no time of these days says
 * nothing. */
static uint64_t behind_us(const struct ph_value *value, uint64_t now_us)
{
    if (value->type != PH_VALUE_UUID) {
        return now_us;
    }
    uint64_t id_us = ph_uuid_unix_us(&value->uuid);
    bool is_young = now_us < id_us + 2 * ROWS_US && id_us < now_us + 2 * ROWS_US;
    return is_young ? id_us / 2 + now_us / 2 + ROWS_US : now_us;
}

static int derive(const struct ph_cql_param *param, const struct ph_value *params, unsigned param_count,
                  struct ph_arena *arena, uint64_t now_us, struct ph_value *out, struct ph_error *err)
{
    if (param->form == 't') {
        *out = ph_i64((int64_t)now_us);
        return PH_OK;
    }
    if (param->number == 0) {
        *out = ph_i64(FALLING_FROM_US - (int64_t)now_us);
        return PH_OK;
    }
    if (param->number + (param->form == 'a' ? 1U : 0U) > param_count) {
        return ph_fail(err, PH_EBUG, "no parameter %u", param->number);
    }
    const struct ph_value *value = &params[param->number - 1];
    *out = *value;
    switch (param->form) {
    case 'p':
    case 'r': out->bytes = part_of_mapping(value->bytes, param->form); return PH_OK;
    case 'a':
        *out = ph_text_str(ph_arena_printf(arena, "%.*s@%.*s", (int)value->bytes.len,
                                           (const char *)value->bytes.ptr, (int)value[1].bytes.len,
                                           (const char *)value[1].bytes.ptr));
        return PH_OK;
    case 'd': *out = ph_i64((int64_t)behind_us(value, now_us)); return PH_OK;
    case 'n': *out = ph_i64(value->type == PH_VALUE_NULL || value->i64 == 0 ? 1 : 0); return PH_OK;
    default: return PH_OK;
    }
}

static int fill_values(struct ph_cassandra_request *request, const struct ph_value *params,
                       unsigned param_count, bool is_copied, uint64_t now_us, struct ph_error *err)
{
    const struct ph_cassandra_statement *statement = request->statement;
    request->value_count = statement->ready.param_count;
    for (unsigned i = 0; i < request->value_count; i++) {
        struct ph_value value;
        struct ph_cql_value *out = &request->values[i];
        int result =
            derive(&statement->ready.params[i], params, param_count, &request->arena, now_us, &value, err);
        if (result == PH_OK) {
            result =
                ph_cassandra_encode(&value, (enum ph_cql_type)statement->types[i], &request->arena, out, err);
        }
        if (result != PH_OK) {
            return result;
        }
        bool leaves_alone = statement->leaves_null_alone || statement->ready.params[i].form == 'u';
        if (out->len == PH_CQL_NULL && leaves_alone) {
            out->len = PH_CQL_UNSET;
        } else if (out->len > 0 && (is_copied || value.type == PH_VALUE_UUID)) {
            out->ptr = ph_arena_copy(&request->arena, out->ptr, (size_t)out->len);
        }
    }
    return PH_OK;
}

int ph_cassandra_request_new(struct ph_cassandra *engine, const struct ph_cassandra_statement *statement,
                             const struct ph_value *params, unsigned param_count, bool is_copied,
                             uint64_t now_us, struct ph_cassandra_request **out_request, struct ph_error *err)
{
    struct ph_cassandra_request *request = ph_zalloc(sizeof *request);
    request->engine = engine;
    request->statement = statement;
    ph_arena_init(&request->arena, REQUEST_ARENA_BYTES);
    int result = fill_values(request, params, param_count, is_copied, now_us, err);
    if (result != PH_OK) {
        ph_arena_fini(&request->arena);
        free(request);
        return ph_fail(err, result, "%s: %s", statement->info->name, err == NULL ? "" : err->text);
    }
    *out_request = request;
    return PH_OK;
}

/* ---- On its way ---- */

static void finish(struct ph_cassandra_request *request, int result, struct ph_cql_result *answer,
                   struct ph_error *err)
{
    request->done(request, result, &answer, err);
    if (answer != NULL) {
        ph_cql_result_free(answer);
    }
    ph_arena_fini(&request->arena);
    free(request);
}

static void on_answer(void *ctx, struct ph_cql_result *answer);

static void execute(struct ph_cassandra_request *request)
{
    request->was_sent = true;
    request->started_us = ph_mono_us(request->engine->db.clock);
    ph_cql_execute(request->engine->session, request->statement->handle, request->values,
                   request->value_count, request->paging.ptr, request->paging.len, on_answer, request);
}

static void turn_away(struct ph_cassandra_request *request, int class)
{
    struct ph_error err = {0};
    atomic_fetch_add_explicit(&request->engine->requests.refused, 1, memory_order_relaxed);
    (void)ph_fail(&err, class, "%s: too much waits for Cassandra", request->statement->info->name);
    finish(request, class, NULL, &err);
}

/* Gives the place of a request that is answered to those that wait. */
static void let_out(struct ph_cassandra *engine)
{
    struct ph_cassandra_requests *requests = &engine->requests;
    uint64_t now_ms = ph_mono_ms(engine->db.clock);
    bool has_place = true;
    while (has_place) {
        pthread_mutex_lock(&requests->lock);
        struct ph_cassandra_request *request = requests->first;
        if (request == NULL) {
            requests->under_way--;
            if (requests->under_way == 0) {
                pthread_cond_broadcast(&requests->is_idle);
            }
            pthread_mutex_unlock(&requests->lock);
            return;
        }
        requests->first = request->next;
        if (requests->first == NULL) {
            requests->last = &requests->first;
        }
        requests->queued--;
        has_place = now_ms - request->queued_ms > requests->wait_ms; /* it is not used */
        pthread_mutex_unlock(&requests->lock);
        if (has_place) {
            turn_away(request, PH_EUNAVAILABLE);
        } else {
            execute(request);
        }
    }
}

static int class_of(const struct ph_cassandra_request *request, enum ph_cql_status status, const char *text,
                    struct ph_error *err)
{
    const struct ph_cql_info *info = request->statement->info;
    bool is_write = ph_stmt_info(info->stmt)->kind == PH_STMT_WRITE;
    int class = ph_cassandra_fail(err, status, is_write, info->name, text);
    /* The statements are ours: one that Cassandra does not understand is our mistake, and one that it does not permit
     * the operator's, not the user's. */
    class = class == PH_EINVALID ? PH_EBUG : class == PH_EDENIED ? PH_EUNAVAILABLE : class;
    err->code = class;
    return class;
}

static void on_answer(void *ctx, struct ph_cql_result *answer)
{
    struct ph_cassandra_request *request = ctx;
    struct ph_cassandra *engine = request->engine;
    enum ph_stmt stmt = request->statement->info->stmt;
    struct ph_error err = {0};
    enum ph_cql_status status = ph_cql_result_status(answer);
    int result = status == PH_CQL_OK ? PH_OK : class_of(request, status, ph_cql_result_error(answer), &err);
    ph_db_count(&engine->db, stmt, ph_mono_us(engine->db.clock) - request->started_us, result != PH_OK);
    if (request->statement->is_conditional) {
        ph_db_count_conditional(&engine->db, stmt);
    }
    finish(request, result, answer, &err);
    /* The last touch: whoever closes waits for it. */
    let_out(engine);
}

void ph_cassandra_request_send(struct ph_cassandra_request *request)
{
    struct ph_cassandra_requests *requests = &request->engine->requests;
    enum { NOW, LATER, NEVER } when = NOW;
    pthread_mutex_lock(&requests->lock);
    if (requests->under_way < requests->max) {
        requests->under_way++;
    } else if (requests->queued < requests->queue_max || request->is_admitted) {
        when = LATER;
        request->queued_ms = ph_mono_ms(request->engine->db.clock);
        requests->queued++;
        *requests->last = request;
        requests->last = &request->next;
    } else {
        when = NEVER;
    }
    pthread_mutex_unlock(&requests->lock);
    if (when == NOW) {
        execute(request);
    } else if (when == NEVER) {
        turn_away(request, PH_EUNAVAILABLE);
    }
}

/* ---- Answers ---- */

struct ph_cassandra_cell ph_cassandra_answer_cell(const struct ph_cassandra_statement *statement,
                                                  const struct ph_cql_result *answer, size_t row,
                                                  unsigned column)
{
    struct ph_cassandra_cell cell = {0};
    if (column < statement->column_count && ph_cql_result_cell(answer, row, column, &cell.ptr, &cell.len)) {
        cell.type = (enum ph_cql_type)statement->column_types[column];
        cell.ptr = cell.ptr == NULL ? (const uint8_t *)"" : cell.ptr; /* empty, not null */
    } else {
        cell.ptr = NULL;
    }
    return cell;
}

static bool is_of_domain(struct ph_bytes name, struct ph_bytes domain)
{
    if (name.len <= domain.len) {
        return false;
    }
    size_t at = name.len - domain.len - 1;
    return name.ptr[at] == '@' && ph_bytes_eq(ph_bytes_from(name, at + 1), domain);
}

bool ph_cassandra_row_counts(const struct ph_cassandra_statement *statement,
                             const struct ph_cql_result *answer, size_t row, struct ph_bytes domain)
{
    struct ph_cassandra_cell cell;
    struct ph_bytes name;
    switch (statement->info->role) {
    case PH_CQL_ROLE_READ_WHOLE:
    case PH_CQL_ROLE_READ_PAGE:
        cell = ph_cassandra_answer_cell(statement, answer, row, statement->column_count - 1);
        return cell.ptr != NULL;
    case PH_CQL_ROLE_READ_DOMAIN:
    case PH_CQL_ROLE_ABSENT_DOMAIN:
        cell = ph_cassandra_answer_cell(statement, answer, row, 0);
        return ph_cassandra_cell_bytes(&cell, NULL, &name) && is_of_domain(name, domain);
    case PH_CQL_ROLE_ABSENT:
    case PH_CQL_ROLE_ABSENT_OTHER:
    case PH_CQL_ROLE_PRESENT:
    case PH_CQL_ROLE_UNLESS:
        cell = ph_cassandra_answer_cell(statement, answer, row, 0);
        return cell.ptr != NULL;
    default: return true;
    }
}
