/* SPDX-License-Identifier: Apache-2.0 */
#include "task/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/mutf7.h"
#include "task/dovecot_keywords.h"
#include "task/files.h"
#include "task/mbox.h"
#include "task/uidlist.h"

enum { OUT_BYTES = 1 << 18, FILE_NAME_MAX = 255 };

static const size_t LIST_BYTES_MAX = (size_t)1 << 31;

struct ph_exporter {
    enum ph_export_format format;
    int fd;            /* of the path */
    int folder;        /* Maildir: the folder that stands; -1: none */
    int file;          /* being written: a message, or the mbox; -1: none */
    struct ph_buf out; /* not yet written to it */
    uint32_t uid_validity;
    uint64_t uid_next;
    /* Maildir */
    struct ph_buf uidlist;
    struct ph_dovecot_keywords keywords;
    struct ph_arena arena; /* of the keywords */
    char base[FILE_NAME_MAX + 1];
    char temporary[FILE_NAME_MAX + 8];
    struct ph_export_message message; /* that is written; its texts are not kept */
    struct ph_buf uidl;
    uint32_t keyword_bits;
    uint64_t keywords_lost;
    /* mbox */
    bool is_first;
    off_t message_start;
    struct ph_mbox_quote quote;
};

static int trouble(const char *what, struct ph_error *err)
{
    int errnum = errno;
    return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%.160s", what);
}

/* ---- Files ---- */

static int flush(struct ph_exporter *exporter, struct ph_error *err)
{
    struct ph_bytes rest = ph_buf_view(&exporter->out);
    while (rest.len > 0) {
        ssize_t written = write(exporter->file, rest.ptr, rest.len);
        if (written < 0 && errno != EINTR) {
            return trouble("writing", err);
        }
        rest = ph_bytes_from(rest, written < 0 ? 0 : (size_t)written);
    }
    ph_buf_clear(&exporter->out);
    return PH_OK;
}

static int create_file(struct ph_exporter *exporter, int directory, const char *name, struct ph_error *err)
{
    exporter->file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return exporter->file < 0 ? trouble(name, err) : PH_OK;
}

static int close_file(struct ph_exporter *exporter, struct ph_error *err)
{
    int result = flush(exporter, err);
    int closed = close(exporter->file);
    exporter->file = -1;
    return result == PH_OK && closed != 0 ? trouble("writing", err) : result;
}

static int write_file(struct ph_exporter *exporter, int directory, const char *name, struct ph_bytes text,
                      struct ph_error *err)
{
    int result = create_file(exporter, directory, name, err);
    while (result == PH_OK && text.len > 0) {
        struct ph_bytes piece = ph_bytes_first(text, OUT_BYTES);
        text = ph_bytes_from(text, piece.len);
        ph_buf_bytes(&exporter->out, piece);
        result = flush(exporter, err);
    }
    if (exporter->file >= 0) {
        int closed = close_file(exporter, err);
        result = result == PH_OK ? closed : result;
    }
    return result;
}

static int make_directory(int parent, const char *name, int *out_fd, struct ph_error *err)
{
    if (mkdirat(parent, name, 0700) != 0) {
        return trouble(name, err);
    }
    return ph_files_open_directory(parent, name, out_fd, err);
}

/* ---- Begin and end ---- */

static int stop_at_first(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return 1;
}

int ph_export_begin(enum ph_export_format format, const char *path, struct ph_exporter **out_exporter,
                    struct ph_error *err)
{
    *out_exporter = NULL;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return trouble(path, err);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return trouble(path, err);
    }
    int result = ph_files_list(fd, stop_at_first, NULL, err);
    if (result != PH_OK) {
        close(fd);
        return result == 1 ? ph_fail(err, PH_ECONFLICT, "%.180s: exists and is not empty", path) : result;
    }
    struct ph_exporter *exporter = ph_zalloc(sizeof *exporter);
    exporter->format = format;
    exporter->fd = fd;
    exporter->folder = -1;
    exporter->file = -1;
    exporter->out = PH_BUF((size_t)2 * OUT_BYTES + PH_MBOX_LOOK_BYTES * 4);
    exporter->uidlist = PH_BUF(LIST_BYTES_MAX);
    exporter->uidl = PH_BUF(1024);
    ph_arena_init(&exporter->arena, 0);
    *out_exporter = exporter;
    return PH_OK;
}

int ph_export_end(struct ph_exporter **exporter_ptr, bool has_failed, struct ph_error *err)
{
    struct ph_exporter *exporter = *exporter_ptr;
    *exporter_ptr = NULL;
    if (exporter == NULL) {
        return PH_OK;
    }
    int result = !has_failed && syncfs(exporter->fd) != 0 ? trouble("to disk", err) : PH_OK;
    if (exporter->file >= 0) {
        close(exporter->file);
    }
    if (exporter->folder >= 0) {
        close(exporter->folder);
    }
    close(exporter->fd);
    ph_buf_fini(&exporter->out);
    ph_buf_fini(&exporter->uidlist);
    ph_buf_fini(&exporter->uidl);
    ph_arena_fini(&exporter->arena);
    free(exporter);
    return result;
}

uint64_t ph_export_keywords_lost(const struct ph_exporter *exporter)
{
    return exporter->keywords_lost;
}

/* ---- Mailboxes ---- */

static int make_maildir(struct ph_exporter *exporter, const char *name, struct ph_error *err)
{
    int result = PH_OK;
    if (name[0] == '\0') {
        exporter->folder = dup(exporter->fd);
        result = exporter->folder < 0 ? trouble("a file descriptor", err) : PH_OK;
    } else {
        result = make_directory(exporter->fd, name, &exporter->folder, err);
    }
    static const char *const parts[] = {"cur", "new", "tmp"};
    for (unsigned i = 0; result == PH_OK && i < 3; i++) {
        if (mkdirat(exporter->folder, parts[i], 0700) != 0) {
            result = trouble(parts[i], err);
        }
    }
    if (result == PH_OK && name[0] != '\0') {
        result = write_file(exporter, exporter->folder, "maildirfolder", (struct ph_bytes){0}, err);
    }
    return result;
}

int ph_export_mailbox(struct ph_exporter *exporter, struct ph_bytes name, uint32_t uid_validity,
                      uint64_t uid_next, struct ph_error *err)
{
    struct ph_buf coded = PH_BUF(FILE_NAME_MAX);
    bool is_maildir = exporter->format == PH_EXPORT_MAILDIR;
    bool is_inbox = ph_bytes_eq(name, PH_BYTES("INBOX"));
    ph_buf_str(&coded, is_maildir && !is_inbox ? "." : "");
    if (!is_maildir || !is_inbox) {
        ph_mutf7_encode_file(name, &coded);
    }
    int result = PH_OK;
    if (coded.has_overflowed) {
        result = ph_fail(err, PH_EINVALID, "its name is longer than that of a file may be");
    } else {
        exporter->uid_validity = uid_validity;
        exporter->uid_next = uid_next;
        exporter->is_first = true;
        exporter->keywords = (struct ph_dovecot_keywords){0};
        ph_buf_clear(&exporter->uidlist);
        ph_arena_reset(&exporter->arena);
        ph_uidlist_put_head(&exporter->uidlist, uid_validity, uid_next);
        result = is_maildir ? make_maildir(exporter, ph_buf_cstr(&coded), err)
                            : create_file(exporter, exporter->fd, ph_buf_cstr(&coded), err);
    }
    ph_buf_fini(&coded);
    return result;
}

int ph_export_mailbox_end(struct ph_exporter *exporter, struct ph_error *err)
{
    if (exporter->format == PH_EXPORT_MBOX) {
        return close_file(exporter, err);
    }
    int result =
        exporter->uidlist.has_overflowed
            ? ph_fail(err, PH_ELIMIT, "more messages than a dovecot-uidlist of 2 GiB has room for")
            : write_file(exporter, exporter->folder, "dovecot-uidlist", ph_buf_view(&exporter->uidlist), err);
    if (result == PH_OK && exporter->keywords.names[0].len > 0) {
        struct ph_buf text = PH_BUF(PH_KEYWORDS_BYTES_MAX + 256);
        ph_dovecot_keywords_write(&exporter->keywords, &text);
        result = write_file(exporter, exporter->folder, "dovecot-keywords", ph_buf_view(&text), err);
        ph_buf_fini(&text);
    }
    close(exporter->folder);
    exporter->folder = -1;
    return result;
}

/* ---- Messages of a Maildir ---- */

static uint32_t keyword_bits(struct ph_exporter *exporter, struct ph_bytes keywords)
{
    uint32_t bits = 0;
    while (keywords.len > 0) {
        struct ph_bytes keyword = ph_bytes_next_word(&keywords);
        int bit = ph_dovecot_keywords_bit(&exporter->keywords, keyword, &exporter->arena);
        if (bit < 0) {
            exporter->keywords_lost++;
        } else {
            bits |= 1U << bit;
        }
    }
    return bits;
}

static int begin_file(struct ph_exporter *exporter, const struct ph_export_message *message,
                      struct ph_error *err)
{
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&message->id, id);
    int64_t saved_ms = message->save_date_ms > 0 ? message->save_date_ms : message->internal_date_ms;
    snprintf(exporter->base, sizeof exporter->base, "%lld.%s.posthouse,S=%llu,W=%llu",
             (long long)(saved_ms < 0 ? 0 : saved_ms / 1000), id, (unsigned long long)message->octets,
             (unsigned long long)message->octets);
    snprintf(exporter->temporary, sizeof exporter->temporary, "tmp/%s", exporter->base);
    exporter->message = *message;
    ph_buf_clear(&exporter->uidl);
    ph_buf_bytes(&exporter->uidl, message->kept.uidl);
    exporter->keyword_bits = keyword_bits(exporter, message->kept.keywords);
    return create_file(exporter, exporter->folder, exporter->temporary, err);
}

static int end_file(struct ph_exporter *exporter, bool is_whole, struct ph_error *err)
{
    const struct ph_export_message *message = &exporter->message;
    int result = flush(exporter, err);
    const struct timespec date = {.tv_sec = (time_t)(message->internal_date_ms / 1000),
                                  .tv_nsec = (long)(message->internal_date_ms % 1000) * 1000000};
    if (result == PH_OK && message->internal_date_ms >= 0 &&
        futimens(exporter->file, (const struct timespec[]){date, date}) != 0) {
        result = trouble(exporter->base, err);
    }
    int closed = close_file(exporter, err);
    result = result == PH_OK ? closed : result;
    if (result != PH_OK) {
        return result;
    }
    if (!is_whole) {
        return unlinkat(exporter->folder, exporter->temporary, 0) == 0 ? PH_OK : trouble(exporter->base, err);
    }
    struct ph_buf name = PH_BUF(1024);
    ph_buf_printf(&name, "cur/%s", exporter->base);
    ph_maildir_name_put_info(&name, message->kept.flags, exporter->keyword_bits);
    if (renameat(exporter->folder, exporter->temporary, exporter->folder, ph_buf_cstr(&name)) != 0) {
        result = trouble(exporter->base, err);
    }
    ph_buf_fini(&name);
    ph_uidlist_put(&exporter->uidlist, message->uid, ph_buf_view(&exporter->uidl), message->octets,
                   ph_bytes_str(exporter->base));
    return result;
}

/* ---- Messages of an mbox ---- */

static int begin_entry(struct ph_exporter *exporter, const struct ph_export_message *message,
                       struct ph_error *err)
{
    int result = flush(exporter, err);
    exporter->message_start = lseek(exporter->file, 0, SEEK_CUR);
    const struct ph_mbox_head head = {
        .flags = message->kept.flags,
        .keywords = message->kept.keywords,
        .uidl = message->kept.uidl,
        .uid = message->uid,
        .uid_validity = exporter->is_first ? exporter->uid_validity : 0,
        .uid_next = exporter->uid_next,
    };
    ph_mbox_put_from(&exporter->out, message->internal_date_ms);
    ph_mbox_put_fields(&exporter->out, &head);
    exporter->quote = (struct ph_mbox_quote){0};
    return result;
}

static int end_entry(struct ph_exporter *exporter, bool is_whole, struct ph_error *err)
{
    ph_mbox_quote_end(&exporter->quote, &exporter->out);
    int result = flush(exporter, err);
    if (result == PH_OK && !is_whole) {
        if (ftruncate(exporter->file, exporter->message_start) != 0 ||
            lseek(exporter->file, exporter->message_start, SEEK_SET) < 0) {
            result = trouble("taking back half a message", err);
        }
    } else {
        exporter->is_first = false;
    }
    return result;
}

/* ---- Messages ---- */

int ph_export_message(struct ph_exporter *exporter, const struct ph_export_message *message,
                      struct ph_error *err)
{
    return exporter->format == PH_EXPORT_MAILDIR ? begin_file(exporter, message, err)
                                                 : begin_entry(exporter, message, err);
}

int ph_export_octets(struct ph_exporter *exporter, struct ph_bytes octets, struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK && octets.len > 0) {
        struct ph_bytes piece = ph_bytes_first(octets, OUT_BYTES / 2);
        octets = ph_bytes_from(octets, piece.len);
        if (exporter->format == PH_EXPORT_MAILDIR) {
            ph_buf_bytes(&exporter->out, piece);
        } else {
            ph_mbox_quote(&exporter->quote, piece, &exporter->out);
        }
        if (exporter->out.len >= OUT_BYTES) {
            result = flush(exporter, err);
        }
    }
    return result;
}

int ph_export_message_end(struct ph_exporter *exporter, bool is_whole, struct ph_error *err)
{
    return exporter->format == PH_EXPORT_MAILDIR ? end_file(exporter, is_whole, err)
                                                 : end_entry(exporter, is_whole, err);
}
