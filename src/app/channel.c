/* SPDX-License-Identifier: Apache-2.0 */
#include "app/channel.h"

#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/client.h"
#include "app/layers.h"
#include "base/mem.h"

enum { PATIENCE_MS = 10000, PAUSE_MS = 50 };

struct ph_channel {
    const struct ph_config *config;
    struct ph_admin_client *client; /* NULL: the store is open here */
    struct ph_log log;
    struct ph_layers layers;
    struct ph_admin admin;
    bool is_split; /* we are root and the store is somebody else's */
    uid_t owner;
    gid_t group;
};

/* ---- Who we are towards the file system; the store's threads are made as its owner and stay it ---- */

static void enter_store(const struct ph_channel *channel)
{
    if (channel->is_split) {
        setfsgid(channel->group);
        setfsuid(channel->owner);
    }
}

static void leave_store(const struct ph_channel *channel)
{
    if (channel->is_split) {
        setfsuid(geteuid());
        setfsgid(getegid());
    }
}

static int find_owner(struct ph_channel *channel, struct ph_error *err)
{
    struct stat info;
    if (geteuid() != 0 || stat(channel->config->root->data_dir, &info) != 0 || info.st_uid == 0) {
        return PH_OK;
    }
    channel->owner = info.st_uid;
    channel->group = info.st_gid;
    channel->is_split = true;
    enter_store(channel);
    /* The call tells who one was before, and changes nothing for an id that cannot be. */
    bool is_owner = setfsuid((uid_t)-1) == (int)channel->owner && setfsgid((gid_t)-1) == (int)channel->group;
    leave_store(channel);
    return is_owner
               ? PH_OK
               : ph_fail(err, PH_EDENIED, "becoming the owner of %.160s", channel->config->root->data_dir);
}

/* ---- There or here ---- */

static int open_here(struct ph_channel *channel, struct ph_error *err)
{
    int result = find_owner(channel, err);
    if (result != PH_OK) {
        return result;
    }
    ph_layers_log(channel->config, &channel->log);
    if (channel->log.level < PH_LOG_WARNING) {
        channel->log.level = PH_LOG_WARNING;
    }
    enter_store(channel);
    result = ph_layers_open(&channel->layers, channel->config, &channel->log, true, err);
    leave_store(channel);
    if (result == PH_OK) {
        channel->admin = ph_layers_admin(&channel->layers);
    }
    return result;
}

int ph_channel_open(const struct ph_config *config, struct ph_channel **out_channel, struct ph_error *err)
{
    struct ph_channel *channel = ph_zalloc(sizeof *channel);
    channel->config = config;
    char *socket_path = ph_layers_path(config, "admin.sock");
    int result = PH_EBUSY;
    struct ph_error trouble = {0};
    for (unsigned waited_ms = 0;; waited_ms += PAUSE_MS) {
        result = ph_admin_connect(socket_path, &channel->client, &trouble);
        if (result == PH_ENOTFOUND) {
            result = open_here(channel, &trouble);
        }
        if (result != PH_EBUSY || waited_ms >= PATIENCE_MS) {
            break;
        }
        usleep(PAUSE_MS * 1000U);
    }
    free(socket_path);
    if (result != PH_OK) {
        *err = trouble;
        free(channel);
        return result;
    }
    *out_channel = channel;
    return PH_OK;
}

void ph_channel_close(struct ph_channel **channel_ptr)
{
    struct ph_channel *channel = *channel_ptr;
    *channel_ptr = NULL;
    if (channel == NULL) {
        return;
    }
    if (channel->client != NULL) {
        ph_admin_disconnect(&channel->client);
    } else {
        enter_store(channel);
        ph_layers_close(&channel->layers);
        leave_store(channel);
    }
    free(channel);
}

/* What a command does with an answer it does as itself, also in the midst of an operation. */
struct own_sink {
    const struct ph_channel *channel;
    const struct ph_admin_sink *sink;
};

static int own_item(void *ctx, json_t *item, struct ph_error *err)
{
    const struct own_sink *own = ctx;
    leave_store(own->channel);
    int result = own->sink->item(own->sink->ctx, item, err);
    enter_store(own->channel);
    return result;
}

static int own_octets(void *ctx, struct ph_bytes octets, struct ph_error *err)
{
    const struct own_sink *own = ctx;
    leave_store(own->channel);
    int result = own->sink->octets(own->sink->ctx, octets, err);
    enter_store(own->channel);
    return result;
}

static int no_item(void *ctx, json_t *item, struct ph_error *err)
{
    (void)ctx;
    (void)item;
    return ph_fail(err, PH_EBUG, "an answer with items that nobody asked for");
}

static int no_octets(void *ctx, struct ph_bytes octets, struct ph_error *err)
{
    (void)octets;
    return no_item(ctx, NULL, err);
}

int ph_channel_ask(struct ph_channel *channel, const char *operation, json_t *arguments,
                   struct ph_spool *content, const struct ph_admin_sink *sink, json_t **out_result,
                   struct ph_error *err)
{
    static const struct ph_admin_sink none = {NULL, no_item, no_octets};
    const struct ph_admin_request request = {operation, arguments, content};
    int result;
    sink = sink == NULL ? &none : sink;
    if (channel->client != NULL) {
        result = ph_admin_ask(channel->client, &request, sink, out_result, err);
    } else {
        struct own_sink own = {channel, sink};
        const struct ph_admin_sink outer = {&own, own_item, own_octets};
        enter_store(channel);
        result = ph_admin_run(&channel->admin, &request, &outer, out_result, err);
        leave_store(channel);
    }
    json_decref(arguments);
    return result;
}
