/* SPDX-License-Identifier: Apache-2.0 */
#include "task/source-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/uidl_format.h"

enum { MEMORY_BYTES = 1 << 20 };

void ph_source_init(struct ph_source *source, const struct ph_source_kind *kind,
                    const struct ph_source_options *options)
{
    source->kind = kind;
    source->options = *options;
    ph_message_sink_init(&source->sink, options->spool_directory, MEMORY_BYTES, options->message_max_bytes);
}

void ph_source_problem(const struct ph_source *source, const char *where, const struct ph_error *err)
{
    source->options.problem(source->options.ctx, where, err->text);
}

static bool has_directory(int fd, const char *name)
{
    struct stat info;
    return fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int check_options(const struct ph_source_options *options, struct ph_error *err)
{
    bool has_format = options->uidl_format != NULL && strcmp(options->uidl_format, "none") != 0;
    return has_format ? ph_uidl_format_check(options->uidl_format, err) : PH_OK;
}

int ph_source_open(const struct ph_source_options *options, struct ph_source **out_source,
                   struct ph_error *err)
{
    *out_source = NULL;
    int result = check_options(options, err);
    if (result != PH_OK) {
        return result;
    }
    int fd = open(options->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        int errnum = errno;
        if (fd >= 0) {
            close(fd);
        }
        return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%.180s", options->path);
    }
    bool is_directory = S_ISDIR(info.st_mode);
    enum ph_source_format format = options->format;
    if (format == PH_SOURCE_AUTO) {
        bool is_maildir = is_directory && (has_directory(fd, "cur") || has_directory(fd, "new"));
        format = is_maildir ? PH_SOURCE_MAILDIR : is_directory ? PH_SOURCE_EML : PH_SOURCE_MBOX;
    }
    if (format == PH_SOURCE_MBOX ? !S_ISREG(info.st_mode) : !is_directory) {
        close(fd);
        return ph_fail(err, PH_EINVALID, "%.180s: expected a %s", options->path,
                       format == PH_SOURCE_MBOX ? "file" : "directory");
    }
    switch (format) {
    case PH_SOURCE_MAILDIR: return ph_source_maildir_new(options, fd, out_source, err);
    case PH_SOURCE_EML: return ph_source_eml_new(options, fd, out_source, err);
    default: return ph_source_mbox_new(options, fd, out_source, err);
    }
}

void ph_source_close(struct ph_source **source)
{
    if (*source != NULL) {
        ph_message_sink_fini(&(*source)->sink);
        (*source)->kind->free(*source);
        *source = NULL;
    }
}

const char *ph_source_format_name(const struct ph_source *source)
{
    return source->kind->name;
}

uint64_t ph_source_count(const struct ph_source *source)
{
    return source->count;
}

int ph_source_next_folder(struct ph_source *source, struct ph_source_folder *out_folder, struct ph_error *err)
{
    return source->kind->next_folder(source, out_folder, err);
}

int ph_source_next_message(struct ph_source *source, struct ph_source_message *out_message,
                           struct ph_error *err)
{
    return source->kind->next_message(source, out_message, err);
}
