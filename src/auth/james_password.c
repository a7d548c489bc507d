/* SPDX-License-Identifier: Apache-2.0 */
/*
 * James compares the texts of two hashes; here the octets are compared, so that white space in the stored text does
 * not matter.
 */
#include "auth/james_password.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define RENEWED_ITERATIONS 210000
#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number
const char ph_james_password_algorithm[] = "PBKDF2-SHA512-" TEXT_OF(RENEWED_ITERATIONS) "-512/plain";

enum { DIGEST_MAX = 1024, ITERATIONS_MAX = 10000000, DEFAULT_ITERATIONS = 1000, DEFAULT_BITS = 512 };
enum { LINE_OCTETS = 57, GROUP_OCTETS = 3 };

enum mode {
    PLAIN = 1,
    SALTED = 2,
    LEGACY = 4,
    LEGACY_SALTED = 8,
    ANY = PLAIN | SALTED | LEGACY | LEGACY_SALTED,
};

struct algorithm {
    const EVP_MD *digest;
    bool is_pbkdf2;
    uint64_t iterations;
    size_t size; /* of the digest, in octets */
    unsigned modes;
};

/* ---- The column `algorithm` ---- */

static const struct {
    const char *name;
    const EVP_MD *(*digest)(void);
} digests[] = {
    {"MD5", EVP_md5},        {"SHA", EVP_sha1},       {"SHA1", EVP_sha1},      {"SHA-1", EVP_sha1},
    {"SHA-224", EVP_sha224}, {"SHA-256", EVP_sha256}, {"SHA-384", EVP_sha384}, {"SHA-512", EVP_sha512},
};

static const struct {
    const char *name;
    enum mode mode;
} modes[] = {{"plain", PLAIN}, {"salted", SALTED}, {"legacy", LEGACY}, {"legacy_salted", LEGACY_SALTED}};

static bool take_mode(struct ph_bytes text, unsigned *out_modes)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (ph_bytes_ieq(text, ph_bytes_str(modes[i].name))) {
            *out_modes = modes[i].mode;
            return true;
        }
    }
    return false;
}

/* "-NUMBER" off *REST, FALLBACK where it is empty. */
static bool take_number(struct ph_bytes *rest, uint64_t fallback, uint64_t max, uint64_t *out_value)
{
    *out_value = fallback;
    if (rest->len == 0) {
        return true;
    }
    struct ph_bytes number = ph_bytes_from(*rest, 1);
    number = ph_bytes_first(number, ph_bytes_find(number, '-'));
    bool is_number = rest->ptr[0] == '-' && ph_bytes_to_u64(number, out_value) && *out_value > 0;
    *rest = ph_bytes_from(*rest, number.len + 1);
    return is_number && *out_value <= max;
}

static bool parse_pbkdf2(struct ph_bytes name, struct algorithm *out)
{
    struct ph_bytes sha1 = PH_BYTES("PBKDF2");
    struct ph_bytes sha512 = PH_BYTES("PBKDF2-SHA512");
    uint64_t bits = 0;
    bool is_sha512 = ph_bytes_starts(name, sha512);
    struct ph_bytes rest = ph_bytes_from(name, is_sha512 ? sha512.len : sha1.len);
    out->digest = is_sha512 ? EVP_sha512() : EVP_sha1();
    out->is_pbkdf2 = true;
    if (!ph_bytes_starts(name, sha1) ||
        !take_number(&rest, DEFAULT_ITERATIONS, ITERATIONS_MAX, &out->iterations) ||
        !take_number(&rest, DEFAULT_BITS, (uint64_t)DIGEST_MAX * 8, &bits) || rest.len > 0) {
        return false;
    }
    out->size = bits / 8;
    return out->size > 0;
}

static bool parse(struct ph_bytes text, struct algorithm *out)
{
    *out = (struct algorithm){.modes = ANY};
    size_t slash = ph_bytes_find(text, '/');
    struct ph_bytes name = ph_bytes_first(text, slash);
    if (slash < text.len && !take_mode(ph_bytes_from(text, slash + 1), &out->modes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(digests[i].name))) {
            out->digest = digests[i].digest();
            out->size = (size_t)EVP_MD_get_size(out->digest);
            return true;
        }
    }
    return parse_pbkdf2(name, out);
}

bool ph_james_password_knows(struct ph_bytes algorithm)
{
    struct algorithm parsed;
    return parse(algorithm, &parsed);
}

/* ---- Computing ---- */

/* As Java writes text in ISO 8859-1: a character that it does not have is a question mark. UTF-8 that is broken has
 * not come so far. */
static void put_latin1(struct ph_bytes utf8, uint8_t *out, size_t *len)
{
    for (size_t i = 0; i < utf8.len; i++) {
        uint8_t c = utf8.ptr[i];
        if (c < 0x80) {
            out[(*len)++] = c;
        } else if ((c == 0xC2 || c == 0xC3) && i + 1 < utf8.len) {
            out[(*len)++] = (uint8_t)((c & 3U) << 6 | (utf8.ptr[++i] & 0x3FU));
        } else if (c >= 0xC0) {
            out[(*len)++] = '?';
        }
    }
}

static int compute(const struct algorithm *algorithm, bool is_salted, struct ph_bytes user,
                   struct ph_bytes password, uint8_t out[DIGEST_MAX], struct ph_error *err)
{
    size_t size = user.len + password.len + 1;
    uint8_t *text = ph_alloc(size);
    size_t len = 0;
    bool is_done = false;
    if (algorithm->is_pbkdf2) {
        put_latin1(user, text, &len);
        is_done =
            PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, text, (int)len,
                              (int)algorithm->iterations, algorithm->digest, (int)algorithm->size, out) == 1;
    } else {
        if (is_salted) {
            put_latin1(user, text, &len);
        }
        put_latin1(password, text, &len);
        is_done = EVP_Digest(text, len, out, NULL, algorithm->digest, NULL) == 1;
    }
    ph_wipe(text, size);
    free(text);
    return is_done ? PH_OK : ph_fail(err, PH_EUNAVAILABLE, "OpenSSL does not compute this digest");
}

/* ---- Verifying ---- */

/* Whether the octets could be of a mode in MODES, by how many there are. */
static bool is_whole(size_t len, const struct algorithm *algorithm)
{
    size_t cut = algorithm->size - algorithm->size % GROUP_OCTETS;
    return ((algorithm->modes & (PLAIN | SALTED)) != 0 && len == algorithm->size) ||
           ((algorithm->modes & (LEGACY | LEGACY_SALTED)) != 0 && len == cut);
}

int ph_james_password_verify(struct ph_bytes algorithm_text, struct ph_bytes hash, struct ph_bytes user,
                             struct ph_bytes prepared, struct ph_error *err)
{
    struct algorithm algorithm;
    uint8_t stored[DIGEST_MAX];
    uint8_t computed[DIGEST_MAX];
    size_t len = 0;
    if (!parse(algorithm_text, &algorithm)) {
        return ph_fail(err, PH_ENOTFOUND, "password algorithm \"%.*s\" is unknown",
                       (int)(algorithm_text.len < 64 ? algorithm_text.len : 64),
                       (const char *)algorithm_text.ptr);
    }
    if (sodium_base642bin(stored, sizeof stored, (const char *)hash.ptr, hash.len, " \r\n", &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len == 0 || !is_whole(len, &algorithm)) {
        return ph_fail(err, PH_ECORRUPT, "stored password is no hash of %.*s", (int)algorithm_text.len,
                       (const char *)algorithm_text.ptr);
    }
    int result = PH_OK;
    bool is_right = false;
    if (algorithm.is_pbkdf2 || (algorithm.modes & (PLAIN | LEGACY)) != 0) {
        result = compute(&algorithm, false, user, prepared, computed, err);
        is_right = result == PH_OK && sodium_memcmp(computed, stored, len) == 0;
    }
    if (result == PH_OK && !is_right && !algorithm.is_pbkdf2 &&
        (algorithm.modes & (SALTED | LEGACY_SALTED)) != 0) {
        result = compute(&algorithm, true, user, prepared, computed, err);
        is_right = result == PH_OK && sodium_memcmp(computed, stored, len) == 0;
    }
    ph_wipe(computed, sizeof computed);
    ph_wipe(stored, sizeof stored);
    if (result != PH_OK) {
        return result;
    }
    return is_right ? PH_OK : ph_fail(err, PH_EDENIED, "wrong password");
}

/* ---- Hashing ---- */

/* Lines of 76 characters, each with CRLF, the last too: James compares the text. */
int ph_james_password_hash(struct ph_bytes user, struct ph_bytes prepared,
                           char out_hash[PH_JAMES_PASSWORD_HASH_MAX], struct ph_error *err)
{
    struct algorithm algorithm;
    uint8_t computed[DIGEST_MAX];
    (void)parse(ph_bytes_str(ph_james_password_algorithm), &algorithm);
    int result = compute(&algorithm, false, user, prepared, computed, err);
    char *at = out_hash;
    for (size_t from = 0; result == PH_OK && from < algorithm.size; from += LINE_OCTETS) {
        size_t left = algorithm.size - from;
        size_t len = left < LINE_OCTETS ? left : LINE_OCTETS;
        sodium_bin2base64(at, (size_t)(out_hash + PH_JAMES_PASSWORD_HASH_MAX - at), computed + from, len,
                          sodium_base64_VARIANT_ORIGINAL);
        at += strlen(at);
        memcpy(at, "\r\n", sizeof "\r\n");
        at += 2;
    }
    ph_wipe(computed, sizeof computed);
    return result;
}
