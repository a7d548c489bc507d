/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves a user, and what is said of users who do not exist: a hash of the cost that new passwords have, and
 * SCRAM keys derived from a secret that the store keeps, so that their salt is the same tomorrow. A password that
 * was set at another cost takes another time; that is the one difference left.
 */
#include "auth/auth-private.h"

#include <sodium.h>
#include <stdlib.h>

#include "auth/accounts-private.h"
#include "auth/james_password.h"
#include "auth/sasl.h"
#include "base/mem.h"
#include "store/secret.h"

enum { DEFAULT_HASH_THREADS = 2, DEFAULT_HASH_QUEUE = 1000 };

/* Never a user's: no password is that long. */
enum { NOBODY_PASSWORD_BYTES = PH_PASSWORD_MAX + 1 };

static int start(struct ph_auth *auth, struct ph_error *err)
{
    const struct ph_auth_options *options = &auth->options;
    uint8_t password[NOBODY_PASSWORD_BYTES];
    ph_rand_fill(options->rand, password, sizeof password);
    struct ph_bytes nobody = ph_bytes_of(password, sizeof password);
    bool is_shared = options->accounts->is_shared_with_james;
    auth->nobody_alg = ph_bytes_str(is_shared ? ph_james_password_algorithm : ph_password_alg);
    int result = is_shared ? ph_james_password_hash((struct ph_bytes){0}, nobody, auth->nobody_hash, err)
                           : ph_password_hash(nobody, &options->accounts->cost, auth->nobody_hash, err);
    if (result == PH_OK) {
        result = ph_store_secret_get(options->db, options->rand, "scram-nobody", auth->nobody_secret,
                                     sizeof auth->nobody_secret, err);
    }
    if (result == PH_OK) {
        result = ph_delays_new(&auth->delays, err);
    }
    if (result == PH_OK) {
        unsigned threads = options->hash_threads == 0 ? DEFAULT_HASH_THREADS : options->hash_threads;
        unsigned queue = options->hash_queue_max == 0 ? DEFAULT_HASH_QUEUE : options->hash_queue_max;
        result = ph_jobs_new(threads, queue, "ph-hash", &auth->jobs, err);
    }
    return result;
}

int ph_auth_new(const struct ph_auth_options *options, struct ph_auth **out_auth, struct ph_error *err)
{
    struct ph_auth *auth = ph_zalloc(sizeof *auth);
    auth->options = *options;
    auth->credentials = ph_credential_cache_new(options->clock, options->rand, options->cache_entries_max,
                                                options->cache_seconds);
    const struct ph_throttle_options throttle = {
        .clock = options->clock,
        .rand = options->rand,
        .failures_before_delay = options->failures_before_delay,
        .delay_ms_max = options->failure_delay_ms_max,
        .failures_max = options->failures_max,
        .window_seconds = options->failure_window_seconds,
    };
    auth->throttle = ph_throttle_new(&throttle);
    int result = start(auth, err);
    if (result != PH_OK) {
        ph_auth_free(&auth);
        return result;
    }
    *out_auth = auth;
    return PH_OK;
}

/* Hashes first: what they finish may still be put among the delayed, which are then all completed. */
void ph_auth_free(struct ph_auth **auth_ptr)
{
    struct ph_auth *auth = *auth_ptr;
    if (auth == NULL) {
        return;
    }
    ph_jobs_free(&auth->jobs);
    ph_delays_free(&auth->delays);
    ph_throttle_free(&auth->throttle);
    ph_credential_cache_free(&auth->credentials);
    ph_wipe(auth, sizeof *auth);
    free(auth);
    *auth_ptr = NULL;
}

void ph_auth_hurry(struct ph_auth *auth)
{
    atomic_store(&auth->is_hurried, true);
    ph_delays_hurry(auth->delays);
}

const char *ph_auth_mechanisms(const struct ph_auth *auth, bool may_plaintext)
{
    if (auth->options.accounts->is_shared_with_james) {
        return may_plaintext ? "PLAIN LOGIN" : "";
    }
    return ph_sasl_names(may_plaintext);
}

unsigned ph_auth_waiting(struct ph_auth *auth)
{
    return ph_jobs_waiting(auth->jobs);
}

void ph_auth_forget(struct ph_auth *auth, struct ph_bytes user)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    if (ph_address_canonical(user, &arena, &user, NULL) == PH_OK) {
        ph_credential_cache_forget(auth->credentials, user);
    }
    ph_arena_fini(&arena);
}

/* ---- What proves a user ---- */

static void log_refusal(struct ph_auth *auth, const char *protocol, struct ph_bytes user,
                        const struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, auth->options.log, PH_LOG_WARNING, "login-impossible");
    ph_log_str(&line, "protocol", protocol);
    ph_log_bytes(&line, "user", user);
    ph_log_error(&line, err);
    ph_log_end(&line);
}

void ph_auth_set_beside(struct ph_auth *auth, const struct ph_auth_beside *beside)
{
    auth->beside = *beside;
}

struct row_reading {
    struct ph_auth *auth;
    struct ph_bytes user;
    struct ph_arena *arena;
    struct ph_user_row *row;
    uint64_t ticket;
    int result;
};

static int take_row(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    struct row_reading *reading = ctx;
    if (index == 0) {
        reading->result = ph_store_user_take(rows, reading->user, reading->arena, reading->row, err);
    } else if (reading->result == PH_OK) {
        reading->auth->beside.take(reading->auth->beside.ctx, reading->user, rows, reading->ticket);
    }
    return PH_OK;
}

static int get_row(struct ph_auth *auth, struct ph_bytes user, struct ph_arena *arena,
                   struct ph_user_row *out_row, struct ph_error *err)
{
    struct row_reading reading = {auth, user, arena, out_row, 0, PH_EUNAVAILABLE};
    struct ph_value user_params[1];
    struct ph_value beside_params[PH_AUTH_BESIDE_PARAMS];
    struct ph_db_read reads[2] = {ph_store_user_read(user, user_params)};
    if (auth->beside.read == NULL ||
        !auth->beside.read(auth->beside.ctx, user, beside_params, &reads[1], &reading.ticket)) {
        return ph_store_user_get(auth->options.db, user, arena, out_row, err);
    }
    int result = ph_db_query_each(auth->options.db, reads, 2, NULL, take_row, &reading, err);
    return result != PH_OK ? result : reading.result;
}

/* PH_ENOTFOUND for a user who does not exist. Whatever keeps the store from saying so is PH_EUNAVAILABLE. */
static int read_row(struct ph_auth *auth, struct ph_bytes user, struct ph_arena *arena,
                    struct ph_user_row *out_row, struct ph_error *err)
{
    int result = user.len == 0 ? ph_fail(err, PH_ENOTFOUND, "no user can have this name")
                               : get_row(auth, user, arena, out_row, err);
    return result == PH_OK || result == PH_ENOTFOUND ? result : PH_EUNAVAILABLE;
}

/* The time that a verification takes. */
static void verify_nobody(struct ph_auth *auth, struct ph_bytes password)
{
    (void)!ph_password_verify(auth->nobody_alg, ph_bytes_str(auth->nobody_hash), (struct ph_bytes){0},
                              password, NULL);
}

/* Hashes of James become ours, at the first login that shows the password; unless James is to go on reading them. */
static void renew(struct ph_auth *auth, const char *protocol, const struct ph_user_row *seen,
                  uint64_t seen_us, struct ph_bytes password)
{
    struct ph_accounts *accounts = auth->options.accounts;
    struct ph_error err = {0};
    if (accounts->is_shared_with_james || ph_bytes_eq(seen->alg, ph_bytes_str(ph_password_alg))) {
        return;
    }
    struct ph_log_line line;
    if (ph_accounts_renew(accounts, seen, seen_us, password, &err) == PH_OK) {
        ph_log_begin(&line, auth->options.log, PH_LOG_INFO, "password-renewed");
        ph_log_bytes(&line, "algorithm", seen->alg);
    } else {
        /* The next login tries again. */
        ph_log_begin(&line, auth->options.log, PH_LOG_WARNING, "password-not-renewed");
        ph_log_error(&line, &err);
    }
    ph_log_str(&line, "protocol", protocol);
    ph_log_bytes(&line, "user", seen->name);
    ph_log_end(&line);
}

int ph_auth_verify(struct ph_auth *auth, const char *protocol, struct ph_bytes user, struct ph_bytes password,
                   struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_user_row row = {0};
    ph_arena_init(&arena, 0);
    uint64_t seen_us = ph_real_us(auth->options.clock);
    int result = read_row(auth, user, &arena, &row, err);
    if (result == PH_OK) {
        result = ph_password_verify(row.alg, row.password, user, password, err);
        if (result == PH_OK) {
            renew(auth, protocol, &row, seen_us, password);
        }
        if (result == PH_ENOTFOUND || result == PH_ECORRUPT) {
            log_refusal(auth, protocol, user, err);
            result = PH_ENOTFOUND;
        }
    }
    if (result == PH_ENOTFOUND) {
        verify_nobody(auth, password);
        result = PH_EDENIED;
    }
    if (err != NULL && result != PH_OK) {
        err->code = result;
    }
    ph_arena_fini(&arena);
    return result;
}

static void nobody_keys(const struct ph_auth *auth, struct ph_bytes user, struct ph_scram_keys *out_keys)
{
    *out_keys = (struct ph_scram_keys){.salt_len = PH_SCRAM_SALT_BYTES, .iterations = PH_SCRAM_ITERATIONS};
    crypto_generichash(out_keys->salt, PH_SCRAM_SALT_BYTES, user.ptr, user.len, auth->nobody_secret,
                       sizeof auth->nobody_secret);
}

static bool take_keys(const struct ph_user_row *row, struct ph_scram_keys *out_keys)
{
    if (!row->has_scram || row->scram_salt.len > PH_SCRAM_SALT_MAX ||
        row->scram_iterations < PH_SCRAM_ITERATIONS_MIN || row->scram_stored_key.len != PH_SCRAM_KEY_BYTES ||
        row->scram_server_key.len != PH_SCRAM_KEY_BYTES) {
        return false;
    }
    out_keys->salt_len = row->scram_salt.len;
    memcpy(out_keys->salt, row->scram_salt.ptr, row->scram_salt.len);
    out_keys->iterations = row->scram_iterations;
    memcpy(out_keys->stored_key, row->scram_stored_key.ptr, PH_SCRAM_KEY_BYTES);
    memcpy(out_keys->server_key, row->scram_server_key.ptr, PH_SCRAM_KEY_BYTES);
    return true;
}

int ph_auth_scram_keys(struct ph_auth *auth, const char *protocol, struct ph_bytes user,
                       struct ph_scram_keys *out_keys, bool *out_is_known, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_user_row row = {0};
    ph_arena_init(&arena, 0);
    nobody_keys(auth, user, out_keys);
    int result = read_row(auth, user, &arena, &row, err);
    *out_is_known = result == PH_OK && take_keys(&row, out_keys);
    if (result == PH_OK && !*out_is_known) {
        struct ph_error reason = {0};
        ph_fail(&reason, PH_ENOTFOUND, "no SCRAM keys: the password was not set here");
        log_refusal(auth, protocol, user, &reason);
    }
    ph_arena_fini(&arena);
    return result == PH_ENOTFOUND ? PH_OK : result;
}
