/* SPDX-License-Identifier: MIT */
/*
 * Callbacks with the conversions of ctypes.  The common simple types are converted here;
 * everything else, and every case that raises, goes through ctypes' own public objects
 * (from_address(), .value), so that values and messages are its own.
 *
 * Codes of parameters: the `_type_` letter of a simple type itself (not of a subclass of
 * it, whose instances ctypes passes on); '*' an instance made by calling the class; 'v'
 * no result; '=' a simple type converted through .value; '!' a type that ctypes cannot
 * make an argument of.
 */
#include "attach.h"
#include "native.h"

#include <errno.h>
#include <string.h>

#define FLAG_USE_ERRNO 0x8 /* FUNCFLAG_USE_ERRNO of ctypes */

static PyObject *set_errno; /* _ctypes.set_errno(new) -> old, per thread */

int ctypes_bind(PyObject *module)
{
    PyObject *function = PyObject_GetAttrString(module, "set_errno");

    if (!function)
        return -1;
    Py_XSETREF(set_errno, function);
    return 0;
}

static int prepare(Closure *self, PyObject *error, PyObject *onerror)
{
    (void)self;
    (void)error;
    (void)onerror;
    return 0;
}

static PyObject *instance_at(PyObject *type, void *address)
{
    return PyObject_CallMethod(type, "from_address", "N", PyLong_FromVoidPtr(address));
}

/* ctypes makes the instance by calling the class, then copies the C value into it. */
static PyObject *instance_of(const struct parameter *parameter, const void *data)
{
    PyObject *object = PyObject_CallNoArgs(parameter->type);
    Py_buffer view;

    if (!object)
        return NULL;
    if (PyObject_GetBuffer(object, &view, PyBUF_WRITABLE)) {
        Py_DECREF(object);
        return NULL;
    }
    memcpy(view.buf, data, (size_t)(view.len < parameter->size ? view.len : parameter->size));
    PyBuffer_Release(&view);
    return object;
}

static PyObject *value_at(const struct parameter *parameter, void *data)
{
    PyObject *instance = instance_at(parameter->type, data);
    PyObject *value = instance ? PyObject_GetAttrString(instance, "value") : NULL;

    Py_XDECREF(instance);
    return value;
}

static PyObject *load(const struct parameter *parameter, void *data)
{
    switch (parameter->code) {
    case 'b':
        return PyLong_FromLong(*(signed char *)data);
    case 'B':
        return PyLong_FromLong(*(unsigned char *)data);
    case 'h':
        return PyLong_FromLong(*(short *)data);
    case 'H':
        return PyLong_FromLong(*(unsigned short *)data);
    case 'i':
        return PyLong_FromLong(*(int *)data);
    case 'I':
        return PyLong_FromUnsignedLong(*(unsigned *)data);
    case 'l':
        return PyLong_FromLong(*(long *)data);
    case 'L':
        return PyLong_FromUnsignedLong(*(unsigned long *)data);
    case 'q':
        return PyLong_FromLongLong(*(long long *)data);
    case 'Q':
        return PyLong_FromUnsignedLongLong(*(unsigned long long *)data);
    case 'f':
        return PyFloat_FromDouble(*(float *)data);
    case 'd':
        return PyFloat_FromDouble(*(double *)data);
    case '?':
        return PyBool_FromLong(*(_Bool *)data);
    case 'P':
        if (!*(void **)data)
            Py_RETURN_NONE;
        return PyLong_FromVoidPtr(*(void **)data);
    case '*':
        return instance_of(parameter, data);
    case '!':
#if PY_VERSION_HEX >= 0x030D0000
        PyErr_Format(PyExc_TypeError, "cannot build parameter of type %R", parameter->type);
#else
        PyErr_SetString(PyExc_TypeError, "cannot build parameter");
#endif
        return NULL;
    default:
        return value_at(parameter, data);
    }
}

/*
 * Store through .value.  What ctypes keeps alive for the stored pointer can only be kept
 * for good here; an object that is the result itself is owned by the C caller.
 */
static int store_value(const struct parameter *parameter, void *result, PyObject *value)
{
    PyObject *instance = instance_at(parameter->type, result);
    PyObject *objects = NULL;
    int error = -1;

    if (instance && !PyObject_SetAttrString(instance, "value", value))
        objects = PyObject_GetAttrString(instance, "_objects");
    Py_XDECREF(instance);
    if (objects == Py_None)
        error = 0;
    else if (objects && parameter->code == 'O') {
        Py_INCREF(value);
        error = 0;
    } else if (objects) {
        Py_INCREF(objects);
        error = PyErr_WarnEx(PyExc_RuntimeWarning, "memory leak in callback function.", 1);
    }
    Py_XDECREF(objects);
    return error;
}

static int store_integer(const struct parameter *parameter, void *result, PyObject *value)
{
    unsigned long long number = PyLong_AsUnsignedLongLongMask(value);
    ffi_arg wide = 0;

    if (number == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    memcpy(&wide, &number, (size_t)parameter->size);
    memcpy(result, &wide, sizeof(wide));
    return 0;
}

static int store(const struct parameter *parameter, void *result, PyObject *value)
{
    switch (parameter->code) {
    case 'v':
        return 0;
    case 'b': case 'B': case 'h': case 'H': case 'i': case 'I':
    case 'l': case 'L': case 'q': case 'Q':
        if (PyLong_CheckExact(value))
            return store_integer(parameter, result, value);
        break;
    case 'd':
        if (PyFloat_CheckExact(value)) {
            *(double *)result = PyFloat_AS_DOUBLE(value);
            return 0;
        }
        break;
    }
    return store_value(parameter, result, value);
}

/* Exchange errno with the thread's private copy that ctypes.get_errno() shows. */
static int swap_errno(int *error)
{
    PyObject *old = PyObject_CallFunction(set_errno, "i", *error);

    if (!old)
        return -1;
    *error = (int)PyLong_AsLong(old);
    Py_DECREF(old);
    return PyErr_Occurred() ? -1 : 0;
}

#if PY_VERSION_HEX >= 0x030E0000
#define WHILE "while "
#else
#define WHILE "on "
#endif

static void report(const char *doing, const Closure *self)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyErr_FormatUnraisable("Exception ignored %s ctypes callback function %R", doing,
                           self->callable);
#else
    char text[80];

    snprintf(text, sizeof(text), "%s ctypes callback function", doing);
    _PyErr_WriteUnraisableMsg(text, self->callable);
#endif
}

static void report_argument(const Closure *self, Py_ssize_t index)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyErr_FormatUnraisable("Exception ignored while creating argument %zd for "
                           "ctypes callback function %R", index, self->callable);
#else
    (void)self;
    PySys_FormatStderr(self->signature->arguments[index].code == '!' ? "Parsing argument %zd\n"
                                                                     : "create argument %zd:\n",
                       index);
    PyErr_Print();
#endif
}

static PyObject *call_with_errno(const Closure *self, PyObject **objects, int *error)
{
    PyObject *value;

    if (swap_errno(error))
        return NULL;
    errno = *error;
    value = PyObject_Vectorcall(self->callable, objects, (size_t)self->signature->count, NULL);
    *error = errno;
    if (!value)
        report(WHILE "calling", self);
    if (swap_errno(error)) {
        report(WHILE "calling", self);
        Py_CLEAR(value);
    }
    return value;
}

static void call(const Closure *self, void *result, void **arguments, int *error)
{
    const Signature *signature = self->signature;
    PyObject *objects[signature->count + 1];
    PyObject *value = NULL;
    Py_ssize_t made;

    for (made = 0; made < signature->count; made++) {
        objects[made] = load(&signature->arguments[made], arguments[made]);
        if (!objects[made]) {
            report_argument(self, made);
            goto done;
        }
    }
    if (signature->flags & FLAG_USE_ERRNO) {
        value = call_with_errno(self, objects, error);
    } else {
        value = PyObject_Vectorcall(self->callable, objects, (size_t)made, NULL);
        *error = errno;
        if (!value)
            report(WHILE "calling", self);
    }
    if (value && store(&signature->result, result, value))
        report(WHILE "converting result of", self);
    Py_XDECREF(value);
done:
    while (made > 0)
        Py_DECREF(objects[--made]);
}

static void handler(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    int error = errno;
    Closure *self = user_data;
    struct attachment attachment;

    if (!attach(&attachment)) {
        refuse_call(self->signature, result);
        return;
    }
    /* The result of a callback that raises is not defined by ctypes; zero beats a stale word. */
    if (cif->rtype->type != FFI_TYPE_VOID)
        memset(result, 0, cif->rtype->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : cif->rtype->size);
    Py_INCREF(self);
    call(self, result, arguments, &error);
    Py_DECREF(self);
    detach(&attachment);
    errno = error;
}

const struct kind kind_ctypes = {
    .name = "ctypes",
    .handler = handler,
    .prepare = prepare,
};
