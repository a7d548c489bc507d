/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the configuration for a command, and building from it what can be wrong in files it names.
 */
#ifndef PH_APP_CHECK_CONFIG_H
#define PH_APP_CHECK_CONFIG_H

#include "app/cli.h"
#include "app/config.h"
#include "net/tls.h"

/* Loads what CALL names. The result is an exit code: EX_OK, or EX_CONFIG after every problem was printed to standard
 * error. */
int ph_cli_load_config(const struct ph_cli_call *call, struct ph_config **out_config) PH_MUST_USE;

/* The certificates; *OUT_TLS stays NULL where none is configured. */
int ph_config_tls(const struct ph_config *config, struct ph_tls_context **out_tls,
                  struct ph_error *err) PH_MUST_USE;

#endif
