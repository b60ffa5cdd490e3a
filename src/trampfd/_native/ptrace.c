/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2) for `trampfd trace`, which must not need memory that is writable and executable itself:
 * to import ctypes can make a closure of libffi.
 */
#include "module.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel has it since 5.3; the headers of C libraries have it by several names, or not. */
#define GET_SYSCALL_INFO 0x420e
#define GET_EVENT_MESSAGE 0x4201

enum { AT_ENTRY = 1, AT_EXIT = 2, AT_FILTER = 3 };

struct syscall_info {
    uint8_t op, padding[3];
    uint32_t arch;
    uint64_t instruction_pointer, stack_pointer;
    union {
        struct {
            uint64_t number, arguments[6];
            uint32_t data; /* at AT_FILTER, what the filter returned */
        } entry;
        struct {
            int64_t value;
            uint8_t is_error;
        } exit;
    };
};

static PyObject *call_ptrace(PyObject *module, PyObject *args)
{
    unsigned long address = 0, data = 0;
    int request, task;
    long result;

    (void)module;
    if (!PyArg_ParseTuple(args, "ii|kk:ptrace", &request, &task, &address, &data))
        return NULL;
    result = syscall(SYS_ptrace, request, task, address, data);
    return result < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(result);
}

static PyObject *event_message(PyObject *module, PyObject *args)
{
    unsigned long message = 0;
    int task;

    (void)module;
    if (!PyArg_ParseTuple(args, "i:ptrace_message", &task))
        return NULL;
    if (syscall(SYS_ptrace, GET_EVENT_MESSAGE, task, 0, &message) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromUnsignedLong(message);
}

static PyObject *syscall_info(PyObject *module, PyObject *args)
{
    struct syscall_info info = {0};
    const uint64_t *a = info.entry.arguments;
    int task;

    (void)module;
    if (!PyArg_ParseTuple(args, "i:ptrace_syscall", &task))
        return NULL;
    if (syscall(SYS_ptrace, GET_SYSCALL_INFO, task, sizeof(info), &info) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (info.op == AT_EXIT)
        return Py_BuildValue("iIKL()I", info.op, info.arch, info.stack_pointer, info.exit.value,
                             (unsigned int)info.exit.is_error);
    return Py_BuildValue("iIKK(KKKKKK)I", info.op, info.arch, info.stack_pointer, info.entry.number,
                         a[0], a[1], a[2], a[3], a[4], a[5],
                         info.op == AT_FILTER ? info.entry.data : 0U);
}

/* A signal for one thread, which os.kill() cannot send. */
static PyObject *call_tgkill(PyObject *module, PyObject *args)
{
    int pid, task, number;

    (void)module;
    if (!PyArg_ParseTuple(args, "iii:tgkill", &pid, &task, &number))
        return NULL;
    if (syscall(SYS_tgkill, pid, task, number) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

const PyMethodDef ptrace_functions[] = {
    {"tgkill", call_tgkill, METH_VARARGS,
     PyDoc_STR("tgkill(pid, task, signal)\n--\n\ntgkill(2); raises OSError.")},
    {"ptrace", call_ptrace, METH_VARARGS,
     PyDoc_STR("ptrace(request, task, address=0, data=0)\n--\n\nptrace(2); raises OSError.")},
    {"ptrace_message", event_message, METH_VARARGS,
     PyDoc_STR("ptrace_message(task)\n--\n\nThe message of an event; raises OSError.")},
    {"ptrace_syscall", syscall_info, METH_VARARGS,
     PyDoc_STR("ptrace_syscall(task)\n--\n\n"
               "(1: entry, 2: exit, 3: filter, 0: none; AUDIT_ARCH; stack pointer; number, or\n"
               "result; arguments; data of the filter, or whether the result is an error).\n"
               "Raises OSError.")},
    {NULL, NULL, 0, NULL},
};
