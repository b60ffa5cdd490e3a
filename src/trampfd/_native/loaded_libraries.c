/* SPDX-License-Identifier: MIT */
/*
 * install(libraries=True): redirects libffi's closure functions that loaded objects import to those
 * of the preload library.
 *
 * ffi_closure_alloc is redirected last and restored first, because closures that it made must
 * always reach the other functions.  Closures may exist after uninstall(), so the other functions
 * stay redirected; they forward memory of other libraries to libffi.
 */
#include "error.h"
#include "module.h"
#include "state.h"

#include <dlfcn.h>
#include <string.h>

#define ALLOC (LIBRARY_FUNCTIONS - 1)

static const char *const symbols[LIBRARY_FUNCTIONS] = {
    "ffi_closure_free",
    "ffi_prep_closure_loc",
    "ffi_prep_closure",
    "ffi_closure_alloc",
};

static int load_library(const char *path)
{
    struct tfd_redirection rows[LIBRARY_FUNCTIONS] = {{0}};
    void *library;
    int error;

    if (native.libraries.is.rows[ALLOC].to)
        return 0;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* never closed */
    for (int i = 0; library && i < LIBRARY_FUNCTIONS; i++) {
        rows[i].symbol = symbols[i];
        *(void **)&rows[i].to = dlsym(library, symbols[i]);
        if (!rows[i].to)
            library = NULL;
    }
    if (library) {
        error = tfd_sealed_store(&native.libraries, rows, sizeof(rows));
        if (error)
            error_raise(error);
        return error ? -1 : 0;
    }
    PyErr_Format(PyExc_OSError, "%s", dlerror());
    return -1;
}

/* Objects that are not redirected: a tuple of their paths. */
static int is_wanted(const struct tfd_redirected *pointer, void *skipped)
{
    const char **path = skipped;

    while (*path && strcmp(*path, pointer->object))
        path++;
    return !*path;
}

/* Paths of a tuple of bytes, NULL at the end; to be freed by PyMem_Free(). */
static const char **paths_of(PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    const char **paths = PyMem_Calloc((size_t)count + 1, sizeof(*paths));

    if (!paths)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; paths && i < count; i++) {
        paths[i] = PyBytes_AsString(PyTuple_GET_ITEM(tuple, i));
        if (!paths[i]) {
            PyMem_Free(paths);
            return NULL;
        }
    }
    return paths;
}

static PyObject *nothing_or_error(int error)
{
    if (error)
        return error_raise(error);
    Py_RETURN_NONE;
}

/* redirect_libraries(library, paths to skip), the paths as bytes */
static PyObject *redirect_libraries(PyObject *module, PyObject *args)
{
    const char *library, **skipped;
    PyObject *tuple;
    int error;

    (void)module;
    if (!PyArg_ParseTuple(args, "yO!:redirect_libraries", &library, &PyTuple_Type, &tuple)
        || load_library(library))
        return NULL;
    skipped = paths_of(tuple);
    if (!skipped)
        return NULL;
    /* The loader's lock may be held by a thread that waits for the GIL. */
    Py_BEGIN_ALLOW_THREADS
    error = tfd_redirect(native.libraries.is.rows, LIBRARY_FUNCTIONS, is_wanted, skipped);
    Py_END_ALLOW_THREADS
    PyMem_Free(skipped);
    return nothing_or_error(error);
}

static PyObject *restore_libraries(PyObject *module, PyObject *unused)
{
    int error = 0;

    (void)module;
    (void)unused;
    if (native.libraries.is.rows[ALLOC].to) {
        Py_BEGIN_ALLOW_THREADS
        error = tfd_redirect_undo(&native.libraries.is.rows[ALLOC], 1);
        Py_END_ALLOW_THREADS
    }
    return nothing_or_error(error);
}

/* redirected_libraries(): list of (object, symbol, from, to, refused call or None, errno) */
static PyObject *redirected_libraries(PyObject *module, PyObject *unused)
{
    size_t size = tfd_redirect_list(NULL, 0), count;
    struct tfd_redirected *list = PyMem_Calloc(size + 1, sizeof(*list));
    PyObject *result;

    (void)module;
    (void)unused;
    if (!list)
        return PyErr_NoMemory();
    count = tfd_redirect_list(list, size);
    if (count > size)
        count = size;
    result = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; result && i < count; i++) {
        PyObject *one =
            Py_BuildValue("NsKKzi", PyUnicode_DecodeFSDefault(list[i].object), list[i].symbol,
                          (unsigned long long)(uintptr_t)list[i].from,
                          (unsigned long long)(uintptr_t)list[i].to, list[i].call, list[i].error);

        if (one)
            PyList_SET_ITEM(result, (Py_ssize_t)i, one);
        else
            Py_CLEAR(result);
    }
    PyMem_Free(list);
    return result;
}

const PyMethodDef loaded_libraries_functions[] = {
    {"redirect_libraries", redirect_libraries, METH_VARARGS,
     PyDoc_STR("redirect_libraries(library, skipped)\n--\n\n"
               "Let loaded objects, but those of the skipped paths, make closures by a library.")},
    {"restore_libraries", restore_libraries, METH_NOARGS,
     PyDoc_STR("restore_libraries()\n--\n\nLet loaded objects make closures by libffi again.")},
    {"redirected_libraries", redirected_libraries, METH_NOARGS,
     PyDoc_STR("redirected_libraries()\n--\n\n"
               "List of (object, symbol, origin, target, refused call or None, errno).")},
    {NULL, NULL, 0, NULL},
};
