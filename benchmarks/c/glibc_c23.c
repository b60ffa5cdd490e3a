/* SPDX-License-Identifier: MIT */
/*
 * Objects that were compiled against glibc 2.38 call the scanf of C23 by a name that an
 * older glibc has not.  What differs, binary numbers, libffi does not read.
 */
#include <stdarg.h>
#include <stdio.h>

int __isoc23_sscanf(const char *text, const char *format, ...);

int __isoc23_sscanf(const char *text, const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vsscanf(text, format, arguments);
    va_end(arguments);
    return count;
}
