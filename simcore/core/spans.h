/* The operations that the programmer wrote. Part of `_core.c`. */

/* spanning(original, number, fixed, args, kwargs): call the original between two records. */
static PyObject *
core_spanning(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyTuple_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "spanning takes a function, a number, an object's id, arguments and named ones");
        return NULL;
    }
    Writer *actor = acting();
    int64_t number, object = 0;
    uint32_t site = 0;
    if (number_of(args[1], UINT16_MAX, &number) < 0 || number_of(args[2], UINT32_MAX, &object) < 0) return NULL;
    if (actor == NULL || actor->spans || !PyTuple_GET_SIZE(args[3])) return PyObject_Call(args[0], args[3], args[4]);
    Py_INCREF(actor);
    if (!object) object = number_named(PyTuple_GET_ITEM(args[3], 0), str_simcore_id);
    if (object <= 0 || current_site(&site) < 0) {
        Py_DECREF(actor);
        return object ? NULL : PyObject_Call(args[0], args[3], args[4]);
    }
    actor->spans++;
    PyObject *result = NULL;
    if (emit(actor, SPAN, (uint32_t)object, site, number | 1, 0) == 0) {
        result = PyObject_Call(args[0], args[3], args[4]);
    }
    PyObject *error = result == NULL ? PyErr_GetRaisedException() : NULL;
    actor->spans--;
    if (emit(actor, SPAN, (uint32_t)object, site, number, 0) == 0) {
        PyErr_SetRaisedException(error); /* none, where it returned */
    }
    else {
        Py_CLEAR(result);
        Py_XDECREF(error);
    }
    Py_DECREF(actor);
    return result;
}
