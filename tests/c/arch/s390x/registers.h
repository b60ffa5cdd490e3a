/* SPDX-License-Identifier: MIT */
/* IBM Z: what stopped.h asks of the registers of a process. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <sys/user.h>

#define REGISTERS struct _user_regs_struct
#define NEXT_INSTRUCTION(registers) ((registers).psw.addr)
#define RETURN_ADDRESS(child, registers) ((void)(child), (registers).gprs[14])

#endif
