/* SPDX-License-Identifier: MIT */
/*
 * Callbacks with the conversions of ctypes.  Simple types of the native byte order are
 * converted here; everything else, and every case that raises, goes through an instance and
 * its .value, so that values and messages are ctypes' own.
 *
 * Codes of parameters: the `_type_` letter of a simple type itself (not of a subclass of
 * it, whose instances ctypes passes on); '*' an instance made by calling the class, '~' of
 * one that may get fields of its own yet; 'v' no result; '=' a simple type converted through
 * .value; '!' a type that ctypes cannot make an argument of.
 */
#include "convert.h"
#include "ctypes_instance.h"
#include "dispatch.h"
#include "error.h"
#include "interpreter.h"
#include "late.h"
#include "module.h"
#include "state.h"

#include <errno.h>
#include <string.h>

#define REUSED '*'         /* the code of arguments whose instances are reused */
#define FLAG_USE_ERRNO 0x8 /* FUNCFLAG_USE_ERRNO of ctypes */

/* Takes the references if these are the first; 0, or a negative errno. */
static int keep_objects(struct interpreter *interpreter, const struct ctypes_objects *found)
{
    if (!interpreter->ctypes.is.set_errno)
        return tfd_sealed_store(&interpreter->ctypes, found, sizeof(*found));
    Py_DECREF(found->simple_class);
    Py_DECREF(found->simple_value);
    Py_DECREF(found->set_errno);
    return 0;
}

/* init_ctypes(_ctypes, signature_of) */
static PyObject *ctypes_init(PyObject *module, PyObject *args)
{
    PyObject *ctypes, *signature_of;
    int is_parsed = PyArg_ParseTuple(args, "OO:init_ctypes", &ctypes, &signature_of);
    PyObject *simple = is_parsed ? PyObject_GetAttrString(ctypes, "_SimpleCData") : NULL;
    PyObject *value = simple ? PyObject_GetAttrString(simple, "value") : NULL;
    PyObject *function = value ? PyObject_GetAttrString(ctypes, "set_errno") : NULL;
    PyObject *pointer = function ? PyObject_GetAttrString(ctypes, "CFuncPtr") : NULL;
    const struct ctypes_objects found = {function, simple, value};
    int error;

    (void)module; /* with the GIL there are no critical sections */
    if (pointer && !late_init() && !ctypes_make_init((PyTypeObject *)pointer, signature_of)) {
        Py_BEGIN_CRITICAL_SECTION(module);
        error = redirect_init((PyTypeObject *)pointer);
        if (!error)
            error = keep_objects(interpreter_now(), &found);
        Py_END_CRITICAL_SECTION();
        Py_DECREF(pointer);
        if (!error)
            Py_RETURN_NONE;
        return error_raise(error);
    }
    Py_XDECREF(pointer);
    Py_XDECREF(simple);
    Py_XDECREF(value);
    Py_XDECREF(function);
    return NULL;
}

static PyObject *make(PyObject *module, PyObject *args)
{
    PyTypeObject *cls;
    PyObject *callable;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O:make_ctypes", &PyType_Type, &cls, &callable))
        return NULL;
    return ctypes_make(cls, callable);
}

/*
 * Neither a constructor of the class's own is called, nor, as by from_address(), an audit
 * hook.
 */
static PyObject *bare_instance(const struct parameter *parameter)
{
    PyObject *none = PyTuple_New(0);
    PyTypeObject *simple = (PyTypeObject *)parameter->interpreter->ctypes.is.simple_class;
    PyObject *object = none ? simple->tp_new((PyTypeObject *)parameter->type, none, NULL) : NULL;

    Py_XDECREF(none);
    return object;
}

static int copy_out(PyObject *instance, const struct parameter *parameter, void *data)
{
    Py_buffer view;

    if (PyObject_GetBuffer(instance, &view, PyBUF_SIMPLE))
        return -1;
    if (parameter->ffi->type == FFI_TYPE_FLOAT) /* which libffi does not extend */
        memcpy(data, view.buf, (size_t)parameter->size);
    else
        store_narrow(data, view.buf, parameter->size, parameter->extension == 's');
    PyBuffer_Release(&view);
    return 0;
}

/*
 * With more fields the structure, and all arguments after it, were passed in other places than
 * those of the signature.  That is the case here only if late.h does not apply.
 */
static PyObject *load_open(const struct parameter *parameter, void *data)
{
    if (!late_is_outdated(parameter))
        return ctypes_load_instance(parameter, data);
    late_refuse(parameter);
    return NULL;
}

/* By ctypes' own .value, even if the class defines another one. */
static PyObject *load_value(const struct parameter *parameter, void *data)
{
    PyObject *instance = bare_instance(parameter);
    PyObject *descriptor = parameter->interpreter->ctypes.is.simple_value;
    PyObject *value = NULL;

    if (instance && !ctypes_fill(instance, data, parameter->size))
        value =
            Py_TYPE(descriptor)->tp_descr_get(descriptor, instance, (PyObject *)Py_TYPE(instance));
    Py_XDECREF(instance);
    return value;
}

static PyObject *load_pointer(const struct parameter *parameter, void *data)
{
    (void)parameter;
    if (!*(void **)data)
        Py_RETURN_NONE;
    return PyLong_FromVoidPtr(*(void **)data);
}

static PyObject *load_bool(const struct parameter *parameter, void *data)
{
    (void)parameter;
    return PyBool_FromLong(*(_Bool *)data);
}

static PyObject *load_string(const struct parameter *parameter, void *data)
{
    (void)parameter;
    if (!*(char **)data)
        Py_RETURN_NONE;
    return PyBytes_FromString(*(char **)data);
}

static PyObject *load_long_double(const struct parameter *parameter, void *data)
{
    (void)parameter;
    return PyFloat_FromDouble((double)*(long double *)data);
}

static PyObject *load_wide_char(const struct parameter *parameter, void *data)
{
    (void)parameter;
    return PyUnicode_FromWideChar(data, 1);
}

static PyObject *load_wide_string(const struct parameter *parameter, void *data)
{
    (void)parameter;
    if (!*(wchar_t **)data)
        Py_RETURN_NONE;
    return PyUnicode_FromWideChar(*(wchar_t **)data, -1);
}

static PyObject *load_object(const struct parameter *parameter, void *data)
{
    PyObject *object = *(PyObject **)data;

    if (!object) /* ctypes has an exception for it */
        return load_value(parameter, data);
    Py_INCREF(object);
    return object;
}

static PyObject *load_float_complex(const struct parameter *parameter, void *data)
{
    const float *parts = data;

    (void)parameter;
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

static PyObject *load_double_complex(const struct parameter *parameter, void *data)
{
    const double *parts = data;

    (void)parameter;
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

static PyObject *load_long_double_complex(const struct parameter *parameter, void *data)
{
    const long double *parts = data;

    (void)parameter;
    return PyComplex_FromDoubles((double)parts[0], (double)parts[1]);
}

static PyObject *load_impossible(const struct parameter *parameter, void *data)
{
    (void)data;
    if (compat_ctypes_reports_arguments())
        PyErr_Format(PyExc_TypeError, "cannot build parameter of type %R", parameter->type);
    else
        PyErr_SetString(PyExc_TypeError, "cannot build parameter");
    return NULL;
}

static load_function *const loaders[CONVERT_CODES] = {
    CONVERT_LOADERS,
    [0] = load_value,
    ['P'] = load_pointer,
    ['?'] = load_bool,
    ['z'] = load_string,
    ['Z'] = load_wide_string,
    ['u'] = load_wide_char,
    ['g'] = load_long_double,
    ['F'] = load_float_complex,
    ['D'] = load_double_complex,
    ['G'] = load_long_double_complex,
    ['O'] = load_object,
    ['*'] = ctypes_load_instance,
    ['~'] = load_open,
    ['!'] = load_impossible,
};

ALWAYS_INLINE PyObject *load_argument(const struct parameter *parameter, void *data)
{
    return loaders[parameter->loader % CONVERT_CODES](parameter, data);
}

static int store_long_double(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyFloat_CheckExact(value))
        return 0;
    *(long double *)result = PyFloat_AS_DOUBLE(value);
    return 1;
}

static int store_float_complex(const struct parameter *parameter, void *result, PyObject *value)
{
    float *parts = result;

    (void)parameter;
    if (!PyComplex_CheckExact(value))
        return 0;
    parts[0] = (float)PyComplex_RealAsDouble(value);
    parts[1] = (float)PyComplex_ImagAsDouble(value);
    return 1;
}

static int store_double_complex(const struct parameter *parameter, void *result, PyObject *value)
{
    double *parts = result;

    (void)parameter;
    if (!PyComplex_CheckExact(value))
        return 0;
    parts[0] = PyComplex_RealAsDouble(value);
    parts[1] = PyComplex_ImagAsDouble(value);
    return 1;
}

static int store_long_double_complex(const struct parameter *parameter, void *result,
                                     PyObject *value)
{
    long double *parts = result;

    (void)parameter;

    if (!PyComplex_CheckExact(value))
        return 0;
    parts[0] = PyComplex_RealAsDouble(value);
    parts[1] = PyComplex_ImagAsDouble(value);
    return 1;
}

static int store_wide_char(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyUnicode_CheckExact(value) || PyUnicode_GetLength(value) != 1)
        return 0;
    *(ffi_sarg *)result = (ffi_sarg)PyUnicode_ReadChar(value, 0);
    return 1;
}

static int store_pointer(const struct parameter *parameter, void *result, PyObject *value)
{
    long number = 0;

    (void)parameter;
    if (value != Py_None && !integer_read(value, &number))
        return 0;
    *(ffi_sarg *)result = number;
    return 1;
}

/* The result of a function without one is ignored. */
static int store_nothing(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter, (void)result, (void)value;
    return 1;
}

/* It is owned by the C caller. */
static int store_object(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    Py_INCREF(value);
    *(PyObject **)result = value;
    return 1;
}

static store_function *const storers[CONVERT_CODES] = {
    CONVERT_STORERS,
    ['g'] = store_long_double,
    ['F'] = store_float_complex,
    ['D'] = store_double_complex,
    ['G'] = store_long_double_complex,
    ['u'] = store_wide_char,
    ['P'] = store_pointer,
    ['z'] = store_pointer,
    ['Z'] = store_pointer,
    ['O'] = store_object,
    ['v'] = store_nothing,
};

/*
 * Store through .value.  Objects that ctypes keeps alive for the stored pointer can only be kept
 * permanently here.
 */
static int store_value(const struct parameter *parameter, void *result, PyObject *value)
{
    PyObject *instance = bare_instance(parameter);
    PyObject *descriptor = parameter->interpreter->ctypes.is.simple_value;
    PyObject *objects = NULL;
    int error = -1;

    if (instance && !Py_TYPE(descriptor)->tp_descr_set(descriptor, instance, value)
        && !copy_out(instance, parameter, result))
        objects = PyObject_GetAttrString(instance, "_objects");
    Py_XDECREF(instance);
    if (objects == Py_None) {
        error = 0;
    } else if (objects) {
        Py_INCREF(objects);
        error = PyErr_WarnEx(PyExc_RuntimeWarning, "memory leak in callback function.", 1);
    }
    Py_XDECREF(objects);
    return error;
}

/* Integers are truncated to their width without an error, as in ctypes. */
static int store_integer(const struct parameter *parameter, void *result, PyObject *value)
{
    unsigned long long number = PyLong_AsUnsignedLongLongMask(value);
    int spare = 8 * ((int)sizeof(number) - (int)parameter->size);
    ffi_arg wide = parameter->extension == 's' ? (ffi_arg)((long long)(number << spare) >> spare)
                                               : (ffi_arg)(number << spare >> spare);

    if (number == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    if (parameter->size > (Py_ssize_t)sizeof(wide))
        memcpy(result, &number, sizeof(number));
    else
        memcpy(result, &wide, sizeof(wide));
    return 0;
}

/* What the storers do not take. */
static int store(const struct parameter *parameter, void *result, PyObject *value)
{
    if (PyLong_CheckExact(value) && convert_is_integer(parameter->code))
        return store_integer(parameter, result, value);
    return store_value(parameter, result, value);
}

/* Exchange errno with the thread's private copy that ctypes.get_errno() shows. */
static int swap_errno(const Signature *signature, int *error)
{
    const struct interpreter *interpreter = signature->result.interpreter;
    PyObject *old = PyObject_CallFunction(interpreter->ctypes.is.set_errno, "i", *error);

    if (!old)
        return -1;
    *error = (int)PyLong_AsLong(old);
    Py_DECREF(old);
    return PyErr_Occurred() ? -1 : 0;
}

COLD static void report(const char *doing, PyObject *callable)
{
    char text[80];

    snprintf(text, sizeof(text), "%s ctypes callback function", doing);
    compat_report(text, callable);
}

COLD static void report_argument(PyObject *callable, Py_ssize_t index)
{
    if (compat_ctypes_reports_arguments())
        PyErr_FormatUnraisable("Exception ignored while creating argument %zd for "
                               "ctypes callback function %R",
                               index, callable);
    else
        PyErr_Print();
}

static PyObject *call_with_errno(const struct callee *callee, PyObject **objects, int *error)
{
    const Signature *signature = callee->closure->owner.signature;
    PyObject *value;

    if (swap_errno(signature, error)) {
        report("while setting error for", callee->callable);
        return NULL;
    }
    errno = *error;
    value = dispatch_call(callee->callable, objects, signature->count);
    *error = errno;
    if (!value)
        report(COMPAT_CTYPES_WHILE "calling", callee->callable);
    if (swap_errno(signature, error)) {
        report("while setting error for", callee->callable);
        Py_CLEAR(value);
    }
    return value;
}

ALWAYS_INLINE void release(const struct parameter *parameter, PyObject *object)
{
    if (parameter->spare)
        ctypes_give_back(parameter, object);
    else
        Py_DECREF(object);
}

/* ctypes does not define the result of a callback that raises; zero is better than a stale word. */
ALWAYS_INLINE void call(const struct callee *callee, void *result, PyObject **objects,
                        Py_ssize_t made, struct saved_errno *saved)
{
    const Signature *signature = callee->closure->owner.signature;
    PyObject *value = NULL;

    if (made < signature->count) {
        report_argument(callee->callable, made);
    } else if (signature->flags & FLAG_USE_ERRNO) {
        *saved = (struct saved_errno){1, errno};
        value = call_with_errno(callee, objects, &saved->value);
    } else {
        value = dispatch_call(callee->callable, objects, made);
        if (!value)
            report(COMPAT_CTYPES_WHILE "calling", callee->callable);
    }
    if (!value) {
        convert_clear(signature->cif, result);
    } else if (!convert_store(storers, &signature->result, result, value)
               && store(&signature->result, result, value)) {
        convert_clear(signature->cif, result);
        report(COMPAT_CTYPES_WHILE "converting result of", callee->callable);
    }
    Py_XDECREF(value);
}

/* ctypes has no error value. */
static void return_error_value(const Closure *self, void *result)
{
    convert_clear(self->owner.signature->cif, result);
}

COLD static void elsewhere(const union tfd_record *record, void *result,
                           const struct tfd_plan *plan, char *frame, void **arguments,
                           struct saved_errno *saved)
{
    dispatch_elsewhere(record, result, plan, frame, arguments, call, release, GO_AFTER_CALL, saved);
}

/* errno matters only to callbacks that asked for it. */
ALWAYS_INLINE void serve(const union tfd_record *record, void *result, const struct tfd_plan *plan,
                         char *frame, void **arguments)
{
    struct saved_errno saved = {0, 0};

    dispatch(record, result, plan, frame, arguments, call, release, GO_AFTER_CALL, elsewhere,
             &saved);
    if (saved.is_set)
        errno = saved.value;
}

static void serve_late(const struct callee *callee, void *result, char *frame,
                       struct saved_errno *saved)
{
    Py_ssize_t refused;
    const struct late_version *version = late_now(callee->closure->owner.signature, &refused);

    if (version) {
        void *arguments[version->plan->count + 1];
        struct tfd_gathered values[version->plan->gather_count + 1];

        tfd_plan_arguments(version->plan, frame, arguments, values);
        dispatch_attached(callee, version->signature, result, NULL, NULL, arguments, call, release,
                          saved);
    } else {
        call(callee, result, NULL, refused, saved);
    }
}

HOT static struct tfd_return_words dispatch_frame(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = tfd_plan_result(plan, frame);

    if (__builtin_expect(plan->gather_count != 0, 0))
        return tfd_plan_call_with_record(frame, record); /* which calls handler() */
    serve(record, result, plan, frame, NULL);
    return tfd_plan_return(kind, frame);
}

/* The same if the signature may have changed. */
static struct tfd_return_words dispatch_late(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = tfd_plan_result(plan, frame);
    struct saved_errno saved = {0, 0};
    enum attachment attachment;
    struct callee callee;
    struct visit visit;

    if (dispatch_enter(&callee, record, result, GO_AFTER_CALL, &attachment)) {
        serve_late(&callee, result, frame, &saved);
        dispatch_leave(&callee, attachment);
    } else if (attachment == ELSEWHERE
               && visit_begin(&visit, &callee, record, result, GO_AFTER_CALL)) {
        serve_late(&callee, result, frame, &saved);
        visit_end(&visit, &callee);
    }
    if (saved.is_set)
        errno = saved.value;
    return tfd_plan_return(kind, frame);
}

static void handler(ffi_cif *cif, void *result, void **arguments, void *record)
{
    (void)cif;
    serve(record, result, NULL, NULL, arguments);
}

const struct frontend frontend_ctypes = {
    .name = "ctypes",
    .loaders = loaders,
    .storers = storers,
    .reused = REUSED,
    .dispatch = dispatch_frame,
    .dispatch_late = dispatch_late,
    .handler = handler,
    .return_error_value = return_error_value,
};

const PyMethodDef ctypes_functions[] = {
    {"init_ctypes", ctypes_init, METH_VARARGS,
     PyDoc_STR("init_ctypes(module, signature_of)\n--\n\n"
               "Use this _ctypes module.  The signature of a class is what it keeps, or else what\n"
               "signature_of(cls) returns.")},
    {"make_ctypes", make, METH_VARARGS,
     PyDoc_STR("make_ctypes(cls, callable)\n--\n\n"
               "What cls.__new__(cls, callable) gives, on a closure of trampfd.")},
    {NULL, NULL, 0, NULL},
};
