/* SPDX-License-Identifier: Apache-2.0 */
#include "task/maildir_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/courier_sizelist.h"
#include "task/files.h"
#include "task/uidlist.h"

static const size_t LIST_BYTES_MAX = (size_t)1 << 30;
enum { LISTINGS_MAX = 4 }; /* of a directory whose names change */

static void complain(const struct ph_maildir_scan *scan, const char *where, const char *text)
{
    scan->problem(scan->ctx, where, text);
}

/* ---- The files ---- */

static int add_file(void *ctx, const char *name)
{
    struct ph_maildir_scan *scan = ctx;
    struct ph_maildir_name parts;
    if (!ph_maildir_name_parse(ph_bytes_str(name), &parts)) {
        return PH_OK;
    }
    if (scan->count == scan->capacity) {
        scan->capacity = scan->capacity == 0 ? 64 : scan->capacity * 2;
        scan->files = ph_realloc(scan->files, scan->capacity * sizeof *scan->files);
    }
    struct ph_maildir_file *file = &scan->files[scan->count++];
    *file = (struct ph_maildir_file){.is_new = scan->is_adding_new};
    file->name = ph_arena_strdup(&scan->arena, ph_bytes_str(name));
    (void)ph_maildir_name_parse(ph_bytes_str(file->name), &file->parts);
    return PH_OK;
}

static int add_files(struct ph_maildir_scan *scan, int directory, const char *name, struct ph_error *err)
{
    int fd;
    int result = ph_files_open_directory(directory, name, &fd, err);
    if (result == PH_ENOTFOUND) {
        return PH_OK;
    }
    if (result != PH_OK) {
        return result;
    }
    scan->is_adding_new = strcmp(name, "new") == 0;
    result = ph_files_list(fd, add_file, scan, err);
    close(fd);
    return result;
}

static int compare_base(struct ph_bytes a, struct ph_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int by_base(const void *a, const void *b)
{
    return compare_base(((const struct ph_maildir_file *)a)->parts.base,
                        ((const struct ph_maildir_file *)b)->parts.base);
}

static int by_uid(const void *left, const void *right)
{
    const struct ph_maildir_file *a = left;
    const struct ph_maildir_file *b = right;
    if (a->uid != b->uid) {
        /* 0, none, is behind all others. */
        return a->uid - 1 < b->uid - 1 ? -1 : 1;
    }
    if (a->parts.delivered_s != b->parts.delivered_s) {
        return a->parts.delivered_s < b->parts.delivered_s ? -1 : 1;
    }
    return compare_base(a->parts.base, b->parts.base);
}

/* Files are by base name. NULL: there is none (any more). */
static struct ph_maildir_file *find(struct ph_maildir_scan *scan, struct ph_bytes base)
{
    const struct ph_maildir_file wanted = {.parts = {.base = base}};
    return scan->count == 0 ? NULL : bsearch(&wanted, scan->files, scan->count, sizeof *scan->files, by_base);
}

/* ---- The lists ---- */

/* The text of a list, in the arena; empty where there is none. */
static struct ph_bytes read_list(struct ph_maildir_scan *scan, int directory, const char *name)
{
    struct ph_buf text = PH_BUF(LIST_BYTES_MAX);
    struct ph_error err = {0};
    int result = ph_files_read(directory, name, &text, &err);
    if (result != PH_OK && result != PH_ENOTFOUND) {
        complain(scan, name, err.text);
    }
    struct ph_bytes bytes = {0};
    if (result == PH_OK && text.len > 0) {
        bytes = ph_arena_bytes(&scan->arena, ph_buf_view(&text));
    }
    ph_buf_fini(&text);
    return bytes;
}

static void say_broken(const struct ph_maildir_scan *scan, const char *name, size_t lines)
{
    if (lines > 0) {
        char text[64];
        snprintf(text, sizeof text, "%zu lines make no sense and were passed over", lines);
        complain(scan, name, text);
    }
}

static bool join_uidlist(struct ph_maildir_scan *scan, int directory, const char *name)
{
    struct ph_bytes text = read_list(scan, directory, name);
    struct ph_uidlist list;
    struct ph_error err = {0};
    if (text.len == 0) {
        return false;
    }
    if (ph_uidlist_begin(&list, text, &err) != PH_OK) {
        complain(scan, name, err.text);
        return false;
    }
    struct ph_uidlist_entry entry;
    while (ph_uidlist_next(&list, &entry)) {
        struct ph_maildir_file *file = find(scan, entry.base);
        if (file != NULL && file->uid == 0) {
            file->uid = entry.uid;
            file->guid = entry.guid;
            file->uidl = entry.has_uidl && entry.uidl.len == 0 ? file->parts.base : entry.uidl;
        }
    }
    say_broken(scan, name, list.broken);
    scan->uid_validity = list.uid_validity;
    scan->uid_next = list.uid_next > list.last_uid ? list.uid_next : list.last_uid + 1;
    return true;
}

static void join_courier(struct ph_maildir_scan *scan, int directory)
{
    static const char name[] = "courierpop3dsizelist";
    struct ph_bytes text = read_list(scan, directory, name);
    struct ph_courier_sizelist list;
    struct ph_error err = {0};
    if (text.len == 0) {
        return;
    }
    if (ph_courier_sizelist_begin(&list, text, &err) != PH_OK) {
        complain(scan, name, err.text);
        return;
    }
    struct ph_courier_entry entry;
    while (ph_courier_sizelist_next(&list, &entry)) {
        struct ph_maildir_file *file = find(scan, entry.base);
        if (file != NULL && file->uidl.len == 0) {
            file->uidl = ph_arena_bytes(&scan->arena, ph_bytes_str(entry.uidl));
        }
    }
    say_broken(scan, name, list.broken);
}

static void join_keywords(struct ph_maildir_scan *scan, int directory)
{
    static const char name[] = "dovecot-keywords";
    ph_dovecot_keywords_parse(&scan->keywords, read_list(scan, directory, name));
    say_broken(scan, name, scan->keywords.broken);
}

static bool is_at_rest(int directory)
{
    return ph_files_at_rest(directory, "new") && ph_files_at_rest(directory, "cur");
}

/* A file that was moved from new to cur while we read is in both lists, and one listed again in each listing. */
static void drop_twins(struct ph_maildir_scan *scan)
{
    size_t kept = 0;
    for (size_t i = 0; i < scan->count; i++) {
        if (kept == 0 || compare_base(scan->files[kept - 1].parts.base, scan->files[i].parts.base) != 0) {
            scan->files[kept++] = scan->files[i];
        }
    }
    scan->count = kept;
}

int ph_maildir_scan(struct ph_maildir_scan *scan, int directory, struct ph_error *err)
{
    ph_arena_init(&scan->arena, (size_t)1 << 16);
    bool was_at_rest;
    unsigned rounds = 0;
    int result;
    do {
        was_at_rest = is_at_rest(directory);
        result = add_files(scan, directory, "new", err);
        if (result == PH_OK) {
            result = add_files(scan, directory, "cur", err);
        }
    } while (result == PH_OK && ++rounds < LISTINGS_MAX && !(was_at_rest && is_at_rest(directory)));
    if (result != PH_OK || scan->count == 0) {
        scan->count = 0;
    }
    if (scan->count > 0) {
        qsort(scan->files, scan->count, sizeof *scan->files, by_base);
        drop_twins(scan);
    }
    if (result == PH_OK) {
        scan->is_dovecot = join_uidlist(scan, directory, "dovecot-uidlist");
        if (!scan->is_dovecot) {
            (void)join_uidlist(scan, directory, "courierimapuiddb");
            join_courier(scan, directory);
        }
        join_keywords(scan, directory);
    }
    if (scan->count > 0) {
        qsort(scan->files, scan->count, sizeof *scan->files, by_uid);
    }
    return result;
}

void ph_maildir_scan_fini(struct ph_maildir_scan *scan)
{
    free(scan->files);
    scan->files = NULL;
    scan->count = scan->capacity = 0;
    ph_arena_fini(&scan->arena);
}
