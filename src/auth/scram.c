/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5802 section 7 is parsed as it is written: fixed order, one pass, nothing between attributes but a comma. A
 * message is bounded before anything looks at it, and is valid UTF-8 without NUL as a whole (value-char), so that
 * the single rules need not ask again.
 *
 * Channel binding: 'n' and 'y' pass, because no -PLUS is offered here; 'p' is refused.
 * An unknown user goes the same way with keys that nobody has: is_known is looked at only after the proof is
 * computed.
 */
#include "auth/scram.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
    NONCE_MAX = 256,
    SASLNAME_MAX = 1024,
    BINDING_MAX = 2 * PH_SCRAM_MESSAGE_MAX, /* in base64 */
    AUTH_MESSAGE_MAX = 4 * PH_SCRAM_MESSAGE_MAX,
};

static void hmac(const uint8_t key[PH_SCRAM_KEY_BYTES], struct ph_bytes text, uint8_t out[PH_SCRAM_KEY_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, PH_SCRAM_KEY_BYTES);
    crypto_auth_hmacsha256_update(&state, text.ptr, text.len);
    crypto_auth_hmacsha256_final(&state, out);
    ph_wipe(&state, sizeof state);
}

void ph_scram_derive(struct ph_bytes password, struct ph_bytes salt, unsigned iterations,
                     struct ph_scram_keys *out_keys)
{
    uint8_t salted[PH_SCRAM_KEY_BYTES];
    uint8_t client_key[PH_SCRAM_KEY_BYTES];
    out_keys->salt_len = salt.len < PH_SCRAM_SALT_MAX ? salt.len : PH_SCRAM_SALT_MAX;
    memcpy(out_keys->salt, salt.ptr, out_keys->salt_len);
    out_keys->iterations = iterations;
    if (PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, out_keys->salt,
                          (int)out_keys->salt_len, (int)iterations, EVP_sha256(), PH_SCRAM_KEY_BYTES,
                          salted) != 1) {
        abort(); /* memory, or a build of OpenSSL without SHA-256 */
    }
    hmac(salted, PH_BYTES("Client Key"), client_key);
    crypto_hash_sha256(out_keys->stored_key, client_key, sizeof client_key);
    hmac(salted, PH_BYTES("Server Key"), out_keys->server_key);
    ph_wipe(salted, sizeof salted);
    ph_wipe(client_key, sizeof client_key);
}

void ph_scram_init(struct ph_scram *scram, struct ph_arena *arena)
{
    *scram = (struct ph_scram){.arena = arena};
}

void ph_scram_fini(struct ph_scram *scram)
{
    ph_wipe(scram, sizeof *scram);
}

/* ---- Parsing ---- */

static int refuse(struct ph_scram *scram, const char *error, const char *why, struct ph_error *err)
{
    scram->error = error;
    return ph_fail(err, PH_EINVALID, "SCRAM: %s", why);
}

static bool is_message(struct ph_bytes message)
{
    return message.len > 0 && message.len <= PH_SCRAM_MESSAGE_MAX &&
           ph_bytes_find(message, 0) == message.len && ph_utf8_is_valid(message);
}

static bool take(struct ph_bytes *rest, struct ph_bytes token)
{
    if (!ph_bytes_starts(*rest, token)) {
        return false;
    }
    *rest = ph_bytes_from(*rest, token.len);
    return true;
}

/* Up to a comma or the end; the comma stays. */
static struct ph_bytes take_value(struct ph_bytes *rest)
{
    struct ph_bytes value = ph_bytes_first(*rest, ph_bytes_find(*rest, ','));
    *rest = ph_bytes_from(*rest, value.len);
    return value;
}

static bool is_nonce(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7E) {
            return false;
        }
    }
    return text.len > 0 && text.len <= NONCE_MAX;
}

/* saslname: =2C and =3D stand for comma and equals sign; no other equals sign is allowed. */
static bool unescape(struct ph_scram *scram, struct ph_bytes name, struct ph_bytes *out_name)
{
    if (name.len == 0 || name.len > SASLNAME_MAX) {
        return false;
    }
    uint8_t *text = ph_arena_alloc(scram->arena, name.len);
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c == '=') {
            struct ph_bytes code = ph_bytes_first(ph_bytes_from(name, i), 3);
            if (ph_bytes_eq(code, PH_BYTES("=2C"))) {
                c = ',';
            } else if (ph_bytes_eq(code, PH_BYTES("=3D"))) {
                c = '=';
            } else {
                return false;
            }
            i += 2;
        }
        text[len++] = c;
    }
    *out_name = ph_bytes_of(text, len);
    return true;
}

static bool is_alpha(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* *("," attr-val), none of them mandatory; up to the end, or to ",p=" where PROOF_ENDS. */
static bool skip_extensions(struct ph_bytes *rest, bool proof_ends)
{
    while (rest->len > 0 && !(proof_ends && ph_bytes_starts(*rest, PH_BYTES(",p=")))) {
        if (rest->len < 4 || rest->ptr[0] != ',' || !is_alpha(rest->ptr[1]) || rest->ptr[1] == 'm' ||
            rest->ptr[2] != '=') {
            return false;
        }
        *rest = ph_bytes_from(*rest, 3);
        if (take_value(rest).len == 0) {
            return false;
        }
    }
    return true;
}

int ph_scram_client_first(struct ph_scram *scram, struct ph_bytes message, struct ph_error *err)
{
    if (!is_message(message)) {
        return refuse(scram, "invalid-encoding", "message is empty, too long or not UTF-8", err);
    }
    struct ph_bytes whole = ph_arena_bytes(scram->arena, message);
    struct ph_bytes rest = whole;
    if (ph_bytes_starts(rest, PH_BYTES("p="))) {
        return refuse(scram, "channel-binding-not-supported", "channel binding is not offered", err);
    }
    if (!take(&rest, PH_BYTES("n,")) && !take(&rest, PH_BYTES("y,"))) {
        return refuse(scram, "other-error", "channel binding flag is missing", err);
    }
    if (take(&rest, PH_BYTES("a=")) && !unescape(scram, take_value(&rest), &scram->authzid)) {
        return refuse(scram, "invalid-username-encoding", "authorization identity is malformed", err);
    }
    if (!take(&rest, PH_BYTES(","))) {
        return refuse(scram, "other-error", "GS2 header is malformed", err);
    }
    scram->gs2_header = ph_bytes_first(whole, whole.len - rest.len);
    scram->client_first_bare = rest;
    if (ph_bytes_starts(rest, PH_BYTES("m="))) {
        return refuse(scram, "extensions-not-supported", "mandatory extension", err);
    }
    if (!take(&rest, PH_BYTES("n="))) {
        return refuse(scram, "other-error", "user name is missing", err);
    }
    if (!unescape(scram, take_value(&rest), &scram->user)) {
        return refuse(scram, "invalid-username-encoding", "user name is malformed", err);
    }
    if (!take(&rest, PH_BYTES(",r="))) {
        return refuse(scram, "other-error", "nonce is missing", err);
    }
    scram->nonce = take_value(&rest);
    if (!is_nonce(scram->nonce)) {
        return refuse(scram, "other-error", "nonce is malformed or too long", err);
    }
    if (!skip_extensions(&rest, false)) {
        return refuse(scram, "extensions-not-supported", "extensions are malformed or mandatory", err);
    }
    return PH_OK;
}

struct ph_bytes ph_scram_server_first(struct ph_scram *scram, const struct ph_scram_keys *keys, bool is_known,
                                      struct ph_bytes server_nonce)
{
    scram->keys = *keys;
    scram->is_known = is_known;
    struct ph_buf text = PH_BUF(PH_SCRAM_MESSAGE_MAX);
    ph_buf_str(&text, "r=");
    ph_buf_bytes(&text, scram->nonce);
    ph_buf_bytes(&text, server_nonce);
    size_t nonce_end = text.len;
    ph_buf_str(&text, ",s=");
    ph_base64_encode(ph_bytes_of(keys->salt, keys->salt_len), &text);
    ph_buf_str(&text, ",i=");
    ph_buf_u64(&text, keys->iterations);
    scram->server_first = ph_arena_bytes(scram->arena, ph_buf_view(&text));
    scram->nonce = ph_bytes_from(ph_bytes_first(scram->server_first, nonce_end), 2);
    ph_buf_fini(&text);
    return scram->server_first;
}

struct client_final {
    struct ph_bytes binding;
    struct ph_bytes nonce;
    struct ph_bytes without_proof;
    struct ph_bytes proof;
};

static bool parse_client_final(struct ph_bytes message, struct client_final *final)
{
    struct ph_bytes rest = message;
    if (!is_message(message) || !take(&rest, PH_BYTES("c="))) {
        return false;
    }
    final->binding = take_value(&rest);
    if (!take(&rest, PH_BYTES(",r="))) {
        return false;
    }
    final->nonce = take_value(&rest);
    if (!skip_extensions(&rest, true)) {
        return false;
    }
    final->without_proof = ph_bytes_first(message, message.len - rest.len);
    if (!take(&rest, PH_BYTES(",p="))) {
        return false;
    }
    final->proof = take_value(&rest);
    return rest.len == 0;
}

static bool binding_fits(const struct ph_scram *scram, struct ph_bytes binding)
{
    struct ph_buf want = PH_BUF(BINDING_MAX);
    ph_base64_encode(scram->gs2_header, &want);
    bool fits = ph_bytes_eq(ph_buf_view(&want), binding);
    ph_buf_fini(&want);
    return fits;
}

/* RFC 5802 section 3. */
static bool proof_fits(const struct ph_scram *scram, struct ph_bytes auth_message,
                       const uint8_t proof[PH_SCRAM_KEY_BYTES])
{
    uint8_t client_key[PH_SCRAM_KEY_BYTES];
    uint8_t stored_key[PH_SCRAM_KEY_BYTES];
    hmac(scram->keys.stored_key, auth_message, client_key);
    for (size_t i = 0; i < sizeof client_key; i++) {
        client_key[i] ^= proof[i];
    }
    crypto_hash_sha256(stored_key, client_key, sizeof client_key);
    bool fits = sodium_memcmp(stored_key, scram->keys.stored_key, sizeof stored_key) == 0;
    ph_wipe(client_key, sizeof client_key);
    return fits;
}

int ph_scram_client_final(struct ph_scram *scram, struct ph_bytes message, struct ph_bytes *out_server_final,
                          struct ph_error *err)
{
    struct client_final final;
    if (!parse_client_final(message, &final)) {
        return refuse(scram, "other-error", "final message is malformed", err);
    }
    if (!binding_fits(scram, final.binding)) {
        return refuse(scram, "channel-bindings-dont-match", "final message repeats another GS2 header", err);
    }
    if (!ph_bytes_eq(final.nonce, scram->nonce)) {
        return refuse(scram, "other-error", "final message repeats another nonce", err);
    }
    struct ph_buf proof = PH_BUF(PH_SCRAM_KEY_BYTES);
    if (ph_base64_decode(final.proof, &proof) != PH_OK || proof.len != PH_SCRAM_KEY_BYTES) {
        ph_buf_fini(&proof);
        return refuse(scram, "invalid-encoding", "proof is malformed", err);
    }
    struct ph_buf text = PH_BUF(AUTH_MESSAGE_MAX);
    ph_buf_bytes(&text, scram->client_first_bare);
    ph_buf_byte(&text, ',');
    ph_buf_bytes(&text, scram->server_first);
    ph_buf_byte(&text, ',');
    ph_buf_bytes(&text, final.without_proof);

    uint8_t signature[PH_SCRAM_KEY_BYTES];
    hmac(scram->keys.server_key, ph_buf_view(&text), signature);
    bool is_right = proof_fits(scram, ph_buf_view(&text), proof.ptr) && scram->is_known;
    ph_buf_clear(&text);
    int result = PH_OK;
    if (is_right) {
        ph_buf_str(&text, "v=");
        ph_base64_encode(ph_bytes_of(signature, sizeof signature), &text);
        *out_server_final = ph_arena_bytes(scram->arena, ph_buf_view(&text));
    } else {
        scram->error = "invalid-proof";
        result =
            ph_fail(err, PH_EDENIED, scram->is_known ? "wrong password" : "no such user or no SCRAM keys");
    }
    ph_buf_fini(&text);
    ph_buf_wipe(&proof);
    return result;
}

struct ph_bytes ph_scram_error(struct ph_scram *scram)
{
    return ph_bytes_str(
        ph_arena_printf(scram->arena, "e=%s", scram->error == NULL ? "other-error" : scram->error));
}
