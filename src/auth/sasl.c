/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per mechanism: its name, whether it shows the password, and a function that takes the next message. A
 * mechanism in which the client speaks first is sent an empty challenge when it brought no initial response (RFC
 * 4422 section 3).
 *
 * Nobody may act for another here: an authorization identity is absent or means the same user.
 */
#include "auth/sasl.h"

#include "auth/accounts.h"
#include "base/utf8.h"

enum { MESSAGE_MAX = PH_SCRAM_MESSAGE_MAX };

struct ph_sasl_mechanism {
    const char *name;
    bool shows_password;
    const char *first_challenge; /* where there is no initial response */
    int (*message)(struct ph_sasl *sasl, struct ph_bytes message, struct ph_error *err);
};

/* ---- PLAIN ---- */

/* message = [authzid] UTF8NUL authcid UTF8NUL passwd */
static int plain_message(struct ph_sasl *sasl, struct ph_bytes message, struct ph_error *err)
{
    if (sasl->step > 1) {
        return ph_fail(err, PH_EINVALID, "PLAIN has one message");
    }
    ph_buf_bytes(&sasl->secret, message);
    struct ph_bytes rest = ph_buf_view(&sasl->secret);
    struct ph_bytes authzid = ph_bytes_first(rest, ph_bytes_find(rest, 0));
    rest = ph_bytes_from(rest, authzid.len + 1);
    struct ph_bytes user = ph_bytes_first(rest, ph_bytes_find(rest, 0));
    if (user.len == 0 || user.len == rest.len) {
        return ph_fail(err, PH_EINVALID, "PLAIN: not three parts, or no user");
    }
    struct ph_bytes password = ph_bytes_from(rest, user.len + 1);
    if (password.len == 0 || ph_bytes_find(password, 0) < password.len) {
        return ph_fail(err, PH_EINVALID, "PLAIN: no password, or NUL in it");
    }
    if (!ph_utf8_is_valid(message)) {
        return ph_fail(err, PH_EINVALID, "PLAIN: not UTF-8");
    }
    sasl->user = user;
    sasl->password = password;
    if (authzid.len > 0 && !ph_sasl_same_user(authzid, user)) {
        return ph_fail(err, PH_EDENIED, "PLAIN: asks to act for another user");
    }
    return PH_SASL_PASSWORD;
}

/* ---- LOGIN ---- */

/* Some clients send the user name as initial response, which the draft does not have: it is taken as the first
 * answer. The challenges are those that the draft's section 2.2 says a widespread client insists on. */
static int login_message(struct ph_sasl *sasl, struct ph_bytes message, struct ph_error *err)
{
    if (message.len == 0 || ph_bytes_find(message, 0) < message.len) {
        return ph_fail(err, PH_EINVALID, "LOGIN: an empty answer, or NUL in it");
    }
    switch (sasl->step) {
    case 1:
        sasl->user = ph_arena_bytes(&sasl->arena, message);
        sasl->challenge = PH_BYTES("Password:");
        return PH_SASL_CHALLENGE;
    case 2:
        ph_buf_bytes(&sasl->secret, message);
        sasl->password = ph_buf_view(&sasl->secret);
        return PH_SASL_PASSWORD;
    default: return ph_fail(err, PH_EINVALID, "LOGIN has two messages");
    }
}

/* ---- SCRAM ---- */

static int scram_message(struct ph_sasl *sasl, struct ph_bytes message, struct ph_error *err)
{
    struct ph_scram *scram = &sasl->scram;
    int result;
    switch (sasl->step) {
    case 1:
        result = ph_scram_client_first(scram, message, err);
        if (result == PH_OK) {
            sasl->user = scram->user;
            if (scram->authzid.len > 0 && !ph_sasl_same_user(scram->authzid, scram->user)) {
                result = ph_fail(err, PH_EDENIED, "SCRAM: asks to act for another user");
            }
        }
        break;
    case 2:
        result = scram->server_first.len == 0 ? ph_fail(err, PH_EBUG, "SCRAM: no keys were given")
                                              : ph_scram_client_final(scram, message, &sasl->challenge, err);
        break;
    default:
        return message.len == 0 ? PH_SASL_DONE
                                : ph_fail(err, PH_EINVALID, "SCRAM: the last answer is not empty");
    }
    if (result != PH_OK) {
        sasl->challenge = ph_scram_error(scram);
        return result;
    }
    return sasl->step == 1 ? PH_SASL_KEYS : PH_SASL_PROVEN;
}

int ph_sasl_keys(struct ph_sasl *sasl, const struct ph_scram_keys *keys, bool is_known,
                 struct ph_bytes server_nonce)
{
    sasl->challenge = ph_scram_server_first(&sasl->scram, keys, is_known, server_nonce);
    return PH_SASL_CHALLENGE;
}

/* ---- All of them ---- */

static const struct ph_sasl_mechanism mechanisms[] = {
    {"SCRAM-SHA-256", false, "", scram_message},
    {"PLAIN", true, "", plain_message},
    {"LOGIN", true, "Username:", login_message},
};

const struct ph_sasl_mechanism *ph_sasl_find(struct ph_bytes name)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(mechanisms[i].name))) {
            return &mechanisms[i];
        }
    }
    return NULL;
}

bool ph_sasl_shows_password(const struct ph_sasl_mechanism *mechanism)
{
    return mechanism->shows_password;
}

const char *ph_sasl_names(bool with_those_that_show_the_password)
{
    return with_those_that_show_the_password ? "SCRAM-SHA-256 PLAIN LOGIN" : "SCRAM-SHA-256";
}

void ph_sasl_init(struct ph_sasl *sasl, const struct ph_sasl_mechanism *mechanism)
{
    *sasl = (struct ph_sasl){.mechanism = mechanism, .secret = PH_BUF(MESSAGE_MAX)};
    ph_arena_init(&sasl->arena, 0);
    ph_scram_init(&sasl->scram, &sasl->arena);
}

void ph_sasl_fini(struct ph_sasl *sasl)
{
    ph_scram_fini(&sasl->scram);
    ph_buf_wipe(&sasl->secret);
    ph_arena_fini(&sasl->arena);
}

int ph_sasl_start(struct ph_sasl *sasl, bool has_initial, struct ph_bytes initial, struct ph_error *err)
{
    if (has_initial) {
        return ph_sasl_step(sasl, initial, err);
    }
    sasl->challenge = ph_bytes_str(sasl->mechanism->first_challenge);
    return PH_SASL_CHALLENGE;
}

int ph_sasl_step(struct ph_sasl *sasl, struct ph_bytes response, struct ph_error *err)
{
    sasl->challenge = (struct ph_bytes){0};
    if (response.len > MESSAGE_MAX) {
        return ph_fail(err, PH_EINVALID, "SASL message longer than %d octets", MESSAGE_MAX);
    }
    sasl->step++;
    return sasl->mechanism->message(sasl, response, err);
}

bool ph_sasl_awaits_proof(const struct ph_sasl *sasl)
{
    return sasl->mechanism->message == scram_message && sasl->step == 1;
}

bool ph_sasl_same_user(struct ph_bytes a, struct ph_bytes b)
{
    if (ph_bytes_eq(a, b)) {
        return true;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    bool is_same = ph_address_canonical(a, &arena, &a, NULL) == PH_OK &&
                   ph_address_canonical(b, &arena, &b, NULL) == PH_OK && ph_bytes_eq(a, b);
    ph_arena_fini(&arena);
    return is_same;
}
