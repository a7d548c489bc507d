/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Maildir: the directory itself is INBOX, and each ".Sub.Folder" in it a folder (Maildir++), or each "Sub/Folder" below
 * it that is a Maildir (Dovecot's LAYOUT=fs). Nothing is locked: who
 * delivers or sets flags meanwhile renames files, and a file that is gone when its turn comes is looked for again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutf7.h"
#include "task/files.h"
#include "task/maildir_scan.h"
#include "task/source-private.h"
#include "task/uidl_format.h"

enum { FOLDERS_MAX = 100000, WHERE_BYTES = 1024, SEARCHES_MAX = 100, PATH_BYTES = 512, DEPTH_MAX = 20 };

struct maildir {
    struct ph_source source;
    int fd;
    char **folders; /* paths of directories, sorted; the first is "", the Maildir itself */
    size_t folder_count;
    size_t folder_capacity;
    size_t next_folder;
    int folder_fd; /* -1: none stands */
    struct ph_maildir_scan scan;
    bool has_scan;
    size_t next_file;
    struct ph_buf name; /* of the folder, UTF-8 */
    struct ph_buf keywords;
    struct ph_buf uidl;
    char where[WHERE_BYTES];
};

/* ---- Folders ---- */

static int add_folder(struct maildir *maildir, const char *name)
{
    if (maildir->folder_count == FOLDERS_MAX) {
        return PH_ELIMIT;
    }
    if (maildir->folder_count == maildir->folder_capacity) {
        maildir->folder_capacity = maildir->folder_capacity == 0 ? 16 : maildir->folder_capacity * 2;
        maildir->folders = ph_realloc(maildir->folders, maildir->folder_capacity * sizeof *maildir->folders);
    }
    maildir->folders[maildir->folder_count++] = ph_strdup(name);
    return PH_OK;
}

static bool is_maildir(int directory)
{
    struct stat info;
    return fstatat(directory, "cur", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

/* A directory whose entries are looked through. */
struct level {
    struct maildir *maildir;
    int fd;
    const char *path; /* "" for the Maildir */
    unsigned depth;
};

static int add_entry(void *ctx, const char *name)
{
    const struct level *level = ctx;
    if (name[0] == '.') {
        return level->depth == 0 ? add_folder(level->maildir, name) : PH_OK;
    }
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s%s%s", level->path, level->depth == 0 ? "" : "/", name);
    bool is_content = strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0;
    struct level below = {level->maildir, -1, path, level->depth + 1};
    if (is_content || len >= PATH_BYTES || below.depth == DEPTH_MAX ||
        ph_files_open_directory(level->fd, name, &below.fd, NULL) != PH_OK) {
        return PH_OK;
    }
    int result = is_maildir(below.fd) ? add_folder(level->maildir, path) : PH_OK;
    if (result == PH_OK) {
        result = ph_files_list(below.fd, add_entry, &below, NULL);
        /* What may not be read has no folders. */
        result = result == PH_ELIMIT ? result : PH_OK;
    }
    close(below.fd);
    return result;
}

/* By one part of PATH after the other, none of them a link. */
static int open_path(int directory, const char *path, int *out_fd, struct ph_error *err)
{
    char part[PATH_BYTES];
    int fd = -1;
    int result = PH_OK;
    while (result == PH_OK && path != NULL) {
        const char *slash = strchr(path, '/');
        int len = slash == NULL ? (int)strlen(path) : (int)(slash - path);
        snprintf(part, sizeof part, "%.*s", len, path);
        int next = -1;
        result = ph_files_open_directory(fd < 0 ? directory : fd, part, &next, err);
        if (fd >= 0) {
            close(fd);
        }
        fd = next;
        path = slash == NULL ? NULL : slash + 1;
    }
    *out_fd = fd;
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int count_one(void *ctx, const char *name)
{
    *(uint64_t *)ctx += name[0] != '.' ? 1 : 0;
    return PH_OK;
}

static void count_files(int directory, uint64_t *count)
{
    static const char *const names[] = {"new", "cur"};
    for (size_t i = 0; i < 2; i++) {
        int fd;
        if (ph_files_open_directory(directory, names[i], &fd, NULL) == PH_OK) {
            int result = ph_files_list(fd, count_one, count, NULL);
            (void)result; /* an estimate */
            close(fd);
        }
    }
}

/* What has no cur is no folder, but whatever else lies there. PH_ENOTFOUND then. */
static int open_folder(struct maildir *maildir, const char *name, int *out_fd, struct ph_error *err)
{
    int result = PH_OK;
    if (name[0] == '\0') {
        *out_fd = dup(maildir->fd);
        result = *out_fd < 0 ? ph_fail(err, PH_EUNAVAILABLE, "no file descriptor is left") : PH_OK;
    } else {
        struct stat info;
        result = open_path(maildir->fd, name, out_fd, err);
        if (result == PH_OK && fstatat(*out_fd, "cur", &info, AT_SYMLINK_NOFOLLOW) != 0) {
            close(*out_fd);
            result = ph_fail(err, PH_ENOTFOUND, "no folder");
        }
    }
    return result;
}

static bool is_plain_file(const struct maildir *maildir, const char *name)
{
    struct stat info;
    return fstatat(maildir->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(info.st_mode) &&
           !S_ISLNK(info.st_mode);
}

static void close_folder(struct maildir *maildir)
{
    if (maildir->has_scan) {
        ph_maildir_scan_fini(&maildir->scan);
        maildir->has_scan = false;
    }
    if (maildir->folder_fd >= 0) {
        close(maildir->folder_fd);
        maildir->folder_fd = -1;
    }
}

static void scan_problem(void *ctx, const char *where, const char *text)
{
    struct maildir *maildir = ctx;
    const char *folder = maildir->folders[maildir->next_folder - 1];
    snprintf(maildir->where, sizeof maildir->where, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", where);
    maildir->source.options.problem(maildir->source.options.ctx, maildir->where, text);
}

/* The name that a path stands for, with a dot between its parts. */
static int name_of_path(struct maildir *maildir, const char *path, struct ph_error *err)
{
    if (path[0] == '.') {
        return ph_mutf7_decode(ph_bytes_str(path + 1), &maildir->name, err);
    }
    char dotted[PATH_BYTES];
    bool has_dot = strchr(path, '.') != NULL;
    snprintf(dotted, sizeof dotted, "%s", path);
    for (char *at = dotted; *at != '\0'; at++) {
        *at = *at == '/' ? '.' : *at == '.' ? '_' : *at;
    }
    if (has_dot) {
        maildir->source.options.problem(maildir->source.options.ctx, path,
                                        "its name has a dot, which is between names here; it becomes _");
    }
    return ph_mutf7_decode(ph_bytes_str(dotted), &maildir->name, err);
}

/* 1: the folder stands; 0: it is none, which was said if need be. */
static int enter_folder(struct maildir *maildir, const char *name)
{
    struct ph_error err = {0};
    ph_buf_clear(&maildir->name);
    int result = PH_OK;
    if (name[0] == '\0') {
        ph_buf_str(&maildir->name, "INBOX");
    } else {
        if (name[0] == '.' && is_plain_file(maildir, name)) {
            return 0;
        }
        result = name_of_path(maildir, name, &err);
    }
    if (result == PH_OK) {
        result = open_folder(maildir, name, &maildir->folder_fd, &err);
        if (result != PH_OK) {
            maildir->folder_fd = -1;
        }
    }
    if (result == PH_OK) {
        maildir->scan = (struct ph_maildir_scan){.problem = scan_problem, .ctx = maildir};
        maildir->has_scan = true;
        result = ph_maildir_scan(&maildir->scan, maildir->folder_fd, &err);
    }
    if (result == PH_OK) {
        return 1;
    }
    close_folder(maildir);
    if (result != PH_ENOTFOUND) {
        ph_source_problem(&maildir->source, name, &err);
    }
    return 0;
}

static int next_folder(struct ph_source *source, struct ph_source_folder *out_folder, struct ph_error *err)
{
    (void)err;
    struct maildir *maildir = (struct maildir *)source;
    close_folder(maildir);
    while (maildir->next_folder < maildir->folder_count) {
        if (enter_folder(maildir, maildir->folders[maildir->next_folder++]) == 1) {
            maildir->next_file = 0;
            *out_folder = (struct ph_source_folder){
                .name = ph_buf_view(&maildir->name),
                .uid_validity = maildir->scan.uid_validity,
                .uid_next = maildir->scan.uid_next,
                .messages = maildir->scan.count,
            };
            return 1;
        }
    }
    return 0;
}

/* ---- Messages ---- */

struct search {
    struct ph_bytes base;
    char found[PH_MAILDIR_NAME_MAX + 1];
};

static int compare_name(void *ctx, const char *name)
{
    struct search *search = ctx;
    struct ph_maildir_name parts;
    if (ph_maildir_name_parse(ph_bytes_str(name), &parts) && ph_bytes_eq(parts.base, search->base)) {
        snprintf(search->found, sizeof search->found, "%s", name);
        return 1;
    }
    return 0;
}

/* Under its name of now in PLACE. PH_ENOTFOUND: no entry of the listing was it, or it was renamed since. */
static int find_file(struct maildir *maildir, const char *place, struct ph_bytes base, int *out_fd,
                     struct stat *out_info, struct ph_error *err)
{
    int directory;
    int result = ph_files_open_directory(maildir->folder_fd, place, &directory, err);
    if (result != PH_OK) {
        return result;
    }
    struct search search = {.base = base};
    result = ph_files_list(directory, compare_name, &search, err) == 1
                 ? ph_files_open(directory, search.found, out_fd, out_info, err)
                 : ph_fail(err, PH_ENOTFOUND, "it is gone");
    close(directory);
    return result;
}

static bool is_at_rest(const struct maildir *maildir)
{
    return ph_files_at_rest(maildir->folder_fd, "cur") && ph_files_at_rest(maildir->folder_fd, "new");
}

/* Under whatever name and in whichever directory it is now. A listing may miss what is renamed meanwhile, so one that does
   not show the file is believed only when the directories were at rest. */
static int open_file(struct maildir *maildir, const struct ph_maildir_file *file, int *out_fd,
                     struct stat *out_info, struct ph_error *err)
{
    int directory;
    int result = ph_files_open_directory(maildir->folder_fd, file->is_new ? "new" : "cur", &directory, err);
    if (result == PH_OK) {
        result = ph_files_open(directory, file->name, out_fd, out_info, err);
        close(directory);
    }
    for (unsigned i = 0; result == PH_ENOTFOUND && i < SEARCHES_MAX; i++) {
        bool was_at_rest = is_at_rest(maildir);
        result = find_file(maildir, "cur", file->parts.base, out_fd, out_info, err);
        if (result == PH_ENOTFOUND) {
            result = find_file(maildir, "new", file->parts.base, out_fd, out_info, err);
        }
        if (was_at_rest && is_at_rest(maildir)) {
            break;
        }
    }
    return result;
}

static void find_uidl(struct maildir *maildir, const struct ph_maildir_file *file)
{
    const char *format = maildir->source.options.uidl_format;
    bool is_inbox = maildir->next_folder == 1;
    ph_buf_clear(&maildir->uidl);
    if (format != NULL && strcmp(format, "none") == 0) {
        return;
    }
    if (file->uidl.len > 0) {
        if (ph_uidl_is_valid(file->uidl)) {
            ph_buf_bytes(&maildir->uidl, file->uidl);
        } else {
            maildir->source.options.problem(maildir->source.options.ctx, maildir->where,
                                            "its UIDL is none that POP3 could show, and is not kept");
        }
        return;
    }
    /* Only INBOX is served by POP3. */
    if (!is_inbox || (format == NULL && !maildir->scan.is_dovecot)) {
        return;
    }
    const struct ph_uidl_parts parts = {file->uid, maildir->scan.uid_validity, file->parts.base, file->guid};
    (void)ph_uidl_format_put(format == NULL ? PH_UIDL_FORMAT_DOVECOT : format, &parts, &maildir->uidl);
}

static void find_keywords(struct maildir *maildir, const struct ph_maildir_file *file)
{
    ph_buf_clear(&maildir->keywords);
    if (!ph_dovecot_keywords_put(&maildir->scan.keywords, file->parts.keywords, &maildir->keywords)) {
        maildir->source.options.problem(maildir->source.options.ctx, maildir->where,
                                        "it has a keyword that dovecot-keywords does not name");
    }
    if (file->parts.is_passed &&
        ph_bytes_find(ph_buf_view(&maildir->keywords), '$') == maildir->keywords.len) {
        ph_buf_str(&maildir->keywords, maildir->keywords.len > 0 ? " $Forwarded" : "$Forwarded");
    }
}

static int read_message(struct maildir *maildir, const struct ph_maildir_file *file,
                        struct ph_source_message *out, struct ph_error *err)
{
    int fd = -1;
    struct stat info = {0};
    int result = open_file(maildir, file, &fd, &info, err);
    if (result != PH_OK) {
        return result;
    }
    *out = (struct ph_source_message){.where = maildir->where, .content = &maildir->source.sink.spool};
    result = ph_message_sink_file(&maildir->source.sink, fd, out->digest, err);
    close(fd);
    if (result != PH_OK) {
        return result;
    }
    ph_import_key("maildir", file->parts.base, out->digest, out->key);
    find_uidl(maildir, file);
    find_keywords(maildir, file);
    out->kept = (struct ph_message_kept){
        .flags = file->parts.flags | (file->is_new ? PH_FLAG_RECENT : 0U),
        .keywords = ph_buf_view(&maildir->keywords),
        .uidl = ph_buf_view(&maildir->uidl),
    };
    out->uid = file->uid;
    out->internal_date_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
    out->save_date_ms = (int64_t)file->parts.delivered_s * 1000;
    return PH_OK;
}

static int next_message(struct ph_source *source, struct ph_source_message *out_message, struct ph_error *err)
{
    (void)err;
    struct maildir *maildir = (struct maildir *)source;
    while (maildir->next_file < maildir->scan.count) {
        const struct ph_maildir_file *file = &maildir->scan.files[maildir->next_file++];
        const char *folder = maildir->folders[maildir->next_folder - 1];
        snprintf(maildir->where, sizeof maildir->where, "%s%s%s/%s", folder, folder[0] == '\0' ? "" : "/",
                 file->is_new ? "new" : "cur", file->name);
        struct ph_error trouble = {0};
        int result = read_message(maildir, file, out_message, &trouble);
        if (result == PH_OK) {
            return 1;
        }
        if (result == PH_EUNAVAILABLE) {
            *err = trouble;
            return result;
        }
        ph_source_problem(source, maildir->where, &trouble);
    }
    return 0;
}

/* ---- Life ---- */

static void free_maildir(struct ph_source *source)
{
    struct maildir *maildir = (struct maildir *)source;
    close_folder(maildir);
    close(maildir->fd);
    for (size_t i = 0; i < maildir->folder_count; i++) {
        free(maildir->folders[i]);
    }
    free(maildir->folders);
    ph_buf_fini(&maildir->name);
    ph_buf_fini(&maildir->keywords);
    ph_buf_fini(&maildir->uidl);
    free(maildir);
}

static const struct ph_source_kind kind = {"maildir", next_folder, next_message, free_maildir};

int ph_source_maildir_new(const struct ph_source_options *options, int fd, struct ph_source **out_source,
                          struct ph_error *err)
{
    struct maildir *maildir = ph_zalloc(sizeof *maildir);
    ph_source_init(&maildir->source, &kind, options);
    maildir->fd = fd;
    maildir->folder_fd = -1;
    maildir->name = PH_BUF(4096);
    maildir->keywords = PH_BUF(PH_KEYWORDS_BYTES_MAX);
    maildir->uidl = PH_BUF(PH_UIDL_MAX);
    struct level root = {maildir, fd, "", 0};
    int result = ph_files_list(fd, add_entry, &root, err);
    if (result == PH_ELIMIT) {
        result = ph_fail(err, result, "%.180s: more than %d folders", options->path, FOLDERS_MAX);
    }
    if (maildir->folder_count > 0) {
        qsort(maildir->folders, maildir->folder_count, sizeof *maildir->folders, by_name);
    }
    if (result == PH_OK) {
        count_files(fd, &maildir->source.count);
        for (size_t i = 0; i < maildir->folder_count; i++) {
            int folder;
            if (open_path(fd, maildir->folders[i], &folder, NULL) == PH_OK) {
                count_files(folder, &maildir->source.count);
                close(folder);
            }
        }
        /* The Maildir itself is the first. */
        maildir->folders =
            ph_realloc(maildir->folders, (maildir->folder_count + 1) * sizeof *maildir->folders);
        memmove(maildir->folders + 1, maildir->folders, maildir->folder_count * sizeof *maildir->folders);
        maildir->folders[0] = ph_strdup("");
        maildir->folder_count++;
    }
    *out_source = &maildir->source;
    if (result != PH_OK) {
        ph_source_close(out_source);
    }
    return result;
}
