/* SPDX-License-Identifier: MIT */
/*
 * Callbacks with cffi's conversions, through the functions that cffi exports to the
 * modules it compiles (the capsule _cffi_backend._C_API, whose layout is fixed by those
 * modules).  Behaviour to match: cffi's documentation of ffi.callback, and its wording.
 *
 * Codes of parameters: bBhHiIqQfd integers and floats, '?' _Bool, 'c' char and 'g' long double, and
 * 's' structures as results, are converted here if they are of the exact class, and by cffi
 * otherwise; 'v' void; 'x' all others.
 */
#include "cffi_cdata.h"
#include "convert.h"
#include "dispatch.h"
#include "error.h"
#include "module.h"
#include "state.h"

#include <errno.h>
#include <string.h>

#define REUSED 'g' /* the code of arguments whose cdata are reused */

/* Positions in the capsule's table; the numbers are part of cffi's binary interface. */
enum { RESTORE_ERRNO = 13, SAVE_ERRNO = 14, TO_OBJECT = 16, FROM_OBJECT = 17 };

static int find_owner(PyObject *object, void *found)
{
    if (owner_check(object))
        *(int *)found = 1;
    return 0;
}

/*
 * In a cycle the garbage collector finalizes a cdata with a destructor before some of the objects
 * that may still call it.  A callback made by cffi has no finalizer: it is freed when the cycle is
 * broken, and so are ours.
 */
static void finalize(PyObject *cdata)
{
    int is_ours = 0;

    Py_TYPE(cdata)->tp_traverse(cdata, find_owner, &is_ours);
    if (!is_ours)
        native.cffi.is.finalize(cdata);
}

/* init_cffi(_cffi_backend, parameters, signature_of, sample) */
static PyObject *cffi_init(PyObject *module, PyObject *args)
{
    PyObject *backend, *parameters, *signature_of, *sample;
    int is_parsed = PyArg_ParseTuple(args, "OO!OO:init_cffi", &backend, &PyDict_Type, &parameters,
                                     &signature_of, &sample);
    PyObject *capsule = is_parsed ? PyObject_GetAttrString(backend, "_C_API") : NULL;
    void **table = capsule ? PyCapsule_GetPointer(capsule, "cffi") : NULL;
    PyObject *owner = table ? PyObject_GetAttrString(backend, "__CDataGCP") : NULL;
    PyTypeObject *type = (PyTypeObject *)owner;
    struct cffi_functions found = {.finalize = native.cffi.is.finalize};
    int error;

    (void)module; /* with the GIL there are no critical sections */
    Py_XDECREF(capsule);
    if (!owner || cffi_signature_init(parameters, signature_of)
        || cffi_make_init(backend, sample)) {
        Py_XDECREF(owner);
        return NULL;
    }
    memcpy(&found.restore_errno, &table[RESTORE_ERRNO], sizeof(void *));
    memcpy(&found.save_errno, &table[SAVE_ERRNO], sizeof(void *));
    memcpy(&found.to_object, &table[TO_OBJECT], sizeof(void *));
    memcpy(&found.from_object, &table[FROM_OBJECT], sizeof(void *));
    if (PyType_Check(owner) && type->tp_finalize && type->tp_finalize != finalize)
        found.finalize = type->tp_finalize;
    Py_BEGIN_CRITICAL_SECTION(module);
    error = memcmp(&native.cffi.is, &found, sizeof(found))
                ? tfd_sealed_store(&native.cffi, &found, sizeof(found))
                : 0;
    Py_END_CRITICAL_SECTION();
    if (!error && PyType_Check(owner) && type->tp_finalize)
        type->tp_finalize = finalize;
    Py_DECREF(owner);
    if (error)
        return error_raise(error);
    Py_RETURN_NONE;
}

PyObject *cffi_pointer(void *pointer, PyObject *ctype)
{
    return native.cffi.is.to_object((char *)&pointer, ctype);
}

static PyObject *load(const struct parameter *parameter, void *data)
{
    return native.cffi.is.to_object(data, parameter->type);
}

/* cffi has an exception for other values than 0 and 1. */
static PyObject *load_bool(const struct parameter *parameter, void *data)
{
    unsigned char value = *(unsigned char *)data;

    return value > 1 ? load(parameter, data) : PyBool_FromLong(value);
}

/* The cdata of the latest call, if nobody kept it. */
static PyObject *load_long_double(const struct parameter *parameter, void *data)
{
    PyObject *object = parameter->spare ? owner_take(parameter->spare) : NULL;

    if (!object)
        return load(parameter, data);
    memcpy(((struct cdata *)object)->data, data, (size_t)parameter->size);
    return object;
}

ALWAYS_INLINE void release(const struct parameter *parameter, PyObject *object)
{
    if (parameter->spare && compat_is_only_reference(object) && cdata_is(object, parameter)
        && !((struct cdata *)object)->weak_references)
        object = __atomic_exchange_n(parameter->spare, object, __ATOMIC_ACQ_REL);
    Py_XDECREF(object);
}

static load_function *const loaders[CONVERT_CODES] = {
    CONVERT_LOADERS,
    [0] = load,
    ['?'] = load_bool,
    [REUSED] = load_long_double,
};

ALWAYS_INLINE PyObject *load_argument(const struct parameter *parameter, void *data)
{
    return loaders[parameter->loader % CONVERT_CODES](parameter, data);
}

static int store_none(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter, (void)result;
    return value == Py_None;
}

/* Structures and long doubles: a copy. */
static int store_cdata(const struct parameter *parameter, void *result, PyObject *value)
{
    if (!cdata_is(value, parameter))
        return 0;
    memcpy(result, ((struct cdata *)value)->data, (size_t)parameter->size);
    return 1;
}

static store_function *const storers[CONVERT_CODES] = {
    CONVERT_STORERS,
    ['v'] = store_none,
    [REUSED] = store_cdata,
    ['s'] = store_cdata,
};

/* cffi stores at the lowest address, which is the wrong end of an ffi_arg on big-endian CPUs. */
static int store_by_cffi(const struct parameter *parameter, void *result, PyObject *value,
                         int is_signed)
{
    ffi_arg narrow = 0;

    if (native.cffi.is.from_object((char *)&narrow, parameter->type, value) < 0)
        return -1;
    store_narrow(result, &narrow, parameter->size, is_signed);
    return 0;
}

static int store_slow(const struct parameter *parameter, void *result, PyObject *value)
{
    if (parameter->code == 'v') {
        PyErr_SetString(PyExc_TypeError, "callback with the return type 'void' must return None");
        return -1;
    }
    if (parameter->extension)
        return store_by_cffi(parameter, result, value, parameter->extension == 's');
    return native.cffi.is.from_object(result, parameter->type, value) < 0 ? -1 : 0;
}

ALWAYS_INLINE int store(const struct parameter *parameter, void *result, PyObject *value)
{
    return convert_store(storers, parameter, result, value) ? 0
                                                            : store_slow(parameter, result, value);
}

int cffi_store(const struct parameter *parameter, void *result, PyObject *value)
{
    return store(parameter, result, value);
}

static void return_error_value(const Closure *self, void *result)
{
    PyObject *value = closure_error_value(self);

    if (value)
        memcpy(result, PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
    else
        convert_clear(self->owner.signature->cif, result);
}

#define CALLBACK "from cffi callback "
#define CONVERTING ", trying to convert the result back to C"

/* onerror(exception, value, traceback) may give another result; its own exception is reported
   after the first one. */
static void call_onerror(const struct callee *callee, void *result, const char *after)
{
    const Closure *self = callee->closure;
    PyObject *type, *value, *traceback, *answer;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    answer = PyObject_CallFunctionObjArgs(closure_onerror(self), type ? type : Py_None,
                                          value ? value : Py_None, traceback ? traceback : Py_None,
                                          NULL);
    if (answer
        && (answer == Py_None || cffi_store(&self->owner.signature->result, result, answer) == 0)) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    } else {
        PyObject *second_type, *second_value, *second_traceback;

        PyErr_Fetch(&second_type, &second_value, &second_traceback);
        PyErr_Restore(type, value, traceback);
        error_print(CALLBACK, callee->callable, after);
        PyErr_Restore(second_type, second_value, second_traceback);
        error_print("during handling of the above exception by 'onerror'", NULL, "");
    }
    Py_XDECREF(answer);
}

COLD static void fail(const struct callee *callee, void *result, const char *after)
{
    return_error_value(callee->closure, result);
    if (closure_onerror(callee->closure))
        call_onerror(callee, result, after);
    else
        error_print(CALLBACK, callee->callable, after);
}

ALWAYS_INLINE void call(const struct callee *callee, void *result, PyObject **objects,
                        Py_ssize_t made, struct saved_errno *saved)
{
    const Signature *signature = callee->closure->owner.signature;
    PyObject *value = NULL;

    (void)saved;
    if (made == signature->count)
        value = dispatch_call(callee->callable, objects, made);
    if (!value)
        fail(callee, result, "");
    else if (store(&signature->result, result, value) < 0)
        fail(callee, result, CONVERTING);
    Py_XDECREF(value);
}

COLD static void elsewhere(const union tfd_record *record, void *result,
                           const struct tfd_plan *plan, char *frame, void **arguments,
                           struct saved_errno *saved)
{
    dispatch_elsewhere(record, result, plan, frame, arguments, call, release, STAY_WITH_THREAD,
                       saved);
}

/* cffi keeps an errno of its own for each thread, which ffi.errno shows. */
HOT static struct tfd_return_words dispatch_frame(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = tfd_plan_result(plan, frame);

    if (__builtin_expect(plan->gather_count != 0, 0))
        return tfd_plan_call_with_record(frame, record); /* which calls handler() */
    native.cffi.is.save_errno();
    dispatch(record, result, plan, frame, NULL, call, release, STAY_WITH_THREAD, elsewhere, NULL);
    native.cffi.is.restore_errno();
    return tfd_plan_return(kind, frame);
}

static void handler(ffi_cif *cif, void *result, void **arguments, void *record)
{
    (void)cif;
    native.cffi.is.save_errno();
    dispatch(record, result, NULL, NULL, arguments, call, release, STAY_WITH_THREAD, elsewhere,
             NULL);
    native.cffi.is.restore_errno();
}

static PyObject *make(PyObject *module, PyObject *args)
{
    PyObject *ctype, *callable, *error, *onerror;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO:make_cffi", &ctype, &callable, &error, &onerror))
        return NULL;
    return cffi_make(ctype, callable, error, onerror);
}

const struct frontend frontend_cffi = {
    .name = "cffi",
    .loaders = loaders,
    .storers = storers,
    .reused = REUSED,
    .dispatch = dispatch_frame,
    .handler = handler,
    .return_error_value = return_error_value,
};

const PyMethodDef cffi_functions[] = {
    {"init_cffi", cffi_init, METH_VARARGS,
     PyDoc_STR(
         "init_cffi(backend, parameters, signature_of, sample)\n--\n\n"
         "Use this _cffi_backend's conversions.  The signature of a ctype is made of those in\n"
         "the dict parameters, or else what signature_of(ctype) returns.  The sample shows the\n"
         "layout of a cdata with a destructor: (cdata, ctype, address, origin, destructor), or\n"
         "None where ffi.gc() is to make them.")},
    {"make_cffi", make, METH_VARARGS,
     PyDoc_STR("make_cffi(ctype, callable, error, onerror)\n--\n\n"
               "What ffi.callback() gives, on a closure of trampfd.")},
    {NULL, NULL, 0, NULL},
};
