/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that nobody here may call: a call is a compile error that names the function.
 *
 * The build includes this file before every source of ours (-include). It includes the system headers that declare
 * the functions first, so that the macros below meet calls and never a declaration.
 *
 * Unbounded or badly bounded copies: use struct ph_buf and ph_bytes. Number parsers without errors: use the parsers
 * of base. Hidden static results, which another thread overwrites: use the _r function. Scanners whose numbers
 * overflow without a word. A shell between us and a program.
 */
#ifndef PH_BASE_BANNED_H
#define PH_BASE_BANNED_H

#include <arpa/inet.h>
#include <libgen.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define PH_BANNED(function) banned_function_##function

#undef strcpy
#define strcpy(...) PH_BANNED(strcpy)
#undef stpcpy
#define stpcpy(...) PH_BANNED(stpcpy)
#undef strcat
#define strcat(...) PH_BANNED(strcat)
#undef strncpy
#define strncpy(...) PH_BANNED(strncpy)
#undef stpncpy
#define stpncpy(...) PH_BANNED(stpncpy)
#undef strncat
#define strncat(...) PH_BANNED(strncat)
#undef sprintf
#define sprintf(...) PH_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) PH_BANNED(vsprintf)
#undef gets
#define gets(...) PH_BANNED(gets)

#undef scanf
#define scanf(...) PH_BANNED(scanf)
#undef fscanf
#define fscanf(...) PH_BANNED(fscanf)
#undef sscanf
#define sscanf(...) PH_BANNED(sscanf)
#undef atoi
#define atoi(...) PH_BANNED(atoi)
#undef atol
#define atol(...) PH_BANNED(atol)
#undef atoll
#define atoll(...) PH_BANNED(atoll)
#undef atof
#define atof(...) PH_BANNED(atof)

#undef strtok
#define strtok(...) PH_BANNED(strtok)
#undef gmtime
#define gmtime(...) PH_BANNED(gmtime)
#undef localtime
#define localtime(...) PH_BANNED(localtime)
#undef ctime
#define ctime(...) PH_BANNED(ctime)
#undef ctime_r
#define ctime_r(...) PH_BANNED(ctime_r)
#undef asctime
#define asctime(...) PH_BANNED(asctime)
#undef asctime_r
#define asctime_r(...) PH_BANNED(asctime_r)
#undef inet_ntoa
#define inet_ntoa(...) PH_BANNED(inet_ntoa)
#undef gethostbyname
#define gethostbyname(...) PH_BANNED(gethostbyname)
#undef rand
#define rand(...) PH_BANNED(rand)
#undef random
#define random(...) PH_BANNED(random)

#undef system
#define system(...) PH_BANNED(system)
#undef popen
#define popen(...) PH_BANNED(popen)
#undef mktemp
#define mktemp(...) PH_BANNED(mktemp)
#undef tmpnam
#define tmpnam(...) PH_BANNED(tmpnam)
#undef tempnam
#define tempnam(...) PH_BANNED(tempnam)
#undef alloca
#define alloca(...) PH_BANNED(alloca)

#endif
