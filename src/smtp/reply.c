/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A class that says nothing of its own at a step is trouble of ours there: a 4xx reply, so that the client tries
 * again and no mail is lost.
 */
#include "smtp/reply.h"

static const struct {
    unsigned code;
    const char *enhanced;
    const char *text;
} replies[] = {[PH_SMTP_NO_REPLY] = {0, "", ""},
#define PH_SMTP_REPLY_ROW(name, code, enhanced, text) [PH_SMTP_REPLY_##name] = {(code), (enhanced), (text)},
               PH_SMTP_REPLIES(PH_SMTP_REPLY_ROW)
#undef PH_SMTP_REPLY_ROW
};

unsigned ph_smtp_reply_code(enum ph_smtp_reply reply)
{
    return replies[reply].code;
}

void ph_smtp_reply_put(struct ph_buf *out, enum ph_smtp_reply reply)
{
    const char *enhanced = replies[reply].enhanced;
    ph_buf_printf(out, "%u %s%s%s\r\n", replies[reply].code, enhanced, enhanced[0] == '\0' ? "" : " ",
                  replies[reply].text);
}

/* The first row is for every class and step without an entry of its own. */
static const struct {
    int class;
    enum ph_smtp_reply at_sender;
    enum ph_smtp_reply at_recipient;
    enum ph_smtp_reply at_message;
    enum ph_smtp_reply at_login;
} classes[] = {
    {
        .class = PH_OK,
        .at_sender = PH_SMTP_REPLY_LOOKUP_TROUBLE,
        .at_recipient = PH_SMTP_REPLY_LOOKUP_TROUBLE,
        .at_message = PH_SMTP_REPLY_STORE_TROUBLE,
        .at_login = PH_SMTP_REPLY_LOGIN_TROUBLE,
    },
    {
        .class = PH_ENOTFOUND,
        .at_recipient = PH_SMTP_REPLY_NO_SUCH_USER,
        .at_login = PH_SMTP_REPLY_UNKNOWN_MECHANISM,
    },
    {
        .class = PH_ECONFLICT,
        .at_message = PH_SMTP_REPLY_LOOP,
    },
    {
        .class = PH_ELIMIT,
        .at_recipient = PH_SMTP_REPLY_EXPANSION,
        .at_message = PH_SMTP_REPLY_TOO_LARGE,
        .at_login = PH_SMTP_REPLY_LOGIN_LIMIT,
    },
    {
        .class = PH_EDENIED,
        .at_sender = PH_SMTP_REPLY_NOT_YOUR_ADDRESS,
        .at_recipient = PH_SMTP_REPLY_RELAYING,
        .at_login = PH_SMTP_REPLY_LOGIN_DENIED,
    },
    {
        .class = PH_EINVALID,
        .at_sender = PH_SMTP_REPLY_BAD_SENDER,
        .at_recipient = PH_SMTP_REPLY_BAD_RECIPIENT,
        .at_login = PH_SMTP_REPLY_LOGIN_MALFORMED,
    },
    {
        .class = PH_EBUSY,
        .at_recipient = PH_SMTP_REPLY_TOO_MANY_RECIPIENTS,
        .at_message = PH_SMTP_REPLY_STORE_FULL,
    },
};

static enum ph_smtp_reply in_row(size_t row, enum ph_smtp_step_of what)
{
    switch (what) {
    case PH_SMTP_AT_SENDER: return classes[row].at_sender;
    case PH_SMTP_AT_RECIPIENT: return classes[row].at_recipient;
    case PH_SMTP_AT_MESSAGE: return classes[row].at_message;
    case PH_SMTP_AT_LOGIN: return classes[row].at_login;
    }
    return PH_SMTP_NO_REPLY;
}

enum ph_smtp_reply ph_smtp_reply_of(enum ph_smtp_step_of what, int class)
{
    for (size_t row = 1; row < sizeof classes / sizeof *classes; row++) {
        if (classes[row].class == class && in_row(row, what) != PH_SMTP_NO_REPLY) {
            return in_row(row, what);
        }
    }
    return in_row(0, what);
}
