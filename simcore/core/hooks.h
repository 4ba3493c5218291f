/* The hooks that rewritten code calls, while recording. Part of `_core.c`. */

static PyObject *
none_unless(int failed)
{
    if (failed) return NULL;
    Py_RETURN_NONE;
}

/* Store what `updated` gave, which is stolen. Where that is nothing, without an error, all of it is for Python to do. */
static inline PyObject *
stored(PyObject *result, objobjargproc store, PyObject *object, PyObject *key, int hook, PyObject *const *args, Py_ssize_t nargs)
{
    if (result == NULL) return PyErr_Occurred() ? NULL : in_python(hook, args, nargs);
    int failed = store(object, key, result) < 0;
    Py_DECREF(result);
    return none_unless(failed);
}

/* Attributes */

/* load_attr(obj, spot) */
static PyObject *
core_load_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    if (actor == NULL) return in_python(LOAD_ATTR, args, nargs);
    int holder = holder_of(spot, LOADS, Py_TYPE(args[0]));
    int done = holder == ITS_OWN ? recorded(actor, args[0], spot, args[1], LOAD, 0) : holder == NOBODYS ? 1 : holder < 0 ? -1 : 0;
    if (done <= 0) return done < 0 ? NULL : in_python(LOAD_ATTR, args, nargs);
    return PyObject_GetAttr(args[0], spot->name);
}

/* store_attr(value, obj, spot) */
static PyObject *
core_store_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    if (actor == NULL) return in_python(STORE_ATTR, args, nargs);
    int holder = holder_of(spot, STORES, Py_TYPE(args[1]));
    int done = holder == ITS_OWN ? recorded(actor, args[1], spot, args[2], ASSIGN, 0) : holder < 0 ? -1 : 0;
    if (done <= 0) return done < 0 ? NULL : in_python(STORE_ATTR, args, nargs);
    return none_unless(Py_TYPE(args[1])->tp_setattro(args[1], spot->name, args[0]) < 0);
}

/* update_attr(obj, value, op, spot) */
static PyObject *
core_update_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    if (actor == NULL) return in_python(UPDATE_ATTR, args, nargs);
    int holder = holder_of(spot, BOTH, Py_TYPE(args[0]));
    Access access;
    if (holder != ITS_OWN) return holder < 0 ? NULL : in_python(UPDATE_ATTR, args, nargs);
    if (prepare(&access, actor, args[0], spot, args[3]) < 0) return NULL;
    PyTypeObject *type = Py_TYPE(args[0]);
    PyObject *result = updated(&access, type->tp_getattro(args[0], spot->name), args[1], args[2], 0);
    return stored(result, type->tp_setattro, args[0], spot->name, UPDATE_ATTR, args, nargs);
}

/* Items of lists and dicts */

/* What stands in a record for this key: 1 done, 0 it is for Python to do, -1 error. */
static int
item_at(PyObject *container, PyObject *key, int is_new, int64_t *number)
{
    int is_dict = PyDict_CheckExact(container);
    if (!is_dict && !PyList_CheckExact(container)) return 0;
    if (PyLong_CheckExact(key)) {
        int overflow;
        long long index = PyLong_AsLongLongAndOverflow(key, &overflow);
        if (overflow) return 0;
        if (!is_dict) {
            index += index < 0 ? PyList_GET_SIZE(container) : 0;
            if (index < 0 || index >= PyList_GET_SIZE(container)) return 0;
        }
        *number = INTEGER + index;
        return index >= 0 && index < INTEGER;
    }
    if (!is_dict || !PyUnicode_CheckExact(key)) return 0;
    PyObject *known = PyDict_GetItemWithError(key_numbers, key);
    if (known == NULL) {
        if (PyErr_Occurred()) return -1;
        known = PyObject_CallFunctionObjArgs(ask_key, container, key, NULL);
        if (known == NULL || PyDict_SetItem(key_numbers, key, known) < 0) {
            Py_XDECREF(known);
            return -1;
        }
        Py_DECREF(known);
    }
    *number = PyLong_AsLongLong(known);
    return is_new || PyDict_Contains(container, key);
}

/* load_item(obj, key, spot) */
static PyObject *
core_load_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    int64_t key;
    int done = actor == NULL ? 0 : item_at(args[0], args[1], 0, &key);
    if (done > 0) {
        done = recorded(actor, args[0], spot, args[2], LOAD, key);
    }
    if (done <= 0) return done < 0 ? NULL : in_python(LOAD_ITEM, args, nargs);
    return PyObject_GetItem(args[0], args[1]);
}

/* store_item(value, obj, key, spot) */
static PyObject *
core_store_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    int64_t key;
    int done = actor == NULL ? 0 : item_at(args[1], args[2], 1, &key);
    if (done > 0) {
        done = recorded(actor, args[1], spot, args[3], ASSIGN, key);
    }
    if (done <= 0) return done < 0 ? NULL : in_python(STORE_ITEM, args, nargs);
    return none_unless(PyObject_SetItem(args[1], args[2], args[0]) < 0);
}

/* update_item(obj, key, value, op, spot) */
static PyObject *
core_update_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 5, &spot);
    int64_t key;
    int found = actor == NULL ? 0 : item_at(args[0], args[1], 0, &key);
    Access access;
    if (found <= 0) return found < 0 ? NULL : in_python(UPDATE_ITEM, args, nargs);
    if (prepare(&access, actor, args[0], spot, args[4]) < 0) return NULL;
    PyObject *result = updated(&access, PyObject_GetItem(args[0], args[1]), args[2], args[3], key);
    return stored(result, PyObject_SetItem, args[0], args[1], UPDATE_ITEM, args, nargs);
}

/* Variables */

/* load_global(spot) */
static PyObject *
core_load_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 1, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    Access access;
    if (values == NULL) return in_python(LOAD_GLOBAL, args, nargs);
    if (prepare(&access, actor, values, spot, args[0]) < 0) return NULL;
    PyObject *value = PyDict_GetItemWithError(values, spot->name);
    if (value == NULL && PyErr_Occurred()) return NULL;
    return value != NULL && record(&access, LOAD, 0) ? Py_NewRef(value) : in_python(LOAD_GLOBAL, args, nargs);
}

/* store_global(value, spot) */
static PyObject *
core_store_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    int done = values == NULL ? 0 : recorded(actor, values, spot, args[1], ASSIGN, 0);
    if (done <= 0) return done < 0 ? NULL : in_python(STORE_GLOBAL, args, nargs);
    return PyDict_SetItem(values, spot->name, args[0]) < 0 ? NULL : Py_NewRef(args[0]);
}

/* update_global(value, op, spot) */
static PyObject *
core_update_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    Access access;
    if (values == NULL) return in_python(UPDATE_GLOBAL, args, nargs);
    if (prepare(&access, actor, values, spot, args[2]) < 0) return NULL;
    PyObject *value = PyDict_GetItemWithError(values, spot->name);
    if (value == NULL && PyErr_Occurred()) return NULL;
    PyObject *result = updated(&access, Py_XNewRef(value), args[0], args[1], 0);
    return stored(result, PyDict_SetItem, values, spot->name, UPDATE_GLOBAL, args, nargs);
}

/* load_cell(cell, spot) */
static PyObject *
core_load_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    Access access;
    if (actor == NULL || !PyCell_Check(args[0])) return in_python(LOAD_CELL, args, nargs);
    if (prepare(&access, actor, args[0], spot, args[1]) < 0) return NULL;
    PyObject *value = PyCell_GET(args[0]);
    return value != NULL && record(&access, LOAD, 0) ? Py_NewRef(value) : in_python(LOAD_CELL, args, nargs);
}

/* store_cell(value, cell, spot) */
static PyObject *
core_store_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    int done = actor == NULL || !PyCell_Check(args[1]) ? 0 : recorded(actor, args[1], spot, args[2], ASSIGN, 0);
    if (done <= 0) return done < 0 ? NULL : in_python(STORE_CELL, args, nargs);
    return PyCell_Set(args[1], args[0]) < 0 ? NULL : Py_NewRef(args[0]);
}

static int
set_cell(PyObject *cell, PyObject *unused, PyObject *value)
{
    return PyCell_Set(cell, value);
}

/* update_cell(cell, value, op, spot) */
static PyObject *
core_update_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    Access access;
    if (actor == NULL || !PyCell_Check(args[0])) return in_python(UPDATE_CELL, args, nargs);
    if (prepare(&access, actor, args[0], spot, args[3]) < 0) return NULL;
    PyObject *result = updated(&access, PyCell_Get(args[0]), args[1], args[2], 0);
    return stored(result, set_cell, args[0], NULL, UPDATE_CELL, args, nargs);
}

/* Whether this may be a container whose items are places. */
static int
is_container(PyObject *object)
{
    return PyList_Check(object) || PyDict_Check(object) || PyAnySet_Check(object) || PyByteArray_Check(object) ||
           PyObject_TypeCheck(object, (PyTypeObject *)deque_type);
}

/* method(obj, spot): of a container that is Python's to do */
static PyObject *
core_method(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? core_load_attr(module, args, nargs) : in_python(METHOD, args, nargs);
}

/* whole(value, spot) */
static PyObject *
core_whole(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? Py_NewRef(args[0]) : in_python(WHOLE, args, nargs);
}

/* born(value): of interest is only what has the address of something that was met, and is nobody's but the caller's. */
static PyObject *
core_born(PyObject *module, PyObject *value)
{
    if (!(noted[bit_of(value) / 8] & 1 << bit_of(value) % 8) || Py_REFCNT(value) > 1) return Py_NewRef(value);
    return in_python(BORN, &value, 1);
}

/* is_true(value, spot) */
static PyObject *
core_is_true(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? Py_NewRef(args[0]) : in_python(IS_TRUE, args, nargs);
}
