/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THREAD=REFERENCES (RFC 5256 section 3). The steps are numbered as there.
 *
 * Messages and the dummies that stand for ids nobody has are nodes of one array, tied by the index of their parent. Nothing recurses,
 * for a thread may be as deep as a mailbox is long. A chain deeper than DEPTH_MAX is cut: looking for loops would take too long.
 *
 * Step 3, the pruning, from above: a message hangs below its nearest ancestor that is a message; where there is none, below
 * the outermost dummy, if that has several, else it is a thread of its own. That is what pruning level by level comes to.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "imap/order.h"

enum { DEPTH_MAX = 1000 };

static const uint32_t NONE = UINT32_MAX;

struct node {
    const struct ph_imap_order_entry *entry; /* NULL: a dummy */
    struct ph_bytes id;
    uint32_t parent;     /* NONE: the root */
    uint32_t next_same;  /* in the table of ids */
    uint32_t child_from; /* in `links`, once they are sorted */
    uint32_t child_count;
};

struct link {
    uint32_t parent; /* NONE sorts last */
    uint32_t node;
    const struct ph_imap_order_entry *date; /* by which siblings are sorted: its own, or its first child's */
};

struct forest {
    struct node *nodes;
    uint32_t count;
    uint32_t room;
    uint32_t *buckets;
    uint32_t bucket_mask;
    struct link *links;
    uint32_t link_count;
};

/* ---- Nodes by id ---- */

static uint32_t hash(struct ph_bytes text)
{
    uint32_t value = 2166136261U;
    for (size_t i = 0; i < text.len; i++) {
        value = (value ^ text.ptr[i]) * 16777619U;
    }
    return value;
}

static uint32_t add_node(struct forest *forest, const struct ph_imap_order_entry *entry, struct ph_bytes id)
{
    if (forest->count == forest->room) {
        forest->room = forest->room == 0 ? 256 : forest->room * 2;
        forest->nodes = ph_realloc(forest->nodes, forest->room * sizeof *forest->nodes);
    }
    forest->nodes[forest->count] = (struct node){.entry = entry, .id = id, .parent = NONE, .next_same = NONE};
    return forest->count++;
}

static uint32_t find_or_add(struct forest *forest, struct ph_bytes id)
{
    uint32_t *bucket = &forest->buckets[hash(id) & forest->bucket_mask];
    for (uint32_t at = *bucket; at != NONE; at = forest->nodes[at].next_same) {
        if (ph_bytes_eq(forest->nodes[at].id, id)) {
            return at;
        }
    }
    uint32_t added = add_node(forest, NULL, id);
    forest->nodes[added].next_same = *bucket;
    *bucket = added;
    return added;
}

/* ---- 1: parents ---- */

static bool would_loop(const struct forest *forest, uint32_t child, uint32_t parent)
{
    unsigned depth = 0;
    for (uint32_t at = parent; at != NONE; at = forest->nodes[at].parent) {
        if (at == child || ++depth > DEPTH_MAX) {
            return true;
        }
    }
    return false;
}

static void add_message(struct forest *forest, const struct ph_imap_order_entry *entry)
{
    uint32_t at = NONE;
    if (entry->id.len > 0) {
        at = find_or_add(forest, entry->id);
    }
    if (at == NONE || forest->nodes[at].entry != NULL) {
        at = add_node(forest, entry, PH_BYTES("")); /* no id, or one that another has */
    }
    forest->nodes[at].entry = entry;
    uint32_t before = NONE;
    for (size_t i = 0; i < entry->parent_count; i++) {
        uint32_t reference = find_or_add(forest, entry->parents[i]);
        if (before != NONE && forest->nodes[reference].parent == NONE &&
            !would_loop(forest, reference, before)) {
            forest->nodes[reference].parent = before;
        }
        before = reference;
    }
    if (before != NONE) {
        forest->nodes[at].parent = NONE;
        if (!would_loop(forest, at, before)) {
            forest->nodes[at].parent = before;
        }
    }
}

/* ---- 2 and 3: the tree, without needless dummies ---- */

/* What a node hangs below: see the head of this file. */
static uint32_t place_of(const struct forest *forest, uint32_t at)
{
    uint32_t outermost = NONE;
    for (uint32_t above = forest->nodes[at].parent; above != NONE; above = forest->nodes[above].parent) {
        if (forest->nodes[above].entry != NULL) {
            return above;
        }
        outermost = above;
    }
    return outermost;
}

static void prune(struct forest *forest)
{
    uint32_t *places = ph_alloc((forest->count + (size_t)1) * sizeof *places);
    uint32_t *children = ph_alloc((forest->count + (size_t)1) * sizeof *children);
    memset(children, 0, (forest->count + (size_t)1) * sizeof *children);
    for (uint32_t at = 0; at < forest->count; at++) {
        places[at] = forest->nodes[at].entry == NULL ? NONE : place_of(forest, at);
        if (places[at] != NONE) {
            children[places[at]]++;
        }
    }
    for (uint32_t at = 0; at < forest->count; at++) {
        uint32_t place = places[at];
        bool is_alone = place != NONE && forest->nodes[place].entry == NULL && children[place] == 1;
        forest->nodes[at].parent = is_alone ? NONE : place;
    }
    free(places);
    free(children);
}

/* ---- Siblings in order ---- */

static int by_parent(const void *a, const void *b)
{
    const struct link *left = a;
    const struct link *right = b;
    if (left->parent != right->parent) {
        return left->parent < right->parent ? -1 : 1;
    }
    return ph_imap_order_by_date(left->date, right->date);
}

/* Sorts all siblings by date. Of a dummy, which only stands at the top, the date is its earliest child's. */
static void sort_siblings(struct forest *forest)
{
    const struct ph_imap_order_entry **dates = ph_alloc((forest->count + (size_t)1) * sizeof *dates);
    for (uint32_t at = 0; at < forest->count; at++) {
        dates[at] = forest->nodes[at].entry;
    }
    for (uint32_t at = 0; at < forest->count; at++) {
        const struct ph_imap_order_entry *entry = forest->nodes[at].entry;
        uint32_t parent = forest->nodes[at].parent;
        if (entry == NULL || parent == NONE || forest->nodes[parent].entry != NULL) {
            continue;
        }
        if (dates[parent] == NULL || ph_imap_order_by_date(entry, dates[parent]) < 0) {
            dates[parent] = entry;
        }
    }
    free(forest->links);
    forest->links = ph_alloc((forest->count + (size_t)1) * sizeof *forest->links);
    forest->link_count = 0;
    for (uint32_t at = 0; at < forest->count; at++) {
        forest->nodes[at].child_count = 0;
        if (dates[at] != NULL) { /* else a dummy without children: it is gone */
            forest->links[forest->link_count++] = (struct link){forest->nodes[at].parent, at, dates[at]};
        }
    }
    free(dates);
    if (forest->link_count > 0) {
        qsort(forest->links, forest->link_count, sizeof *forest->links, by_parent);
    }
    for (uint32_t i = 0; i < forest->link_count; i++) {
        uint32_t parent = forest->links[i].parent;
        if (parent == NONE) {
            continue;
        }
        struct node *node = &forest->nodes[parent];
        node->child_from = node->child_count == 0 ? i : node->child_from;
        node->child_count++;
    }
}

static uint32_t first_root(const struct forest *forest)
{
    uint32_t low = 0;
    uint32_t high = forest->link_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (forest->links[middle].parent != NONE) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- 5: threads of one subject ---- */

static const struct ph_imap_order_entry *subject_entry(const struct forest *forest, uint32_t root)
{
    const struct node *node = &forest->nodes[root];
    return node->entry != NULL ? node->entry : forest->nodes[forest->links[node->child_from].node].entry;
}

static bool is_reply(const struct forest *forest, uint32_t root)
{
    return subject_entry(forest, root)->is_reply;
}

static bool is_dummy(const struct forest *forest, uint32_t root)
{
    return forest->nodes[root].entry == NULL;
}

/* An open table of roots by their subject. */
static uint32_t *subject_slot(const struct forest *forest, uint32_t *table, uint32_t mask,
                              struct ph_bytes subject)
{
    uint32_t at = hash(subject) & mask;
    while (table[at] != NONE && !ph_bytes_eq(subject_entry(forest, table[at])->subject, subject)) {
        at = (at + 1) & mask;
    }
    return &table[at];
}

static void adopt_children(struct forest *forest, uint32_t from, uint32_t to)
{
    const struct node *node = &forest->nodes[from];
    for (uint32_t i = 0; i < node->child_count; i++) {
        forest->nodes[forest->links[node->child_from + i].node].parent = to;
    }
}

/* (5)(C): ROOT joins what the table has. MADE[that]: the dummy that was made to hold it, or NONE. */
static void merge(struct forest *forest, uint32_t root, uint32_t kept, uint32_t *made)
{
    if (is_dummy(forest, kept) && is_dummy(forest, root)) {
        adopt_children(forest, root, kept);
    } else if (is_dummy(forest, kept)) {
        forest->nodes[root].parent = kept;
    } else if (made[kept] != NONE) {
        forest->nodes[root].parent = made[kept];
    } else if (is_reply(forest, root) && !is_reply(forest, kept)) {
        forest->nodes[root].parent = kept;
    } else {
        uint32_t dummy = add_node(forest, NULL, PH_BYTES(""));
        forest->nodes[kept].parent = dummy;
        forest->nodes[root].parent = dummy;
        made[kept] = dummy;
    }
}

static void gather_subjects(struct forest *forest)
{
    uint32_t from = first_root(forest);
    uint32_t roots = forest->link_count - from;
    uint32_t nodes_before = forest->count;
    uint32_t mask = 1;
    while (mask < roots * (uint64_t)2) {
        mask = mask * 2 + 1;
    }
    uint32_t *table = ph_alloc((mask + (size_t)1) * sizeof *table);
    uint32_t *made = ph_alloc((nodes_before + (size_t)1) * sizeof *made);
    memset(table, 0xff, (mask + (size_t)1) * sizeof *table);
    memset(made, 0xff, (nodes_before + (size_t)1) * sizeof *made);
    for (uint32_t i = from; i < forest->link_count; i++) { /* (B) */
        uint32_t root = forest->links[i].node;
        struct ph_bytes subject = subject_entry(forest, root)->subject;
        if (subject.len == 0) {
            continue;
        }
        uint32_t *slot = subject_slot(forest, table, mask, subject);
        bool replaces = *slot == NONE || (!is_dummy(forest, *slot) && is_dummy(forest, root)) ||
                        (is_dummy(forest, *slot) == is_dummy(forest, root) && is_reply(forest, *slot) &&
                         !is_reply(forest, root));
        if (replaces) {
            *slot = root;
        }
    }
    for (uint32_t i = from; i < forest->link_count; i++) { /* (C) */
        uint32_t root = forest->links[i].node;
        struct ph_bytes subject = subject_entry(forest, root)->subject;
        if (subject.len == 0) {
            continue;
        }
        uint32_t kept = *subject_slot(forest, table, mask, subject);
        if (kept != root) {
            merge(forest, root, kept, made);
        }
    }
    free(table);
    free(made);
}

/* ---- The answer ---- */

struct pending {
    uint32_t node; /* NONE: ")" */
};

static void put_threads(const struct forest *forest, struct ph_buf *out, const struct ph_view_session *view,
                        bool is_uid)
{
    uint32_t from = first_root(forest);
    size_t depth = 0;
    struct pending *stack = ph_alloc(((size_t)forest->link_count * 2 + 2) * sizeof *stack);
    for (uint32_t i = forest->link_count; i > from; i--) {
        stack[depth++] = (struct pending){NONE};
        stack[depth++] = (struct pending){forest->links[i - 1].node};
    }
    while (depth > 0) {
        uint32_t at = stack[--depth].node;
        if (at == NONE) {
            ph_buf_byte(out, ')');
            continue;
        }
        ph_buf_byte(out, '(');
        for (const char *blank = "";; blank = " ") {
            const struct node *node = &forest->nodes[at];
            ph_buf_str(out, blank);
            if (node->entry != NULL) {
                ph_imap_order_put_number(out, view, node->entry->number, is_uid);
            }
            if (node->child_count == 1) {
                at = forest->links[node->child_from].node;
                continue;
            }
            ph_buf_str(out, node->child_count > 0 && node->entry != NULL ? " " : "");
            for (uint32_t i = node->child_count; i > 0; i--) {
                stack[depth++] = (struct pending){NONE};
                stack[depth++] = (struct pending){forest->links[node->child_from + i - 1].node};
            }
            break;
        }
    }
    free(stack);
}

void ph_imap_thread_references(const struct ph_imap_order *order, struct ph_buf *out,
                               const struct ph_view_session *view, bool is_uid)
{
    struct forest forest = {.nodes = NULL, .bucket_mask = 255};
    while (forest.bucket_mask < order->count * 4 && forest.bucket_mask < (1U << 22)) {
        forest.bucket_mask = forest.bucket_mask * 2 + 1;
    }
    forest.buckets = ph_alloc((forest.bucket_mask + (size_t)1) * sizeof *forest.buckets);
    memset(forest.buckets, 0xff, (forest.bucket_mask + (size_t)1) * sizeof *forest.buckets);
    for (size_t i = 0; i < order->count; i++) {
        add_message(&forest, &order->entries[i]);
    }
    prune(&forest);
    sort_siblings(&forest);
    gather_subjects(&forest);
    sort_siblings(&forest);
    put_threads(&forest, out, view, is_uid);
    free(forest.nodes);
    free(forest.buckets);
    free(forest.links);
}
