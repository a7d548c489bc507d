/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of every state, and what the server can do: CAPABILITY, NOOP, LOGOUT, ID (RFC 2971), ENABLE (RFC 5161),
 * NAMESPACE (RFC 2342).
 */
#include "imap/parse.h"
#include "mailbox/name.h"

/* ---- CAPABILITY ---- */

enum when {
    ALWAYS,
    LOGGED_IN, /* announced once somebody is */
};

static const struct {
    const char *word;
    enum when when;
} capabilities[] = {
    {"IMAP4rev1", ALWAYS},
    {"IMAP4rev2", ALWAYS},
    {"LITERAL+", ALWAYS},
    {"SASL-IR", ALWAYS},
    {"ID", ALWAYS},
    {"ENABLE", ALWAYS},
    {"NAMESPACE", LOGGED_IN},
    {"IDLE", LOGGED_IN},
    {"CHILDREN", LOGGED_IN},
    {"LIST-EXTENDED", LOGGED_IN},
    {"LIST-STATUS", LOGGED_IN},
    {"SPECIAL-USE", LOGGED_IN},
    {"STATUS=SIZE", LOGGED_IN},
    {"UNSELECT", LOGGED_IN},
    {"UIDPLUS", LOGGED_IN},
    {"MOVE", LOGGED_IN},
    {"MULTIAPPEND", LOGGED_IN},
    {"CONDSTORE", LOGGED_IN},
    {"QRESYNC", LOGGED_IN},
    {"ESEARCH", LOGGED_IN},
    {"SEARCHRES", LOGGED_IN},
    {"WITHIN", LOGGED_IN},
    {"SORT", LOGGED_IN},
    {"SORT=DISPLAY", LOGGED_IN},
    {"THREAD=ORDEREDSUBJECT", LOGGED_IN},
    {"THREAD=REFERENCES", LOGGED_IN},
    {"PARTIAL", LOGGED_IN},
    {"BINARY", LOGGED_IN},
    {"SAVEDATE", LOGGED_IN},
    {"OBJECTID", LOGGED_IN},
    {"PREVIEW", LOGGED_IN},
    {"UTF8=ACCEPT", LOGGED_IN},
};

void ph_imap_put_capabilities(struct ph_conn *conn, const struct ph_imap_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    bool is_logged_in = session->state != PH_IMAP_NOT_AUTHENTICATED;
    ph_buf_str(out, "CAPABILITY");
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++) {
        if (capabilities[i].when == ALWAYS || is_logged_in) {
            ph_buf_printf(out, " %s", capabilities[i].word);
        }
    }
    if (is_logged_in) {
        ph_buf_printf(out, " APPENDLIMIT=%llu",
                      (unsigned long long)ph_imap_context_of(conn)->append_max_bytes);
        return;
    }
    bool may_plaintext = ph_imap_may_plaintext(conn);
    struct ph_bytes rest = ph_bytes_str(ph_auth_mechanisms(ph_imap_context_of(conn)->auth, may_plaintext));
    for (struct ph_bytes word; (word = ph_bytes_next_word(&rest)).len > 0;) {
        ph_buf_str(out, " AUTH=");
        ph_buf_bytes(out, word);
    }
    if (!may_plaintext) {
        ph_buf_str(out, " LOGINDISABLED");
    }
    if (ph_conn_can_start_tls(conn)) {
        ph_buf_str(out, " STARTTLS");
    }
}

enum ph_step ph_imap_capability(struct ph_conn *conn, struct ph_imap_session *session,
                                const struct ph_imap_command *command)
{
    (void)command;
    ph_buf_str(ph_conn_out(conn), "* ");
    ph_imap_put_capabilities(conn, session);
    ph_buf_str(ph_conn_out(conn), "\r\n");
    return ph_imap_ok(conn, session, "That is all");
}

/* ---- NOOP, CHECK, LOGOUT ---- */

enum ph_step ph_imap_noop(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    (void)command;
    return ph_imap_ok(conn, session, "Done");
}

enum ph_step ph_imap_logout(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    (void)command;
    ph_buf_str(ph_conn_out(conn), "* BYE Good bye\r\n");
    session->state = PH_IMAP_LOGOUT;
    session->hangs_up = true;
    session->end = "logout";
    return ph_imap_ok(conn, session, "Logged out");
}

/* ---- ID ---- */

static void log_id(struct ph_conn *conn, const struct ph_imap_words *words)
{
    struct ph_log_line line;
    if (!ph_log_is_on(ph_conn_logger(conn), PH_LOG_DEBUG)) {
        return;
    }
    ph_conn_log(conn, &line, PH_LOG_DEBUG, "client");
    for (size_t i = 0; i + 1 < words->count; i += 2) {
        if (ph_bytes_ieq(words->words[i], PH_BYTES("name"))) {
            ph_log_bytes(&line, "name", words->words[i + 1]);
        } else if (ph_bytes_ieq(words->words[i], PH_BYTES("version"))) {
            ph_log_bytes(&line, "version", words->words[i + 1]);
        }
    }
    ph_log_end(&line);
}

/* Nobody learns a version from it who has not logged in. */
enum ph_step ph_imap_id(struct ph_conn *conn, struct ph_imap_session *session,
                        const struct ph_imap_command *command)
{
    log_id(conn, &command->words);
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "* ID (\"name\" \"Posthouse\"");
    if (session->state != PH_IMAP_NOT_AUTHENTICATED) {
        ph_buf_str(out, " \"version\" \"" PH_VERSION "\"");
    }
    ph_buf_str(out, ")\r\n");
    return ph_imap_ok(conn, session, "That is us");
}

/* ---- ENABLE ---- */

void ph_imap_enable_condstore(struct ph_imap_session *session)
{
    session->enabled |= PH_IMAP_ENABLED_CONDSTORE;
}

enum ph_step ph_imap_enable(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    static const struct {
        const char *word;
        unsigned bits;
    } all[] = {
        {"IMAP4rev2", PH_IMAP_ENABLED_REV2},
        {"UTF8=ACCEPT", PH_IMAP_ENABLED_UTF8},
        {"CONDSTORE", PH_IMAP_ENABLED_CONDSTORE},
        {"QRESYNC", PH_IMAP_ENABLED_QRESYNC | PH_IMAP_ENABLED_CONDSTORE},
    };
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "* ENABLED");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (size_t at = 0; at < command->words.count; at++) {
            if (ph_bytes_ieq(command->words.words[at], ph_bytes_str(all[i].word))) {
                session->enabled |= all[i].bits;
                ph_buf_printf(out, " %s", all[i].word);
                break;
            }
        }
    }
    ph_buf_str(out, "\r\n");
    return ph_imap_ok(conn, session, "Enabled");
}

/* ---- NAMESPACE ---- */

enum ph_step ph_imap_namespace(struct ph_conn *conn, struct ph_imap_session *session,
                               const struct ph_imap_command *command)
{
    (void)command;
    ph_buf_printf(ph_conn_out(conn), "* NAMESPACE ((\"\" \"%c\")) NIL NIL\r\n", PH_MAILBOX_DELIMITER);
    return ph_imap_ok(conn, session, "Your own mailboxes");
}
