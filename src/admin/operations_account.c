/* SPDX-License-Identifier: Apache-2.0 */
/* Domains, users and aliases. */
#include "admin/operations-private.h"
#include "base/mem.h"

enum { PASSWORD_MAX = 4096 };

/* ---- Domains ---- */

int ph_op_domain_add(struct ph_operation *op)
{
    struct ph_bytes domain;
    int result = ph_op_text(op, "domain", &domain);
    return result == PH_OK ? ph_domain_add(op->admin->accounts, domain, op->err) : result;
}

int ph_op_domain_remove(struct ph_operation *op)
{
    struct ph_bytes domain;
    int result = ph_op_text(op, "domain", &domain);
    return result == PH_OK ? ph_domain_remove(op->admin->accounts, domain, op->err) : result;
}

static int each_domain(struct ph_bytes domain, void *ctx)
{
    return ph_op_item(ctx, json_pack("{s:o}", "domain", ph_op_string(domain)));
}

int ph_op_domain_list(struct ph_operation *op)
{
    return ph_domain_list(op->admin->accounts, each_domain, op, op->err);
}

/* ---- Users ---- */

/* The password is the request's content, so that it stands in no JSON and in no argument. */
static int with_password(struct ph_operation *op,
                         int (*use)(struct ph_operation *op, struct ph_bytes password))
{
    struct ph_spool *content = op->request->content;
    if (content == NULL || content->size == 0) {
        return ph_fail(op->err, PH_EINVALID, "expected a password, found none");
    }
    if (content->size > PASSWORD_MAX) {
        return ph_fail(op->err, PH_EINVALID, "the password is longer than %d octets", PASSWORD_MAX);
    }
    uint8_t password[PASSWORD_MAX];
    size_t len = (size_t)content->size;
    int result = ph_spool_read(content, 0, password, len, op->err);
    if (result == PH_OK) {
        result = use(op, ph_bytes_of(password, len));
    }
    ph_wipe(password, len);
    return result;
}

static int add_user(struct ph_operation *op, struct ph_bytes password)
{
    struct ph_bytes user;
    int result = ph_op_text(op, "user", &user);
    return result == PH_OK ? ph_user_add(op->admin->accounts, user, password, op->err) : result;
}

int ph_op_user_add(struct ph_operation *op)
{
    return with_password(op, add_user);
}

static int set_password(struct ph_operation *op, struct ph_bytes password)
{
    struct ph_bytes user;
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_user_set_password(op->admin->accounts, user, password, op->err);
        /* Whatever the result says: of an unknown outcome the old password is the one to forget. */
        ph_auth_forget(op->admin->auth, user);
    }
    return result;
}

int ph_op_user_passwd(struct ph_operation *op)
{
    return with_password(op, set_password);
}

static void login_done(void *ctx)
{
    ph_op_wait_done(ctx, PH_OK);
}

static int verify(struct ph_operation *op, struct ph_bytes password)
{
    struct ph_bytes user;
    int result = ph_op_user(op, &user);
    if (result != PH_OK) {
        return result;
    }
    struct ph_address nobody = {.family = PH_ADDRESS_UNIX};
    struct ph_login *login = ph_login_new(op->admin->auth, &nobody, "admin");
    struct ph_op_wait wait;
    ph_op_wait_init(&wait);
    ph_login_password(login, user, password, login_done, &wait);
    (void)ph_op_wait_end(&wait);
    if (ph_login_state(login) != PH_LOGIN_OK) {
        const struct ph_error *err = ph_login_error(login);
        result = err->code == PH_EDENIED ? ph_fail(op->err, PH_EDENIED, "the password is wrong")
                                         : ph_fail(op->err, err->code, "%s", err->text);
    }
    ph_login_free(&login);
    return result;
}

int ph_op_user_verify(struct ph_operation *op)
{
    return with_password(op, verify);
}

int ph_op_user_remove(struct ph_operation *op)
{
    struct ph_access access = {.is_administrator = true};
    struct ph_bytes user;
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_mailbox_delete_all(op->admin->mailboxes, &access, user, op->err);
    }
    if (result == PH_OK) {
        result = ph_user_remove(op->admin->accounts, user, op->err);
        ph_auth_forget(op->admin->auth, user);
    }
    if (result != PH_OK) {
        return result;
    }
    /* What was delivered between the two. */
    return ph_mailbox_delete_all(op->admin->mailboxes, &access, user, op->err);
}

static int each_user(struct ph_bytes user, void *ctx)
{
    return ph_op_item(ctx, json_pack("{s:o}", "user", ph_op_string(user)));
}

int ph_op_user_list(struct ph_operation *op)
{
    struct ph_bytes domain;
    int result = ph_op_text_or(op, "domain", PH_BYTES(""), &domain);
    if (result == PH_OK && domain.len > 0) {
        result = ph_domain_check(op->admin->accounts, domain, op->err);
    }
    return result == PH_OK ? ph_user_list(op->admin->accounts, domain, each_user, op, op->err) : result;
}

/* ---- Aliases ---- */

static const char *const type_names[] = {
    [PH_MAPPING_ALIAS] = "alias",
    [PH_MAPPING_GROUP] = "group",
    [PH_MAPPING_FORWARD] = "forward",
};

static int read_mapping(struct ph_operation *op, struct ph_mapping *out_mapping)
{
    struct ph_bytes type = {0};
    int result = ph_op_text(op, "address", &out_mapping->source);
    if (result == PH_OK) {
        result = ph_op_text(op, "target", &out_mapping->target);
    }
    if (result == PH_OK) {
        result = ph_op_text_or(op, "type", PH_BYTES("alias"), &type);
    }
    if (result != PH_OK) {
        return result;
    }
    for (unsigned i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (ph_bytes_eq(type, ph_bytes_str(type_names[i]))) {
            out_mapping->type = i;
            return PH_OK;
        }
    }
    return ph_fail(op->err, PH_EINVALID, "type: expected alias, group or forward, found \"%.*s\"",
                   (int)(type.len > 60 ? 60 : type.len), (const char *)type.ptr);
}

int ph_op_alias_add(struct ph_operation *op)
{
    struct ph_mapping mapping = {0};
    int result = read_mapping(op, &mapping);
    return result == PH_OK ? ph_mapping_add(op->admin->accounts, &mapping, op->err) : result;
}

int ph_op_alias_remove(struct ph_operation *op)
{
    struct ph_mapping mapping = {0};
    int result = read_mapping(op, &mapping);
    return result == PH_OK ? ph_mapping_remove(op->admin->accounts, &mapping, op->err) : result;
}

static int each_mapping(const struct ph_mapping *mapping, void *ctx)
{
    return ph_op_item(ctx, json_pack("{s:o, s:o, s:s}", "address", ph_op_string(mapping->source), "target",
                                     ph_op_string(mapping->target), "type", type_names[mapping->type]));
}

int ph_op_alias_list(struct ph_operation *op)
{
    struct ph_bytes address;
    int result = ph_op_text_or(op, "address", PH_BYTES(""), &address);
    return result == PH_OK ? ph_mapping_list(op->admin->accounts, address, each_mapping, op, op->err)
                           : result;
}
