/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "app/init.h"
#include "base/mem.h"

enum { DAYS = 3650, SERIAL_BYTES = 16 };

static int fail_openssl(struct ph_error *err, const char *what)
{
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    return ph_fail(err, PH_EUNAVAILABLE, "%.160s: %s", what,
                   code == 0 ? "failed" : ERR_reason_error_string(code));
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_done;
}

static bool set_names(X509 *certificate, const char *hostname)
{
    struct ph_buf names = PH_BUF(512);
    ph_buf_printf(&names, "DNS:%s", hostname);
    X509_NAME *subject = X509_get_subject_name(certificate);
    /* A common name has room for 64 octets; the name that counts is the alternative one. */
    bool is_done = (strlen(hostname) > 64 ||
                    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)hostname,
                                               -1, -1, 0) == 1) &&
                   X509_set_issuer_name(certificate, subject) == 1 &&
                   add_extension(certificate, NID_subject_alt_name, ph_buf_cstr(&names)) &&
                   add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
                   add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
                   add_extension(certificate, NID_subject_key_identifier, "hash");
    ph_buf_fini(&names);
    return is_done;
}

static bool set_serial(X509 *certificate)
{
    uint8_t octets[SERIAL_BYTES];
    if (RAND_bytes(octets, sizeof octets) != 1) {
        return false;
    }
    octets[0] &= 0x7F; /* positive */
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    bool is_done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_done;
}

static X509 *self_signed(EVP_PKEY *key, const char *hostname)
{
    X509 *certificate = X509_new();
    if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !set_serial(certificate) ||
        /* An hour back: clocks differ. */
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(certificate), DAYS, 0, NULL) == NULL ||
        X509_set_pubkey(certificate, key) != 1 || !set_names(certificate, hostname) ||
        X509_sign(certificate, key, EVP_sha256()) == 0) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* A file that is there already is an error: it is somebody's. */
static int create(const char *path, mode_t mode, const struct ph_init_plan *plan, FILE **out_file,
                  struct ph_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return ph_fail_errno(err, errno == EEXIST ? PH_ECONFLICT : ph_error_class_of_errno(errno), errno,
                             "%.160s", path);
    }
    if (fchmod(fd, mode) != 0 || (plan->has_owner && fchown(fd, 0, plan->gid) != 0)) {
        int errnum = errno;
        close(fd);
        return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%.160s", path);
    }
    *out_file = fdopen(fd, "w");
    if (*out_file == NULL) {
        abort(); /* out of memory, as in base/mem.c */
    }
    return PH_OK;
}

/* Root keeps the files; the server's group reads the key. */
static int write_both(const struct ph_init_plan *plan, EVP_PKEY *key, X509 *certificate, struct ph_error *err)
{
    FILE *file = NULL;
    int result = create(plan->key, plan->has_owner ? 0640 : 0600, plan, &file, err);
    if (result != PH_OK) {
        return result;
    }
    bool is_written = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    is_written = fclose(file) == 0 && is_written;
    if (is_written) {
        result = create(plan->certificate, 0644, plan, &file, err);
        if (result == PH_OK) {
            is_written = PEM_write_X509(file, certificate) == 1;
            is_written = fclose(file) == 0 && is_written;
        }
    }
    if (result == PH_OK && !is_written) {
        result = fail_openssl(err, plan->key);
        (void)unlink(plan->certificate);
    }
    if (result != PH_OK) {
        (void)unlink(plan->key);
    }
    return result;
}

int ph_init_make_certificate(const struct ph_init_plan *plan, bool *out_is_new, struct ph_error *err)
{
    *out_is_new = access(plan->certificate, F_OK) != 0 || access(plan->key, F_OK) != 0;
    if (!*out_is_new) {
        return PH_OK;
    }
    char *directory = ph_bytes_dup(ph_bytes_of(plan->key, (size_t)(strrchr(plan->key, '/') - plan->key)));
    int result = ph_init_directories(directory, err);
    if (result == PH_OK) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = key == NULL ? NULL : self_signed(key, plan->hostname);
        result = certificate == NULL ? fail_openssl(err, "making a certificate")
                                     : write_both(plan, key, certificate, err);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    free(directory);
    return result;
}

int ph_init_key_digest(const char *certificate_path, char out_hex[PH_INIT_DIGEST_TEXT], struct ph_error *err)
{
    FILE *file = fopen(certificate_path, "re");
    if (file == NULL) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.160s", certificate_path);
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    unsigned char *der = NULL;
    int len = certificate == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    bool is_done = len > 0 && EVP_Digest(der, (size_t)len, digest, &digest_len, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    X509_free(certificate);
    if (!is_done) {
        return fail_openssl(err, certificate_path);
    }
    for (unsigned i = 0; i < digest_len && 2 * i + 2 < PH_INIT_DIGEST_TEXT; i++) {
        snprintf(out_hex + 2 * i, 3, "%02x", digest[i]);
    }
    return PH_OK;
}
