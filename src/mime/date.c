/* SPDX-License-Identifier: Apache-2.0 */
/* By hand and not by strftime, whose names follow the locale. */
#include "mime/date.h"

#include <time.h>

enum { YEAR_MAX = 9999 };

void ph_date_put(struct ph_buf *out, uint64_t unix_us)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > YEAR_MAX) {
        seconds = 0;
        gmtime_r(&seconds, &tm);
    }
    ph_buf_printf(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
