/* SPDX-License-Identifier: Apache-2.0 */
#include "app/input.h"

#include <errno.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

enum { PASSWORD_MAX = 4096, PIECE_BYTES = 65536 };

/* ---- Passwords ---- */

/* One line off standard input, octet by octet so that nothing behind it is taken; without its end. */
static int read_line(struct ph_buf *line, struct ph_error *err)
{
    uint8_t octet = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &octet, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "standard input");
        }
        if (got == 0 || octet == '\n') {
            break;
        }
        ph_buf_byte(line, octet);
    }
    if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    if (line->has_overflowed) {
        return ph_fail(err, PH_EINVALID, "expected a line, found a far longer one");
    }
    return PH_OK;
}

static int prompt(const char *question, struct ph_buf *answer, struct ph_error *err)
{
    struct termios was;
    if (tcgetattr(STDIN_FILENO, &was) != 0) {
        return ph_fail(err, PH_EINVALID, "no terminal to ask for a password on: give --password-stdin");
    }
    struct termios silent = was;
    silent.c_lflag &= (tcflag_t)~ECHO;
    /* Before the question: what is typed at once is not lost, and not shown. */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(question, stderr);
    fflush(stderr);
    int result = read_line(answer, err);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
    fputc('\n', stderr);
    return result;
}

static int ask_password(const struct ph_cli_call *call, struct ph_buf *password, struct ph_error *err)
{
    if (ph_cli_has(call, PH_CLI_PASSWORD_STDIN)) {
        return read_line(password, err);
    }
    int result = prompt("Password: ", password, err);
    if (result != PH_OK || call->command->content != PH_CLI_CONTENT_NEW_PASSWORD) {
        return result;
    }
    struct ph_buf again = PH_BUF(PASSWORD_MAX);
    result = prompt("Again: ", &again, err);
    if (result == PH_OK && !ph_bytes_eq(ph_buf_view(password), ph_buf_view(&again))) {
        result = ph_fail(err, PH_EINVALID, "the two are not the same");
    }
    ph_buf_wipe(&again);
    return result;
}

static int read_password(const struct ph_cli_call *call, struct ph_spool *content, struct ph_error *err)
{
    struct ph_buf password = PH_BUF(PASSWORD_MAX);
    int result = ask_password(call, &password, err);
    if (result == PH_OK && password.len == 0) {
        result = ph_fail(err, PH_EINVALID, "expected a password, found none");
    }
    if (result == PH_OK) {
        result = ph_spool_write(content, ph_buf_view(&password), err);
    }
    ph_buf_wipe(&password);
    return result;
}

/* ---- Messages ---- */

static int read_message(struct ph_spool *content, struct ph_error *err)
{
    uint8_t *piece = ph_alloc(PIECE_BYTES);
    int result = PH_OK;
    while (result == PH_OK) {
        ssize_t got = read(STDIN_FILENO, piece, PIECE_BYTES);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            result = ph_spool_write(content, ph_bytes_of(piece, (size_t)got), err);
        } else if (errno != EINTR) {
            result = ph_fail_errno(err, PH_EUNAVAILABLE, errno, "standard input");
        }
    }
    free(piece);
    if (result == PH_OK && content->size == 0) {
        result = ph_fail(err, PH_EINVALID, "expected a message on standard input, found nothing");
    }
    return result;
}

int ph_input_content(const struct ph_cli_call *call, struct ph_spool *content, struct ph_error *err)
{
    switch (call->command->content) {
    case PH_CLI_CONTENT_NEW_PASSWORD:
    case PH_CLI_CONTENT_PASSWORD: return read_password(call, content, err);
    case PH_CLI_CONTENT_MESSAGE: return read_message(content, err);
    case PH_CLI_CONTENT_NONE: break;
    }
    return PH_OK;
}

/* ---- Questions ---- */

int ph_input_ask(const char *question, const char *fallback, struct ph_buf *line, struct ph_error *err)
{
    fprintf(stderr, fallback[0] == '\0' ? "%s: " : "%s [%s]: ", question, fallback);
    fflush(stderr);
    return read_line(line, err);
}

int ph_input_confirm(const struct ph_cli_call *call, struct ph_error *err)
{
    const char *warning = call->command->warning;
    if (warning == NULL || ph_cli_has(call, PH_CLI_YES) || isatty(STDIN_FILENO) == 0) {
        return PH_OK;
    }
    fprintf(stderr, "%s", warning);
    for (size_t i = 0; i < call->word_count; i++) {
        fprintf(stderr, " %s", call->words[i]);
    }
    fprintf(stderr, "\nGo on? [y/N] ");
    fflush(stderr);
    struct ph_buf answer = PH_BUF(16);
    int result = read_line(&answer, err);
    bool is_yes = ph_bytes_ieq(ph_buf_view(&answer), PH_BYTES("y")) ||
                  ph_bytes_ieq(ph_buf_view(&answer), PH_BYTES("yes"));
    ph_buf_fini(&answer);
    if (result == PH_OK && !is_yes) {
        result = ph_fail(err, PH_EDENIED, "nothing was done");
    }
    return result;
}
