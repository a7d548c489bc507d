/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argon2id (RFC 9106) by libsodium, in its text form with parameters and salt, so that changed parameters leave old
 * hashes valid. All other algorithms are those of James.
 *
 * libsodium's own crypto_pwhash_str_verify says "another password" when it got no memory, which would make clients
 * ask their users for a new one. So the text is taken apart here, and only a hash that was computed can differ.
 */
#include "auth/password.h"

#include <errno.h>
#include <sodium.h>

#include "auth/james_password.h"
#include "base/mem.h"

enum { DEFAULT_MEMORY_KIB = 19456, DEFAULT_PASSES = 2, ARGON2_HASH_BYTES = 32 };

const char ph_password_alg[] = "argon2id";

int ph_password_prepare(struct ph_bytes password, enum ph_saslprep use, struct ph_buf *out,
                        struct ph_error *err)
{
    return ph_unicode_saslprep(password, use, out, err);
}

int ph_password_hash(struct ph_bytes prepared, const struct ph_password_cost *cost,
                     char out_hash[PH_PASSWORD_HASH_MAX], struct ph_error *err)
{
    _Static_assert(PH_PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "room for libsodium's text form");
    unsigned memory_kib = cost->memory_kib == 0 ? DEFAULT_MEMORY_KIB : cost->memory_kib;
    unsigned passes = cost->passes == 0 ? DEFAULT_PASSES : cost->passes;
    if (crypto_pwhash_argon2id_str(out_hash, (const char *)prepared.ptr, prepared.len, passes,
                                   (size_t)memory_kib * 1024) != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "Argon2id with %u KiB and %u passes", memory_kib,
                             passes);
    }
    return PH_OK;
}

static bool take(struct ph_bytes *rest, struct ph_bytes token)
{
    bool is_there = ph_bytes_starts(*rest, token);
    *rest = ph_bytes_from(*rest, is_there ? token.len : 0);
    return is_there;
}

/* Takes a decimal number off *REST, up to END, which goes too. */
static bool take_number(struct ph_bytes *rest, uint8_t end, uint64_t max, uint64_t *out_value)
{
    size_t len = ph_bytes_find(*rest, end);
    bool is_number = len < rest->len && ph_bytes_to_u64(ph_bytes_first(*rest, len), out_value);
    *rest = ph_bytes_from(*rest, len + 1);
    return is_number && *out_value > 0 && *out_value <= max;
}

static bool take_octets(struct ph_bytes *rest, uint8_t end, uint8_t *out, size_t want)
{
    size_t text_len = ph_bytes_find(*rest, end);
    size_t len = 0;
    bool is_right = sodium_base642bin(out, want, (const char *)rest->ptr, text_len, NULL, &len, NULL,
                                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
                    len == want;
    *rest = ph_bytes_from(*rest, text_len + 1);
    return is_right;
}

struct argon2id {
    uint64_t memory_kib;
    uint64_t passes;
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
    uint8_t hash[ARGON2_HASH_BYTES];
};

static bool parse_argon2id(struct ph_bytes text, struct argon2id *out)
{
    struct ph_bytes prefix = PH_BYTES("$argon2id$v=19$m=");
    struct ph_bytes rest = ph_bytes_from(text, prefix.len);
    uint64_t lanes = 0;
    if (!ph_bytes_starts(text, prefix) ||
        !take_number(&rest, ',', crypto_pwhash_argon2id_MEMLIMIT_MAX / 1024, &out->memory_kib) ||
        !take(&rest, PH_BYTES("t=")) ||
        !take_number(&rest, ',', crypto_pwhash_argon2id_OPSLIMIT_MAX, &out->passes) ||
        !take(&rest, PH_BYTES("p=")) || !take_number(&rest, '$', 1, &lanes)) {
        return false;
    }
    return take_octets(&rest, '$', out->salt, sizeof out->salt) &&
           take_octets(&rest, '$', out->hash, sizeof out->hash) && rest.len == 0;
}

static int verify_argon2id(struct ph_bytes hash, struct ph_bytes prepared, struct ph_error *err)
{
    struct argon2id stored;
    if (!parse_argon2id(hash, &stored)) {
        return ph_fail(err, PH_ECORRUPT, "stored password is no Argon2id hash");
    }
    uint8_t computed[ARGON2_HASH_BYTES];
    const char *password = prepared.len == 0 ? "" : (const char *)prepared.ptr;
    errno = 0;
    if (crypto_pwhash_argon2id(computed, sizeof computed, password, prepared.len, stored.salt, stored.passes,
                               (size_t)stored.memory_kib * 1024,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
        return ph_fail_errno(err, errno == ENOMEM ? PH_EUNAVAILABLE : PH_ECORRUPT, errno,
                             "Argon2id of %ju KiB", (uintmax_t)stored.memory_kib);
    }
    bool is_right = sodium_memcmp(computed, stored.hash, sizeof computed) == 0;
    ph_wipe(computed, sizeof computed);
    ph_wipe(&stored, sizeof stored);
    return is_right ? PH_OK : ph_fail(err, PH_EDENIED, "wrong password");
}

int ph_password_verify(struct ph_bytes alg, struct ph_bytes hash, struct ph_bytes user,
                       struct ph_bytes prepared, struct ph_error *err)
{
    return ph_bytes_eq(alg, ph_bytes_str(ph_password_alg))
               ? verify_argon2id(hash, prepared, err)
               : ph_james_password_verify(alg, hash, user, prepared, err);
}
