/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of .eml files, one message each, in the order of their names; all other files are left alone. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "mime/header.h"
#include "task/files.h"
#include "task/mail_date.h"
#include "task/source-private.h"

enum { HEADER_LOOK_BYTES = 65536 };

struct eml {
    struct ph_source source;
    int fd;
    char **names;
    size_t count;
    size_t capacity;
    size_t next;
    bool has_given_folder;
};

static int add_name(void *ctx, const char *name)
{
    struct eml *eml = ctx;
    struct ph_bytes bytes = ph_bytes_str(name);
    if (bytes.len < 4 || !ph_bytes_ieq(ph_bytes_from(bytes, bytes.len - 4), PH_BYTES(".eml"))) {
        return PH_OK;
    }
    if (eml->count == eml->capacity) {
        eml->capacity = eml->capacity == 0 ? 64 : eml->capacity * 2;
        eml->names = ph_realloc(eml->names, eml->capacity * sizeof *eml->names);
    }
    eml->names[eml->count++] = ph_strdup(name);
    return PH_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int next_folder(struct ph_source *source, struct ph_source_folder *out_folder, struct ph_error *err)
{
    (void)err;
    struct eml *eml = (struct eml *)source;
    if (eml->has_given_folder) {
        return 0;
    }
    eml->has_given_folder = true;
    *out_folder = (struct ph_source_folder){.name = PH_BYTES("INBOX"), .messages = eml->count};
    return 1;
}

/* Files are written when somebody exports them: what the message says of its date is nearer. */
static int64_t date_of(struct ph_spool *content, const struct stat *info)
{
    int64_t date_ms = (int64_t)info->st_mtim.tv_sec * 1000;
    size_t len = content->size < HEADER_LOOK_BYTES ? (size_t)content->size : HEADER_LOOK_BYTES;
    uint8_t *start = ph_alloc(HEADER_LOOK_BYTES);
    if (len > 0 && ph_spool_read(content, 0, start, len, NULL) == PH_OK) {
        struct ph_bytes rest = {start, len};
        struct ph_header_field field;
        while (ph_header_next(&rest, &field)) {
            if (ph_header_is(&field, PH_BYTES("Date")) && ph_mail_date_parse(field.value, &date_ms)) {
                break;
            }
        }
    }
    free(start);
    return date_ms;
}

static int read_message(struct eml *eml, const char *name, struct ph_source_message *out,
                        struct ph_error *err)
{
    int fd = -1;
    struct stat info = {0};
    int result = ph_files_open(eml->fd, name, &fd, &info, err);
    if (result != PH_OK) {
        return result;
    }
    *out = (struct ph_source_message){.where = name, .content = &eml->source.sink.spool};
    result = ph_message_sink_file(&eml->source.sink, fd, out->digest, err);
    close(fd);
    if (result == PH_OK) {
        ph_import_key("eml", ph_bytes_str(name), out->digest, out->key);
        out->internal_date_ms = date_of(out->content, &info);
    }
    return result;
}

static int next_message(struct ph_source *source, struct ph_source_message *out_message, struct ph_error *err)
{
    struct eml *eml = (struct eml *)source;
    while (eml->next < eml->count) {
        const char *name = eml->names[eml->next++];
        struct ph_error trouble = {0};
        int result = read_message(eml, name, out_message, &trouble);
        if (result == PH_OK) {
            return 1;
        }
        if (result == PH_EUNAVAILABLE) {
            *err = trouble;
            return result;
        }
        ph_source_problem(source, name, &trouble);
    }
    return 0;
}

static void free_eml(struct ph_source *source)
{
    struct eml *eml = (struct eml *)source;
    for (size_t i = 0; i < eml->count; i++) {
        free(eml->names[i]);
    }
    free(eml->names);
    close(eml->fd);
    free(eml);
}

static const struct ph_source_kind kind = {"eml", next_folder, next_message, free_eml};

int ph_source_eml_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                      struct ph_error *err)
{
    struct eml *eml = ph_zalloc(sizeof *eml);
    ph_source_init(&eml->source, &kind, options);
    eml->fd = fd;
    int result = ph_files_list(fd, add_name, eml, err);
    if (eml->count > 0) {
        qsort(eml->names, eml->count, sizeof *eml->names, by_name);
    }
    eml->source.count = eml->count;
    *out_source = &eml->source;
    if (result == PH_OK && eml->count == 0) {
        result = ph_fail(err, PH_EINVALID, "%.180s: neither a Maildir nor a directory with .eml files",
                         options->path);
    }
    if (result != PH_OK) {
        ph_source_close(out_source);
    }
    return result;
}
