/* SPDX-License-Identifier: MIT */
#include "ctypes_instance.h"

#include "interpreter.h"
#include "state.h"

#include <descrobject.h>
#include <string.h>
#include <structmember.h>

/* The offset of a member of instances, by the descriptor that Python code reads it by; or -1. */
static Py_ssize_t offset_of(PyObject *cls, const char *name, int type)
{
    PyObject *descriptor = PyObject_GetAttrString(cls, name);
    const PyMemberDef *member = descriptor && Py_IS_TYPE(descriptor, &PyMemberDescr_Type)
                                    ? ((PyMemberDescrObject *)descriptor)->d_member
                                    : NULL;
    Py_ssize_t offset = -1;

    if (member && (member->type == type || member->type == T_OBJECT_EX))
        offset = member->offset;
    else if (descriptor)
        PyErr_Format(PyExc_ImportError,
                     "this version of ctypes does not say where instances keep `%s`", name);
    Py_XDECREF(descriptor);
    return offset;
}

int ctypes_instance_init(PyObject *cls)
{
    Py_ssize_t objects = offset_of(cls, "_objects", T_OBJECT);
    Py_ssize_t base = objects < 0 ? -1 : offset_of(cls, "_b_base_", T_OBJECT);

    if (base < 0)
        return -1;
    atomic_store(&native.ctypes_objects, objects);
    atomic_store(&native.ctypes_size, base + (Py_ssize_t)sizeof(PyObject *));
    return 0;
}

void ctypes_keep(PyObject *instance, PyObject *object)
{
    Py_ssize_t offset = atomic_load_explicit(&native.ctypes_objects, memory_order_relaxed);

    *(PyObject **)((char *)instance + offset) = Py_NewRef(object);
}

/*
 * The address of the buffer follows the head of an object, and its size the base, in all versions of
 * ctypes so far; the first instance shows whether it is so in this one.
 */
static void *address_of(PyObject *instance)
{
    return *(void **)(instance + 1);
}

static Py_ssize_t size_of(PyObject *instance)
{
    Py_ssize_t offset = atomic_load_explicit(&native.ctypes_size, memory_order_relaxed);

    return *(Py_ssize_t *)((char *)instance + offset);
}

static int layout_is_known(void)
{
    return atomic_load_explicit(&native.ctypes_layout_is_known, memory_order_relaxed);
}

static Py_ssize_t least(Py_ssize_t one, Py_ssize_t other)
{
    return one < other ? one : other;
}

int ctypes_fill(PyObject *instance, const void *data, Py_ssize_t size)
{
    Py_buffer view;

    if (layout_is_known()) {
        memcpy(address_of(instance), data, (size_t)least(size_of(instance), size));
        return 0;
    }
    if (PyObject_GetBuffer(instance, &view, PyBUF_WRITABLE))
        return -1;
    memcpy(view.buf, data, (size_t)least(view.len, size));
    if (address_of(instance) == view.buf && size_of(instance) == view.len)
        atomic_store(&native.ctypes_layout_is_known, 1);
    PyBuffer_Release(&view);
    return 0;
}

/* _ctypes._CData, the base of all classes. */
static PyTypeObject *common_base(const struct parameter *parameter)
{
    return ((PyTypeObject *)parameter->interpreter->ctypes.is.simple_class)->tp_base;
}

/* The class of _ctypes itself that a class derives from: Structure, Union, Array or _Pointer. */
static const PyTypeObject *kind_of(const struct parameter *parameter, const PyTypeObject *cls)
{
    const PyTypeObject *base = common_base(parameter);

    while (cls->tp_base && cls->tp_base != base)
        cls = cls->tp_base;
    return cls;
}

/* Does no code of the program run when an instance is made or destroyed? */
static int is_plain(const struct parameter *parameter, const PyTypeObject *cls)
{
    const PyTypeObject *kind = kind_of(parameter, cls);

    return cls->tp_new == kind->tp_new && cls->tp_init == kind->tp_init
           && cls->tp_finalize == kind->tp_finalize && !cls->tp_del
           && Py_TYPE(cls)->tp_call == PyType_Type.tp_call;
}

static PyObject *make_instance(const struct parameter *parameter)
{
    PyObject *object = PyObject_CallNoArgs(parameter->type);

    if (object && !PyObject_TypeCheck(object, common_base(parameter))) {
        PyErr_Format(PyExc_TypeError, "%R returned unexpected result of type %s", parameter->type,
                     Py_TYPE(object)->tp_name);
        Py_CLEAR(object);
    }
    return object;
}

PyObject *ctypes_load_instance(const struct parameter *parameter, void *data)
{
    PyObject *object = parameter->spare ? owner_take(parameter->spare) : NULL;

    if (object)
        PyObject_GC_Track(object);
    if (object && !is_plain(parameter, Py_TYPE(object)))
        Py_CLEAR(object);
    if (!object)
        object = make_instance(parameter);
    if (object && ctypes_fill(object, data, parameter->size))
        Py_CLEAR(object);
    return object;
}

struct references {
    PyObject *to_class;
    unsigned count;
};

/* Stops at anything but one reference to the class. */
static int count_reference(PyObject *object, void *data)
{
    struct references *references = data;

    return object != references->to_class || ++references->count > 1;
}

static int has_weak_references(PyObject *object)
{
    Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;

    return offset && *(PyObject **)((char *)object + offset);
}

/* Only its contents have changed: it refers to its class, once, and nothing refers to it weakly. */
static int is_as_new(const struct parameter *parameter, PyObject *object)
{
    PyTypeObject *cls = Py_TYPE(object);
    struct references references = {(PyObject *)cls, 0};

    return (PyObject *)cls == parameter->type && is_plain(parameter, cls) && layout_is_known()
           && size_of(object) == parameter->size && !has_weak_references(object)
           && !cls->tp_traverse(object, count_reference, &references);
}

void ctypes_give_back(const struct parameter *parameter, PyObject *instance)
{
    if (compat_is_only_reference(instance) && is_as_new(parameter, instance)) {
        /* Neither the program nor the collector, which would clear it, may find it meanwhile. */
        PyObject_GC_UnTrack(instance);
        instance = __atomic_exchange_n(parameter->spare, instance, __ATOMIC_ACQ_REL);
    }
    Py_XDECREF(instance);
}
