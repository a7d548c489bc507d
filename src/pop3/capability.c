/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server can do, and in which language and characters it talks: CAPA (RFC 2449), UTF8 and LANG (RFC 6856).
 */
#include "pop3/session.h"

/* ---- CAPA ---- */

enum ph_step ph_pop3_capa(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    const struct ph_pop3_context *context = ph_pop3_context_of(conn);
    bool may_plaintext = ph_pop3_may_plaintext(conn);
    const char *mechanisms = ph_auth_mechanisms(context->auth, may_plaintext);
    struct ph_buf *out = ph_conn_out(conn);

    ph_pop3_reply(conn, "+OK Capability list follows");
    ph_buf_str(out, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8 USER\r\nLANG\r\n");
    if (may_plaintext) {
        ph_buf_str(out, "USER\r\n");
    }
    if (mechanisms[0] != '\0') {
        ph_buf_printf(out, "SASL %s\r\n", mechanisms);
    }
    /* RFC 2595 section 4: in the AUTHORIZATION state alone. */
    if (session->state == PH_POP3_AUTHORIZATION && ph_conn_can_start_tls(conn) && !session->is_utf8) {
        ph_buf_str(out, "STLS\r\n");
    }
    if (context->login_delays != NULL) {
        ph_buf_printf(out, "LOGIN-DELAY %u\r\n", ph_login_delays_seconds(context->login_delays));
    }
    if (context->expire_days > 0) {
        ph_buf_printf(out, "EXPIRE %u\r\n", context->expire_days);
    } else {
        ph_buf_str(out, "EXPIRE NEVER\r\n");
    }
    ph_buf_str(out, "IMPLEMENTATION Posthouse\r\n");
    return ph_pop3_reply(conn, ".");
}

/* ---- UTF8 ---- */

/* Nothing is sent in another form because of it: see retrieve.c. */
enum ph_step ph_pop3_utf8(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    session->is_utf8 = true;
    return ph_pop3_reply(conn, "+OK UTF-8 enabled");
}

/* ---- LANG ---- */

/* All texts are English, which serves for i-default too (RFC 2277 section 4.5): there is nothing to switch. */
static const struct {
    const char *tag;
    const char *description;
    const char *reply;
} languages[] = {
    {"en", "English", "+OK en Language changed"},
    {"i-default", "English for everybody", "+OK i-default Language changed"},
};

/* RFC 4647 section 3.4: the range without its last subtag until something fits. */
static const char *choose_language(struct ph_bytes range)
{
    if (ph_bytes_eq(range, PH_BYTES("*"))) {
        range = ph_bytes_str(languages[0].tag);
    }
    while (range.len > 0) {
        for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
            if (ph_bytes_ieq(range, ph_bytes_str(languages[i].tag))) {
                return languages[i].reply;
            }
        }
        const uint8_t *hyphen = memrchr(range.ptr, '-', range.len);
        range.len = hyphen == NULL ? 0 : (size_t)(hyphen - range.ptr);
    }
    return NULL;
}

enum ph_step ph_pop3_lang(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)session;
    if (command->word_count > 0) {
        const char *reply = choose_language(command->words[0]);
        return ph_pop3_reply(conn, reply != NULL ? reply : "-ERR No such language");
    }
    struct ph_buf *out = ph_conn_out(conn);
    ph_pop3_reply(conn, "+OK Languages follow");
    for (size_t i = 0; i < sizeof languages / sizeof languages[0]; i++) {
        ph_buf_printf(out, "%s %s\r\n", languages[i].tag, languages[i].description);
    }
    return ph_pop3_reply(conn, ".");
}
