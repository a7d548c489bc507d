/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An mbox file, read twice: once to count its messages and to learn its UIDVALIDITY, then message by message.
 *
 * It is locked as mail programs lock it, by fcntl and flock, shared, and not read while there is a lock file of another
 * program. Those who do not lock are noticed: a file that is not as it was at the start is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/digest_count.h"
#include "task/files.h"
#include "task/mbox.h"
#include "task/source-private.h"
#include "task/uidl_format.h"

enum { PIECE_BYTES = 1 << 17, LOCK_TRIES = 50, LOCK_PAUSE_US = 100000, LOCK_FILE_SECONDS = 300 };

struct mbox {
    struct ph_source source;
    int fd;
    struct stat info; /* as it was at the start */
    struct ph_mbox parser;
    uint8_t *piece; /* what was read and not yet parsed: REST, at its front or behind */
    struct ph_bytes rest;
    bool is_at_end;
    bool has_given_folder;
    uint32_t uid_validity;
    uint64_t uid_next;
    struct ph_digest_count digests;
    struct ph_buf uidl;
    uint64_t number; /* of the message */
    char where[32];
};

/* ---- Locks ---- */

/* A lock file that is old was forgotten. */
static bool has_lock_file(const char *path)
{
    char name[4096];
    struct stat info;
    int len = snprintf(name, sizeof name, "%s.lock", path);
    return len > 0 && (size_t)len < sizeof name && stat(name, &info) == 0 &&
           time(NULL) - info.st_mtime < LOCK_FILE_SECONDS;
}

static bool try_lock(const char *path, int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return !has_lock_file(path) && fcntl(fd, F_SETLK, &lock) == 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static int lock_file(const char *path, int fd, struct ph_error *err)
{
    for (int tries = 0; !try_lock(path, fd); tries++) {
        if (tries == LOCK_TRIES) {
            return ph_fail(err, PH_EBUSY, "%.180s: another program has it locked", path);
        }
        usleep(LOCK_PAUSE_US);
    }
    return PH_OK;
}

/* ---- Reading ---- */

static int rewind_file(struct mbox *mbox, struct ph_error *err)
{
    ph_mbox_fini(&mbox->parser);
    ph_mbox_init(&mbox->parser);
    mbox->rest = (struct ph_bytes){mbox->piece, 0};
    mbox->is_at_end = false;
    return lseek(mbox->fd, 0, SEEK_SET) == 0
               ? PH_OK
               : ph_fail_errno(err, PH_EUNAVAILABLE, errno, "%.180s", mbox->source.options.path);
}

static int read_more(struct mbox *mbox, struct ph_error *err)
{
    if (mbox->rest.len > 0) {
        memmove(mbox->piece, mbox->rest.ptr, mbox->rest.len);
    }
    mbox->rest.ptr = mbox->piece;
    ssize_t got;
    do {
        got = read(mbox->fd, mbox->piece + mbox->rest.len, PIECE_BYTES - mbox->rest.len);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "%.180s", mbox->source.options.path);
    }
    mbox->rest.len += (size_t)got;
    mbox->is_at_end = got == 0;
    return PH_OK;
}

/* The next event that is not MORE, or a negative error. */
static int next_event(struct mbox *mbox, struct ph_bytes *out_data, struct ph_error *err)
{
    for (;;) {
        enum ph_mbox_event event = ph_mbox_next(&mbox->parser, &mbox->rest, mbox->is_at_end, out_data);
        if (event != PH_MBOX_MORE) {
            return (int)event;
        }
        int result = read_more(mbox, err);
        if (result != PH_OK) {
            return result;
        }
    }
}

static int count_messages(struct mbox *mbox, struct ph_error *err)
{
    int event = PH_MBOX_MORE;
    while (event >= 0 && event != PH_MBOX_OVER) {
        struct ph_bytes data;
        event = next_event(mbox, &data, err);
        const struct ph_mbox_message *message = &mbox->parser.message;
        if (event == PH_MBOX_WRONG) {
            return ph_fail(err, PH_EINVALID, "%.180s: not an mbox: it does not begin with a From line",
                           mbox->source.options.path);
        }
        if (event == PH_MBOX_END) {
            mbox->source.count += message->is_internal ? 0 : 1;
            if (mbox->uid_validity == 0) {
                mbox->uid_validity = message->uid_validity;
                mbox->uid_next = message->uid_next;
            }
            mbox->uid_next = message->uid >= mbox->uid_next ? message->uid + 1 : mbox->uid_next;
        }
    }
    return event < 0 ? event : PH_OK;
}

static int next_folder(struct ph_source *source, struct ph_source_folder *out_folder, struct ph_error *err)
{
    struct mbox *mbox = (struct mbox *)source;
    if (mbox->has_given_folder) {
        return 0;
    }
    mbox->has_given_folder = true;
    *out_folder = (struct ph_source_folder){
        .name = PH_BYTES("INBOX"),
        .uid_validity = mbox->uid_validity,
        .uid_next = mbox->uid_validity == 0 ? 0 : mbox->uid_next,
        .messages = source->count,
    };
    int result = rewind_file(mbox, err);
    return result == PH_OK ? 1 : result;
}

/* ---- Messages ---- */

static void check_unchanged(struct mbox *mbox)
{
    struct stat now;
    bool is_same = fstat(mbox->fd, &now) == 0 && now.st_size == mbox->info.st_size &&
                   now.st_mtim.tv_sec == mbox->info.st_mtim.tv_sec &&
                   now.st_mtim.tv_nsec == mbox->info.st_mtim.tv_nsec;
    if (!is_same) {
        mbox->source.options.problem(mbox->source.options.ctx, mbox->source.options.path,
                                     "it changed while it was read: import it again to get the rest");
    }
}

static void find_uidl(struct mbox *mbox)
{
    const char *format = mbox->source.options.uidl_format;
    const struct ph_mbox_message *message = &mbox->parser.message;
    ph_buf_clear(&mbox->uidl);
    if (format == NULL) {
        ph_buf_bytes(&mbox->uidl, ph_buf_view(&message->uidl));
    } else if (strcmp(format, "none") != 0) {
        const struct ph_uidl_parts parts = {.uid = message->uid, .uid_validity = mbox->uid_validity};
        (void)ph_uidl_format_put(format, &parts, &mbox->uidl);
    }
}

static void describe(struct mbox *mbox, struct ph_source_message *out)
{
    const struct ph_mbox_message *message = &mbox->parser.message;
    const char *slash = strrchr(mbox->source.options.path, '/');
    char name[PATH_MAX + 32];
    int len = snprintf(name, sizeof name, "%s%c%u", slash == NULL ? mbox->source.options.path : slash + 1,
                       '\0', ph_digest_count_add(&mbox->digests, out->digest));
    ph_import_key("mbox", ph_bytes_of(name, len > 0 ? (size_t)len : 0), out->digest, out->key);
    find_uidl(mbox);
    out->where = mbox->where;
    out->content = &mbox->source.sink.spool;
    out->kept = (struct ph_message_kept){
        .flags = message->flags,
        .keywords = ph_buf_view(&message->keywords),
        .uidl = ph_buf_view(&mbox->uidl),
    };
    out->uid = mbox->uid_validity == 0 ? 0 : message->uid;
    out->internal_date_ms = message->date_ms;
}

/* Up to the end of the message that began. */
static int read_message(struct mbox *mbox, struct ph_source_message *out, int *out_trouble,
                        struct ph_error *trouble, struct ph_error *err)
{
    *out = (struct ph_source_message){0};
    ph_message_sink_begin(&mbox->source.sink);
    for (;;) {
        struct ph_bytes data = {0};
        int event = next_event(mbox, &data, err);
        if (event < 0 || event == PH_MBOX_END) {
            ph_message_sink_end(&mbox->source.sink, out->digest);
            return event < 0 ? event : PH_OK;
        }
        if (event == PH_MBOX_DATA && *out_trouble == PH_OK) {
            *out_trouble = ph_message_sink_write(&mbox->source.sink, data, trouble);
        }
    }
}

static int next_message(struct ph_source *source, struct ph_source_message *out_message, struct ph_error *err)
{
    struct mbox *mbox = (struct mbox *)source;
    for (;;) {
        struct ph_bytes data;
        int event = next_event(mbox, &data, err);
        if (event != PH_MBOX_BEGIN) {
            check_unchanged(mbox);
            return event < 0 ? event : 0;
        }
        snprintf(mbox->where, sizeof mbox->where, "message %llu", (unsigned long long)++mbox->number);
        struct ph_error trouble = {0};
        int trouble_class = PH_OK;
        int result = read_message(mbox, out_message, &trouble_class, &trouble, err);
        if (result != PH_OK) {
            return result;
        }
        if (trouble_class == PH_EUNAVAILABLE) {
            *err = trouble;
            return trouble_class;
        }
        if (trouble_class != PH_OK) {
            ph_source_problem(source, mbox->where, &trouble);
        } else if (!mbox->parser.message.is_internal) {
            describe(mbox, out_message);
            return 1;
        }
    }
}

/* ---- Life ---- */

static void free_mbox(struct ph_source *source)
{
    struct mbox *mbox = (struct mbox *)source;
    close(mbox->fd); /* and with it the locks */
    ph_mbox_fini(&mbox->parser);
    ph_digest_count_fini(&mbox->digests);
    ph_buf_fini(&mbox->uidl);
    free(mbox->piece);
    free(mbox);
}

static const struct ph_source_kind kind = {"mbox", next_folder, next_message, free_mbox};

int ph_source_mbox_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                       struct ph_error *err)
{
    struct mbox *mbox = ph_zalloc(sizeof *mbox);
    ph_source_init(&mbox->source, &kind, options);
    mbox->fd = fd;
    mbox->piece = ph_alloc(PIECE_BYTES);
    mbox->uidl = PH_BUF(PH_UIDL_MAX);
    ph_mbox_init(&mbox->parser);
    int result = lock_file(options->path, fd, err);
    if (result == PH_OK && fstat(fd, &mbox->info) != 0) {
        result = ph_fail_errno(err, PH_EUNAVAILABLE, errno, "%.180s", options->path);
    }
    if (result == PH_OK) {
        result = rewind_file(mbox, err);
    }
    if (result == PH_OK) {
        result = count_messages(mbox, err);
    }
    *out_source = &mbox->source;
    if (result != PH_OK) {
        ph_source_close(out_source);
    }
    return result;
}
