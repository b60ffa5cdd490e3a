/* SPDX-License-Identifier: MIT */
/*
 * The native stacks of processes that this one traces, as libdw of elfutils unwinds them.
 *
 * libdw is loaded when the first stack is asked for, so that it need not be there, neither to build
 * trampfd nor to run it.  These functions have kept their form since elfutils 0.158.  It calls back,
 * which is why this is written in C: in Python, that would take a closure.
 */
#include "module.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CAPSULE "trampfd unwinder"
#define MAX_FRAMES 64

enum { GO_ON = 0, STOP = 1 };

struct callbacks {
    void *find_elf;
    int (*find_debuginfo)(void);
    void *section_address;
    char **debuginfo_path;
};

static struct {
    void *(*begin)(const struct callbacks *);
    void (*end)(void *);
    void (*report_begin)(void *);
    int (*report_end)(void *, void *, void *);
    int (*proc_report)(void *, pid_t);
    int (*proc_attach)(void *, pid_t, bool);
    int (*thread_frames)(void *, pid_t, int (*)(void *, void *), void *);
    bool (*frame_pc)(void *, uint64_t *, bool *);
    void *(*address_module)(void *, uint64_t);
    const char *(*module_info)(void *, void ***, uint64_t *, uint64_t *, uint64_t *, uint64_t *,
                               const char **, const char **);
    const char *(*address_name)(void *, uint64_t);
} libdw;

/* What a file itself says is enough; to look elsewhere can mean to ask servers. */
static int no_debuginfo(void)
{
    return -1;
}

static struct callbacks callbacks;

static int load_libdw(void)
{
    struct {
        const char *name;
        void *to;
    } const functions[] = {
        {"dwfl_linux_proc_find_elf", &callbacks.find_elf},
        {"dwfl_end", &libdw.end},
        {"dwfl_report_begin", &libdw.report_begin},
        {"dwfl_report_end", &libdw.report_end},
        {"dwfl_linux_proc_report", &libdw.proc_report},
        {"dwfl_linux_proc_attach", &libdw.proc_attach},
        {"dwfl_getthread_frames", &libdw.thread_frames},
        {"dwfl_frame_pc", &libdw.frame_pc},
        {"dwfl_addrmodule", &libdw.address_module},
        {"dwfl_module_info", &libdw.module_info},
        {"dwfl_module_addrname", &libdw.address_name},
        {"dwfl_begin", &libdw.begin},
    };
    void *library;

    if (libdw.begin)
        return 0;
    /* Here, so that no pointer to code is in writable memory of a process that does not trace. */
    callbacks.find_debuginfo = no_debuginfo;
    library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL); /* never closed */
    for (size_t i = 0; library && i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *function = dlsym(library, functions[i].name);

        if (!function)
            library = NULL;
        *(void **)functions[i].to = function;
    }
    if (library)
        return 0;
    PyErr_Format(PyExc_OSError, "%s", dlerror());
    return -1;
}

static void end(PyObject *capsule)
{
    libdw.end(PyCapsule_GetPointer(capsule, CAPSULE));
}

static PyObject *new_unwinder(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    void *dwfl;
    int pid;

    (void)module;
    if (!PyArg_ParseTuple(args, "i:unwinder", &pid) || load_libdw())
        return NULL;
    dwfl = libdw.begin(&callbacks);
    if (!dwfl)
        return PyErr_NoMemory();
    capsule = PyCapsule_New(dwfl, CAPSULE, end);
    if (!capsule)
        libdw.end(dwfl);
    else if (libdw.proc_report(dwfl, pid) || libdw.report_end(dwfl, NULL, NULL)
             || libdw.proc_attach(dwfl, pid, true)) {
        Py_DECREF(capsule);
        return PyErr_Format(PyExc_OSError, "libdw cannot look into process %d", pid);
    }
    return capsule;
}

struct walk {
    void *dwfl;
    PyObject *frames;
};

static int add_frame(void *state, void *of)
{
    uint64_t pc, start = 0;
    struct walk *walk = of;
    const char *file = NULL;
    const char *function = NULL;
    bool is_activation;
    PyObject *frame;
    void *module;
    int error;

    if (!libdw.frame_pc(state, &pc, &is_activation))
        return STOP;
    pc -= is_activation ? 0 : 1; /* of a caller, the call is just before where it goes on */
    module = libdw.address_module(walk->dwfl, pc);
    if (module) {
        file = libdw.module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
        function = libdw.address_name(module, pc);
    }
    frame =
        Py_BuildValue("KKzz", (unsigned long long)pc, (unsigned long long)start, file, function);
    error = !frame || PyList_Append(walk->frames, frame);
    Py_XDECREF(frame);
    return error || PyList_GET_SIZE(walk->frames) == MAX_FRAMES ? STOP : GO_ON;
}

static PyObject *unwind(PyObject *module, PyObject *args)
{
    PyObject *capsule;
    struct walk walk;
    int pid, task;

    (void)module;
    if (!PyArg_ParseTuple(args, "Oii:unwind", &capsule, &pid, &task))
        return NULL;
    walk.dwfl = PyCapsule_GetPointer(capsule, CAPSULE);
    walk.frames = walk.dwfl ? PyList_New(0) : NULL;
    if (!walk.frames)
        return NULL;
    /* What the process has loaded since; of what it had, libdw keeps what it has read. */
    libdw.report_begin(walk.dwfl);
    if (!libdw.proc_report(walk.dwfl, pid) && !libdw.report_end(walk.dwfl, NULL, NULL))
        libdw.thread_frames(walk.dwfl, task, add_frame, &walk);
    if (PyErr_Occurred())
        Py_CLEAR(walk.frames);
    return walk.frames;
}

const PyMethodDef unwind_functions[] = {
    {"unwinder", new_unwinder, METH_VARARGS,
     PyDoc_STR("unwinder(pid)\n--\n\n"
               "For unwind(), until the process executes another program; it has to be traced and\n"
               "stopped.  Raises OSError, also where there is no libdw.")},
    {"unwind", unwind, METH_VARARGS,
     PyDoc_STR("unwind(unwinder, pid, task)\n--\n\n"
               "List of (address, start of the file's mapping, file or None, function or None),\n"
               "the innermost frame first.  As far as libdw gets, which may be nowhere.")},
    {NULL, NULL, 0, NULL},
};
