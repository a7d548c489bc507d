/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every mechanism with a peer that says anything: the first octet chooses the mechanism and whether there is an
 * initial response, the rest is messages, divided by line feeds. A peer that does not know the password is never
 * proven.
 */
#include <stdlib.h>

#include "auth/auth.h"
#include "auth/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ph_bytes next_message(struct ph_bytes *rest)
{
    struct ph_bytes message = ph_bytes_first(*rest, ph_bytes_find(*rest, '\n'));
    *rest = ph_bytes_from(*rest, message.len + 1);
    return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256"};
    if (size == 0) {
        return 0;
    }
    struct ph_scram_keys keys = {.salt_len = PH_SCRAM_SALT_BYTES, .iterations = PH_SCRAM_ITERATIONS_MIN};
    struct ph_bytes rest = ph_bytes_of(data + 1, size - 1);
    struct ph_sasl sasl;
    ph_sasl_init(&sasl, ph_sasl_find(ph_bytes_str(names[data[0] % 4])));
    bool has_initial = (data[0] & 4) != 0;
    int result = ph_sasl_start(&sasl, has_initial, has_initial ? next_message(&rest) : rest, NULL);
    while (result == PH_SASL_CHALLENGE || result == PH_SASL_KEYS) {
        if (result == PH_SASL_KEYS) {
            result = ph_sasl_keys(&sasl, &keys, true, PH_BYTES("server-nonce"));
        } else {
            result = ph_sasl_step(&sasl, next_message(&rest), NULL);
        }
    }
    if (result == PH_SASL_PROVEN || result == PH_SASL_DONE ||
        (result == PH_SASL_PASSWORD && (sasl.user.len == 0 || sasl.password.len == 0))) {
        abort();
    }
    ph_sasl_fini(&sasl);

    struct ph_buf out = PH_BUF(64);
    struct ph_buf text = PH_BUF(128);
    struct ph_bytes all = ph_bytes_of(data, size);
    if (ph_base64_decode(all, &out) == PH_OK) {
        ph_base64_encode(ph_buf_view(&out), &text);
        if (!ph_bytes_eq(ph_buf_view(&text), all)) {
            abort();
        }
    }
    ph_buf_fini(&out);
    ph_buf_fini(&text);
    return 0;
}
